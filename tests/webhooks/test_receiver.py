"""The webhook receiver, driven over ASGI: what it accepts, how it responds, and that a 200 means handled."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from omnivery import webhooks
from omnivery.errors import ConfigError
from omnivery.webhooks import BotVerdicts, DeliveryEvent, Receiver, ReceiverStatistics, VerdictStore, WebhookEvent

pytestmark = pytest.mark.anyio

KEY = "example-signing-key"
NOW = 1700000000
EVENT = {"event_id": "e1", "ip": "192.0.2.1", "uas": "curl/8", "is_bot": True}
DELIVERY: dict[str, Any] = {"event-data": {"event": "delivered", "recipient": "ann@example.com"}}


class Handler:
    """Keeps what it is called with; raises what it is told to."""

    def __init__(self) -> None:
        self.events: list[WebhookEvent] = []
        self.error: BaseException | None = None

    async def __call__(self, event: WebhookEvent) -> None:
        self.events.append(event)
        if self.error:
            raise self.error


class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


class Wire:
    """The server's side of one ASGI connection."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.incoming = list(messages)
        self.sent: list[MutableMapping[str, Any]] = []

    async def receive(self) -> MutableMapping[str, Any]:
        return self.incoming.pop(0)

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver(handler: Handler, clock: Clock) -> Receiver:
    return Receiver(handler, KEY, clock=clock)


def call(*, key: str = KEY, timestamp: int = NOW, token: str | None = None, **body: Any) -> bytes:
    signature = webhooks.sign(key, timestamp=timestamp, token=token)
    return json.dumps({"signature": signature, **(body or {"events": [EVENT]})}).encode()


async def post(app: Receiver, body: bytes | AsyncIterator[bytes], *, path: str = "/", root: str = "") -> httpx.Response:
    transport = httpx.ASGITransport(app=app, root_path=root)
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
        return await client.post(path, content=body)


async def test_a_good_call_is_handled_and_gets_200(receiver: Receiver, handler: Handler) -> None:
    response = await post(receiver, call())
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"message": "OK"}
    (event,) = handler.events
    assert isinstance(event, BotVerdicts)
    assert [(verdict.event_id, verdict.is_bot) for verdict in event] == [("e1", True)]
    assert receiver.statistics == ReceiverStatistics(accepted=1)


async def test_the_response_waits_for_the_handler(clock: Clock) -> None:
    """A 200 before the work is done would lose the verdicts when the work fails."""
    order: list[str] = []

    async def handler(_: WebhookEvent) -> None:
        await anyio.sleep(0.01)
        order.append("handled")

    receiver = Receiver(handler, KEY, clock=clock)
    await post(receiver, call())
    order.append("responded")
    assert order == ["handled", "responded"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(call(key="other"), id="wrong"),
        pytest.param(call(timestamp=NOW - 301), id="old"),
        pytest.param(call(timestamp=NOW + 301), id="future"),
        pytest.param(json.dumps({"events": [EVENT]}).encode(), id="missing"),
        pytest.param(b"not JSON", id="not JSON"),
        pytest.param(b"", id="empty"),
        pytest.param(call(hello=1), id="unknown payload"),
    ],
)
async def test_what_cannot_be_trusted_or_read_gets_406(receiver: Receiver, handler: Handler, body: bytes) -> None:
    """406 tells the service not to try again; the response tells a forger nothing about what was wrong."""
    response = await post(receiver, body)
    assert response.status_code == 406
    assert response.json() == {"message": "Not Acceptable"}
    assert handler.events == []
    assert receiver.statistics == ReceiverStatistics(refused=1)


async def test_a_replay_is_refused(receiver: Receiver, handler: Handler, clock: Clock) -> None:
    body = call()
    assert (await post(receiver, body)).status_code == 200
    clock.now += 300
    assert (await post(receiver, body)).status_code == 406
    assert len(handler.events) == 1
    assert receiver.statistics == ReceiverStatistics(accepted=1, replayed=1)


async def test_a_token_is_remembered_for_as_long_as_its_signature_is_fresh(
    receiver: Receiver, handler: Handler, clock: Clock
) -> None:
    """A call from the far end of the tolerance stays fresh for twice the tolerance."""
    body = call(timestamp=NOW + 300)
    assert (await post(receiver, body)).status_code == 200
    clock.now += 600
    assert (await post(receiver, body)).status_code == 406
    assert receiver.statistics.replayed == 1


async def test_the_memory_of_tokens_does_not_grow_for_ever(receiver: Receiver, clock: Clock) -> None:
    """The same token under a new timestamp tells from outside whether the old one is still known."""
    assert (await post(receiver, call(token="t"))).status_code == 200
    clock.now += 600
    assert (await post(receiver, call(token="t", timestamp=NOW + 600))).status_code == 406
    clock.now += 1
    assert (await post(receiver, call(token="t", timestamp=NOW + 601))).status_code == 200


async def test_a_refused_call_leaves_its_token_free(receiver: Receiver) -> None:
    """Else anybody who sees a token could burn it with a forged call."""
    assert (await post(receiver, call(key="other", token="t"))).status_code == 406
    assert (await post(receiver, call(token="t", hello=1))).status_code == 406
    assert (await post(receiver, call(token="t"))).status_code == 200


async def test_after_a_failed_handler_the_retry_gets_in(receiver: Receiver, handler: Handler) -> None:
    """Else one hiccup of a database would lose a batch of verdicts for good."""
    body = call()
    handler.error = ValueError("ann@example.com from 192.0.2.1")
    response = await post(receiver, body)
    assert response.status_code == 500
    assert response.json() == {"message": "Internal Server Error"}
    handler.error = None
    assert (await post(receiver, body)).status_code == 200
    assert len(handler.events) == 2
    assert receiver.statistics == ReceiverStatistics(accepted=1, failed=1)


async def test_a_handlers_exception_is_logged_with_its_place_and_without_its_text(
    receiver: Receiver, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    """Silence would hide the bug; the exception's text may hold an e-mail address."""
    handler.error = ValueError("ann@example.com")
    await post(receiver, call())
    (record,) = [record for record in caplog.records if record.name == "omnivery.webhooks"]
    assert record.levelno == logging.ERROR
    assert "ValueError" in record.getMessage()
    assert __file__ in record.getMessage()
    assert "ann@" not in record.getMessage()
    assert record.exc_info is None


async def test_a_cancelled_handler_leaves_the_token_free(clock: Clock) -> None:
    """A server that shuts down cancels its handlers; the service's retry finds the next process, or this one."""
    handled: list[str] = []
    started = anyio.Event()

    async def handler(event: WebhookEvent) -> None:
        if not started.is_set():
            started.set()
            await anyio.sleep_forever()
        handled.append(event.token)

    receiver = Receiver(handler, KEY, clock=clock)
    wire = Wire({"type": "http.request", "body": call(token="t")})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receiver, {"type": "http", "method": "POST", "path": "/"}, wire.receive, wire.send)
        await started.wait()
        tasks.cancel_scope.cancel()
    assert wire.sent == []
    assert (await post(receiver, call(token="t"))).status_code == 200
    assert handled == ["t"]
    assert receiver.statistics == ReceiverStatistics(accepted=1, failed=1)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_duplicate_is_asked_back_while_the_first_is_being_handled(clock: Clock, fails: bool) -> None:
    """406 would tell the service to forget a call that may yet fail; 200 that it is handled, which nobody knows."""
    started, release = anyio.Event(), anyio.Event()
    statuses: list[int] = []

    async def handler(_: WebhookEvent) -> None:
        started.set()
        await release.wait()
        if fails and not statuses:
            raise ValueError

    receiver = Receiver(handler, KEY, clock=clock)
    body = call()

    async def first() -> None:
        statuses.append((await post(receiver, body)).status_code)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await started.wait()
        assert (await post(receiver, body)).status_code == 503
        release.set()
    statuses.append((await post(receiver, body)).status_code)
    assert statuses == ([500, 200] if fails else [200, 406])
    assert receiver.statistics == ReceiverStatistics(accepted=1, replayed=1 if fails else 2, failed=int(fails))


async def test_the_handler_gets_both_kinds_unless_told_otherwise(receiver: Receiver, handler: Handler) -> None:
    assert (await post(receiver, call())).status_code == 200
    assert (await post(receiver, call(**DELIVERY))).status_code == 200
    assert [type(event) for event in handler.events] == [BotVerdicts, DeliveryEvent]


@pytest.mark.parametrize("kind", [BotVerdicts, DeliveryEvent])
async def test_a_kind_that_is_not_accepted_never_reaches_the_handler(
    handler: Handler, clock: Clock, caplog: pytest.LogCaptureFixture, kind: Any
) -> None:
    """The handler's annotation can then be trusted; and the log says which webhook points to the wrong place."""
    receiver = Receiver(handler, KEY, accepts=kind, clock=clock)
    verdicts, delivery = await post(receiver, call()), await post(receiver, call(**DELIVERY))
    expected = (200, 406) if kind is BotVerdicts else (406, 200)
    assert (verdicts.status_code, delivery.status_code) == expected
    assert [type(event) for event in handler.events] == [kind]
    assert receiver.statistics == ReceiverStatistics(accepted=1, refused=1)
    assert f"only {kind.__name__} is accepted" in caplog.text


async def test_reading_stops_once_the_body_is_too_large(handler: Handler, clock: Clock) -> None:
    """A body without an end must fill neither memory nor time."""
    receiver = Receiver(handler, KEY, max_body=100, clock=clock)
    wire = Wire(*[{"type": "http.request", "body": b"x" * 10, "more_body": True}] * 20)
    await receiver({"type": "http", "method": "POST", "path": "/"}, wire.receive, wire.send)
    assert wire.sent[0]["status"] == 413
    assert len(wire.incoming) == 9
    assert receiver.statistics == ReceiverStatistics(refused=1)


async def test_a_good_call_one_byte_too_long_is_not_handled(handler: Handler, clock: Clock) -> None:
    body = call()
    receiver = Receiver(handler, KEY, max_body=len(body) - 1, clock=clock)
    wire = Wire({"type": "http.request", "body": body})
    await receiver({"type": "http", "method": "POST", "path": "/"}, wire.receive, wire.send)
    assert wire.sent[0]["status"] == 413
    assert handler.events == []


async def test_a_body_of_just_the_limit_is_read_in_as_many_pieces_as_it_comes(handler: Handler, clock: Clock) -> None:
    body = call()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 7):
            yield body[at : at + 7]

    receiver = Receiver(handler, KEY, max_body=len(body), clock=clock)
    assert (await post(receiver, pieces())).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_other_methods_are_told_to_post(receiver: Receiver, method: str) -> None:
    transport = httpx.ASGITransport(app=receiver)
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
        response = await client.request(method, "/", content=call())
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert receiver.statistics == ReceiverStatistics(refused=1)


@pytest.mark.parametrize(
    ("root", "path", "status"),
    [
        ("", "/hooks", 200),
        ("", "/", 404),
        ("", "/hooks/", 404),
        ("/app", "/app/hooks", 200),
        ("/app", "/hooks", 200),  # a server that cuts the mount point off itself
        ("/app", "/app", 404),
    ],
)
async def test_only_the_given_path_is_served(handler: Handler, clock: Clock, root: str, path: str, status: int) -> None:
    """Below a mount point, ASGI's path still holds the mount point."""
    receiver = Receiver(handler, KEY, path="/hooks", clock=clock)
    assert (await post(receiver, call(), path=path, root=root)).status_code == status


async def test_any_path_is_served_when_none_is_given(receiver: Receiver) -> None:
    assert (await post(receiver, call(), path="/what/ever")).status_code == 200


async def test_a_client_that_goes_away_leaves_nothing_behind(receiver: Receiver, handler: Handler) -> None:
    """What came so far may even be whole JSON; it was not the whole call."""
    wire = Wire(
        {"type": "http.request", "body": call(), "more_body": True},
        {"type": "http.disconnect"},
    )
    await receiver({"type": "http", "method": "POST", "path": "/"}, wire.receive, wire.send)
    assert wire.sent == []
    assert handler.events == []
    assert receiver.statistics == ReceiverStatistics()


async def test_the_servers_startup_and_shutdown_are_acknowledged(receiver: Receiver) -> None:
    """uvicorn with `--lifespan on` refuses to start without."""
    wire = Wire({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    await receiver({"type": "lifespan"}, wire.receive, wire.send)
    assert wire.sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


async def test_a_websocket_is_closed(receiver: Receiver) -> None:
    wire = Wire({"type": "websocket.connect"})
    await receiver({"type": "websocket", "path": "/"}, wire.receive, wire.send)
    assert wire.sent == [{"type": "websocket.close"}]


async def test_an_unknown_protocol_is_refused_as_asgi_asks(receiver: Receiver) -> None:
    wire = Wire()
    with pytest.raises(ValueError, match="gopher"):
        await receiver({"type": "gopher"}, wire.receive, wire.send)


async def test_no_log_record_holds_a_secret_or_personal_data(
    receiver: Receiver, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    handler.error = KeyError("192.0.2.1")
    caplog.set_level(logging.DEBUG, logger="omnivery")
    bodies = [call(key="other", token="t0k3n"), call(token="t0k3n"), call(token="t0k3n", hello=1), b"192.0.2.1 curl/8"]
    for body in bodies:
        await post(receiver, body)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("omnivery")]
    assert len(lines) == len(bodies)
    for secret in (KEY, "t0k3n", "192.0.2.1", "curl/8"):
        assert not any(secret in line for line in lines)


def test_the_repr_hides_the_keys(handler: Handler) -> None:
    assert repr(Receiver(handler, KEY, "other", path="/hooks")) == "Receiver(path='/hooks', tolerance=300, keys=2)"


@pytest.mark.parametrize(
    ("keys", "options", "name"),
    [
        ((), {}, "key"),
        (("",), {}, "key"),
        ((["k1", "k2"],), {}, "key"),
        ((KEY,), {"tolerance": -1}, "tolerance"),
        ((KEY,), {"tolerance": float("nan")}, "tolerance"),
        ((KEY,), {"tolerance": float("inf")}, "tolerance"),  # tokens would be remembered for ever
        ((KEY,), {"path": "hooks"}, "path"),
        ((KEY,), {"max_body": 0}, "max_body"),
        ((KEY,), {"accepts": dict}, "accepts"),
    ],
)
def test_a_receiver_that_could_not_work_is_not_made(
    handler: Handler, keys: tuple[Any, ...], options: dict[str, Any], name: str
) -> None:
    """A wrong set-up shows at the start, not with the first batch of verdicts."""
    with pytest.raises(ConfigError, match=name):
        Receiver(handler, *keys, **options)


def test_a_receiver_needs_a_handler_that_can_be_called() -> None:
    with pytest.raises(ConfigError, match="handler"):
        Receiver(None, KEY)  # type: ignore[call-overload]


# With a store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "verdicts.db"


@pytest.fixture
def store(path: Path) -> Iterator[VerdictStore]:
    with VerdictStore(path, timeout=0.05) as store:
        yield store


async def test_a_call_is_in_the_store_before_the_handler_sees_it(path: Path, store: VerdictStore, clock: Clock) -> None:
    """And so before the 200, after which the service never sends it again. A second store sees what is committed."""
    kept: list[list[bytes]] = []

    async def handler(_: BotVerdicts) -> None:
        with VerdictStore(path) as other:
            kept.append(list(other.payloads()))

    receiver = Receiver(handler, KEY, accepts=BotVerdicts, store=store, clock=clock)
    body = call()
    assert (await post(receiver, body)).status_code == 200
    assert kept == [[body]]
    found = store.get("e1")
    assert found is not None
    assert (found.is_bot, found.request["ip"], found.signed_at) == (True, "192.0.2.1", NOW)


async def test_a_store_may_stand_in_for_the_handler(store: VerdictStore, clock: Clock) -> None:
    """It keeps verdicts: a delivery event that got 200 and was kept nowhere would be lost in silence."""
    receiver = Receiver(None, KEY, store=store, clock=clock)
    assert (await post(receiver, call())).status_code == 200
    assert (await post(receiver, call(**DELIVERY))).status_code == 406
    assert store.has(["e1"]) == {"e1"}
    assert store.statistics.payloads == 1
    assert receiver.statistics == ReceiverStatistics(accepted=1, refused=1)


async def test_delivery_events_go_to_the_handler_and_not_to_the_store(
    handler: Handler, store: VerdictStore, clock: Clock
) -> None:
    receiver = Receiver(handler, KEY, store=store, clock=clock)
    assert (await post(receiver, call(**DELIVERY))).status_code == 200
    assert [type(event) for event in handler.events] == [DeliveryEvent]
    assert list(store.payloads()) == []


@pytest.mark.parametrize("body", [call(key="other"), call(timestamp=NOW - 301), call(hello=1), b""])
async def test_what_is_not_trusted_is_not_stored(store: VerdictStore, clock: Clock, body: bytes) -> None:
    assert (await post(Receiver(None, KEY, store=store, clock=clock), body)).status_code == 406
    assert list(store.payloads()) == []


async def test_with_a_store_a_replay_is_refused_all_the_same(store: VerdictStore, clock: Clock) -> None:
    receiver = Receiver(None, KEY, store=store, clock=clock)
    body = call()
    assert [(await post(receiver, body)).status_code for _ in range(2)] == [200, 406]
    assert [it.repeats for it in store] == [0]


async def test_what_the_store_cannot_keep_is_asked_for_again(
    path: Path, handler: Handler, store: VerdictStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """500 has the service call again, and its retry gets in. The log says what is wrong with the store, no more."""
    receiver = Receiver(handler, KEY, store=store, clock=clock)
    body = call(token="t0k3n")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert (await post(receiver, body)).status_code == 500
    assert handler.events == []
    assert list(store.payloads()) == []
    assert receiver.statistics == ReceiverStatistics(failed=1)
    (record,) = [record for record in caplog.records if record.name == "omnivery.webhooks"]
    assert "not kept" in record.getMessage()
    assert "another process kept it locked" in record.getMessage()
    assert record.exc_info is None
    assert not any(secret in record.getMessage() for secret in (KEY, "t0k3n", "192.0.2.1", "curl/8"))
    assert (await post(receiver, body)).status_code == 200
    assert [len(handler.events), len(store)] == [1, 1]


async def test_the_retry_after_a_failed_handler_is_a_repeat_to_the_store(
    handler: Handler, store: VerdictStore, clock: Clock
) -> None:
    receiver = Receiver(handler, KEY, store=store, clock=clock)
    body = call()
    handler.error = ValueError()
    assert (await post(receiver, body)).status_code == 500
    handler.error = None
    assert (await post(receiver, body)).status_code == 200
    assert [(it.is_bot, it.repeats) for it in store] == [(True, 1)]
    assert list(store.payloads()) == [body]


async def test_the_event_loop_goes_on_while_the_store_waits(path: Path, clock: Clock) -> None:
    """The lock is given up by another task of the same loop: were the loop blocked, it never would be."""
    statuses: list[int] = []
    with VerdictStore(path, timeout=30) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        receiver = Receiver(None, KEY, store=store, clock=clock)

        async def send() -> None:
            statuses.append((await post(receiver, call())).status_code)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                other.execute("BEGIN IMMEDIATE")
                tasks.start_soon(send)
                await anyio.sleep(0.05)
                assert statuses == []
                other.execute("ROLLBACK")
    assert statuses == [200]


@pytest.mark.parametrize(
    ("options", "name"),
    [({"store": "verdicts.db"}, "VerdictStore"), ({"accepts": DeliveryEvent}, "accepts=DeliveryEvent")],
)
def test_a_store_that_would_keep_nothing_is_refused(
    handler: Handler, store: VerdictStore, options: dict[str, Any], name: str
) -> None:
    with pytest.raises(ConfigError, match=name):
        Receiver(handler, KEY, **{"store": store, **options})
