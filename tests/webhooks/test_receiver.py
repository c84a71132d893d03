"""The webhook receiver, driven over ASGI: what it accepts, how it responds, and that a 200 means handled."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import logging
import sqlite3
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio import to_thread

from omnivery import webhooks
from omnivery.errors import ConfigError, OmniveryError
from omnivery.webhooks import (
    BotVerdicts,
    DeliveryEvent,
    Receiver,
    ReceiverStatistics,
    RefusalReason,
    VerdictStore,
    WebhookEvent,
)
from omnivery.webhooks.call_reader import CallReader
from omnivery.webhooks.handlers import LoopRunner

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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "verdicts.db"


@pytest.fixture
def store(path: Path) -> Iterator[VerdictStore]:
    with VerdictStore(path, timeout=0.05) as store:
        yield store


def call(*, key: str = KEY, timestamp: int = NOW, token: str | None = None, **body: Any) -> bytes:
    signature = webhooks.sign(key, timestamp=timestamp, token=token)
    return json.dumps({"signature": signature, **(body or {"events": [EVENT]})}).encode()


async def post(
    app: Receiver,
    body: bytes | AsyncIterator[bytes],
    *,
    path: str = "/",
    root: str = "",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, root_path=root)
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
        return await client.post(path, content=body, headers=headers)


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


async def test_a_handlers_exception_is_logged_with_its_traceback_and_without_personal_data(
    receiver: Receiver, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    """Silence would hide the bug. Databases quote the row that they refuse, and the cause is an exception, too."""
    handler.error = ValueError("no room for (e1, 192.0.2.1, curl/8, ann@example.com, token=hush)")
    handler.error.__cause__ = KeyError("192.0.2.1")
    assert (await post(receiver, call())).status_code == 500
    (record,) = [record for record in caplog.records if record.name == "omnivery.webhooks"]
    text = logging.Formatter("%(message)s").format(record)
    assert record.levelno == logging.ERROR
    assert "the handler of a webhook call raised ValueError:\nKeyError: '***'" in text
    assert "direct cause" in text
    assert f'File "{__file__}"' in text
    assert "ValueError: no room for (e1, ***, ***, ***@***, token=***" in text
    assert not any(secret in text for secret in ("192.0.2.1", "curl/8", "ann@", "hush"))
    # An error tracker would report the variables of each frame, and the event is one of them.
    assert record.exc_info is None


async def test_a_delivery_events_values_are_masked_in_a_traceback(
    receiver: Receiver, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    handler.error = ValueError("from 192.0.2.7 by Thunderbird at https://example.com/u/77")
    data = {"ip": "192.0.2.7", "url": "https://example.com/u/77", "client-info": {"user-agent": "Thunderbird"}}
    body: dict[str, Any] = {"event-data": data}
    await post(receiver, call(**body))
    assert "ValueError: from *** by *** at ***" in caplog.text


async def test_the_text_of_an_exception_is_cut(
    receiver: Receiver, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    """It may quote a whole body. Its start names the type, its end the place and mostly the reason."""
    handler.error = ValueError("x" * 2_000_000 + " 192.0.2.1 the end")
    await post(receiver, call())
    assert "[…]" in caplog.text
    assert caplog.text.rstrip().endswith("*** the end")
    assert len(caplog.text) < 9_000


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


@pytest.mark.parametrize("is_coroutine", [False, True])
@pytest.mark.parametrize("has_loop", [False, True])
async def test_a_handler_that_raises_a_cancellation_of_its_own_has_failed(
    clock: Clock, caplog: pytest.LogCaptureFixture, is_coroutine: bool, has_loop: bool
) -> None:
    """One that awaits a cancelled task does. Nobody has cancelled the call, and the server must get its response."""

    async def awaits(_: WebhookEvent) -> None:
        raise asyncio.CancelledError

    def asks(_: WebhookEvent) -> None:
        raise asyncio.CancelledError

    receiver = Receiver(awaits if is_coroutine else asks, KEY, clock=clock)
    body = call(token="t")
    for _ in range(2):
        if has_loop:
            assert (await post(receiver, body)).status_code == 500
        else:
            assert await to_thread.run_sync(receiver.handle, body) == 500
    assert "raised RuntimeError" in caplog.text
    assert receiver.statistics.by_reason == {"handler failed": 2}


async def test_without_a_loop_of_its_own_a_coroutine_cannot_be_waited_for(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """An asynchronous view that calls `handle`: each call gets a 500, and the log must say what to do instead."""

    async def handler(_: WebhookEvent) -> None: ...

    receiver = Receiver(handler, KEY, clock=clock)
    body = call(token="t")
    assert receiver.handle(body) == 500
    assert "mount the receiver as an ASGI app, or call handle() in a thread" in caplog.text
    assert await to_thread.run_sync(receiver.handle, body) == 200


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


@pytest.mark.parametrize(
    ("body", "words", "reason"),
    [
        (call(key="other"), "the signature is wrong: check the signing key", "signature wrong"),
        (call(timestamp=NOW - 301), "is authentic, but too old by 1 s", "signature too old"),
        (call(timestamp=NOW + 301), "is authentic, but 301 s in the future", "signature in the future"),
        (json.dumps({"events": []}).encode(), "the signature is missing", "signature missing"),
        (b'{"signature', "not a JSON object", "not JSON"),
        (b"timestamp=1&token=a&signature=b", "a form post", "form post"),
        (call(hello=1), "an unknown kind of payload", "unknown payload"),
    ],
)
async def test_each_refusal_is_logged_and_counted_by_its_reason(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, body: bytes, words: str, reason: str
) -> None:
    """An authentic call that came late is told apart from a forgery, and a wrong key from a wrong format."""
    assert (await post(receiver, body)).status_code == 406
    (record,) = [record for record in caplog.records if record.name == "omnivery.webhooks"]
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("refused a webhook call: ")
    assert words in record.getMessage()
    assert receiver.statistics.by_reason == {reason: 1}
    assert RefusalReason(reason) in receiver.statistics.by_reason


async def test_everything_that_is_not_handled_is_counted_by_its_reason(
    handler: Handler, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver(handler, KEY, path="/hooks", max_body=1000, clock=clock)
    body = call()
    for content, path in ((body, "/"), (b"x" * 1001, "/hooks"), (body, "/hooks"), (body, "/hooks")):
        await post(receiver, content, path=path)
    handler.error = ValueError()
    await post(receiver, call(), path="/hooks")
    statistics = receiver.statistics
    assert statistics == ReceiverStatistics(accepted=1, refused=2, replayed=1, failed=1)
    assert statistics.by_reason == {
        "unknown path": 1,
        "body too large": 1,
        "handled before": 1,
        "handler failed": 1,
    }
    assert caplog.messages[0] == "refused a webhook call: its path is not /hooks"
    assert caplog.messages[1] == "refused a webhook call: its body is larger than max_body, 1,000 bytes"


async def test_repeated_records_are_throttled_by_their_reason_and_begin_anew_after_an_hour(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scanner must not fill the disk; and what still goes wrong tomorrow must still be in tomorrow's log."""
    now = 0.0
    monkeypatch.setattr(receiver._calls.log, "now", lambda: now)
    for _ in range(9):
        await post(receiver, call(key="other"))
    await post(receiver, b"signature")
    wrong = "refused a webhook call: the signature is wrong: check the signing key"
    assert caplog.messages == [
        wrong,
        f"{wrong} (2 times within the hour)",
        f"{wrong} (4 times within the hour)",
        f"{wrong} (8 times within the hour)",
        "refused a webhook call: the body is not a JSON object",
    ]
    now = 3601
    await post(receiver, call(key="other"))
    assert caplog.messages[-1] == wrong
    assert receiver.statistics.refused == 11


# Handlers and verifiers


async def test_a_plain_handler_runs_in_a_thread(clock: Clock) -> None:
    """It may block on a database, while other calls come in."""
    threads: list[str] = []

    def handler(event: WebhookEvent) -> None:
        threads.append(threading.current_thread().name)

    receiver = Receiver(handler, KEY, clock=clock)
    assert (await post(receiver, call())).status_code == 200
    assert threads != [threading.current_thread().name]


async def test_a_plain_handlers_exception_is_a_500_like_any_other(clock: Clock) -> None:
    def handler(event: WebhookEvent) -> None:
        raise ValueError

    receiver = Receiver(handler, KEY, clock=clock)
    assert (await post(receiver, call())).status_code == 500
    assert receiver.statistics.by_reason == {"handler failed": 1}


async def test_a_coroutine_behind_a_plain_function_is_awaited(clock: Clock) -> None:
    """Lambdas and decorators hide it; a 200 for a coroutine that nobody awaits would lose the verdicts."""
    handled: list[str] = []

    async def handler(event: WebhookEvent) -> None:
        await anyio.lowlevel.checkpoint()
        handled.append(event.token)

    for each in (lambda event: handler(event), partial(handler)):  # noqa: PLW0108  # that is the point
        assert (await post(Receiver(each, KEY, clock=clock), call(token="t"))).status_code == 200
    assert handled == ["t", "t"]


async def _two(one: object, two: object) -> None: ...
async def _none() -> None: ...
async def _named(*, event: object) -> None: ...
async def _generator(event: object) -> AsyncIterator[None]:
    yield


class _Class:
    def __init__(self, event: object) -> None: ...


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (None, "not NoneType"),
        ("on_verdicts", "not str"),
        (KEY.encode(), "not bytes"),
        ([print], "not list"),
        (_two, "missing a required argument"),
        (_none, "too many positional arguments"),
        (_named, "too many positional arguments"),
        (_generator, "has a `yield`"),
        (_Class, "is a class"),
    ],
)
def test_what_cannot_be_a_handler_is_refused_at_construction(handler: Any, words: str) -> None:
    """Not with the first call, in production, by a 500 for each batch."""
    with pytest.raises(ConfigError, match=f"handler must be a function, coroutine or plain.*{words}"):
        Receiver(handler, KEY)


@pytest.mark.parametrize("verifier", ["verify", _none, _named, _generator, _Class])
def test_what_cannot_be_a_verifier_is_refused_at_construction(verifier: Any) -> None:
    with pytest.raises(ConfigError, match="verifier must be a function, coroutine or plain, that takes the header"):
        Receiver(print, verifier=verifier)


@pytest.mark.parametrize("handler", [print, [].append, partial(_two, 1), Handler(), Handler().__call__])
def test_all_kinds_of_functions_can_be_handlers(handler: Any) -> None:
    Receiver(handler, KEY)


async def test_a_verifier_decides_in_place_of_the_signature(handler: Handler) -> None:
    """The page names no algorithm: if the service's differs from ours, nothing else lets its calls in."""
    seen: list[tuple[str | None, bytes]] = []

    async def verifier(headers: Mapping[str, str], body: bytes) -> bool:
        seen.append((headers.get("X-Scheme"), body))
        return headers.get("x-scheme") == "v2"

    receiver = Receiver(handler, verifier=verifier)
    body = json.dumps({"events": [EVENT]}).encode()
    assert (await post(receiver, body, headers={"X-Scheme": "v1"})).status_code == 406
    assert (await post(receiver, body, headers={"X-Scheme": "v2"})).status_code == 200
    assert (await post(receiver, body, headers={"X-Scheme": "v2"})).status_code == 406, "a replay, by its body"
    assert seen[:2] == [("v1", body), ("v2", body)]
    (event,) = handler.events
    assert event.verified is True
    assert receiver.statistics.by_reason == {"refused by the verifier": 1, "handled before": 1}


@pytest.mark.parametrize("returns", [None, 1, "yes", b""])
async def test_a_verifier_that_returns_no_boolean_lets_nothing_in_and_loses_nothing(
    handler: Handler, caplog: pytest.LogCaptureFixture, returns: Any
) -> None:
    """A `return` that was forgotten: 406 would have the service forget the call, 200 would let everyone in."""
    receiver = Receiver(handler, verifier=lambda headers, body: returns)
    assert (await post(receiver, call())).status_code == 500
    assert handler.events == []
    assert "it must return True or False" in caplog.text


async def test_a_verifier_that_raises_has_the_service_call_again(
    handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    def verifier(headers: Mapping[str, str], body: bytes) -> bool:
        raise KeyError("x-signature")

    receiver = Receiver(handler, verifier=verifier)
    assert (await post(receiver, call())).status_code == 500
    assert receiver.statistics.by_reason == {"verifier failed": 1}
    assert "KeyError: 'x-signature'" in caplog.text


async def test_unsigned_calls_are_accepted_only_by_a_receiver_that_says_so(
    handler: Handler, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.dumps({"events": [EVENT]}).encode()
    assert (await post(Receiver(handler, KEY, clock=clock), body)).status_code == 406
    caplog.clear()
    receiver = Receiver(handler, KEY, unsigned="accept", clock=clock)
    assert "everyone who knows its URL" in caplog.text
    assert "unsigned='accept'" in repr(receiver)
    assert (await post(receiver, body)).status_code == 200
    assert (await post(receiver, body)).status_code == 406, "a replay, by its body"
    assert (await post(receiver, call())).status_code == 200
    assert [event.verified for event in handler.events] == [False, True]
    assert (await post(receiver, call(key="other"))).status_code == 406, "a wrong signature shows a wrong setting"


async def test_without_any_key_signatures_are_not_looked_at(handler: Handler, clock: Clock) -> None:
    """The way in when the scheme of signatures is unknown and there is no other proof."""
    receiver = Receiver(handler, unsigned="accept", clock=clock)
    assert (await post(receiver, call(key="other", token="t"))).status_code == 200
    assert [(event.token, event.verified) for event in handler.events] == [("t", False)]


async def test_without_a_tolerance_any_age_is_accepted_and_a_replay_is_not(handler: Handler, clock: Clock) -> None:
    receiver = Receiver(handler, KEY, tolerance=None, clock=clock)
    body = call(timestamp=NOW - 10**8)
    assert [(await post(receiver, body)).status_code for _ in range(2)] == [200, 406]
    clock.now += 10**8
    assert (await post(receiver, body)).status_code == 406


async def test_without_a_tolerance_the_memory_of_tokens_has_a_bound(
    handler: Handler, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omnivery.webhooks.replays.MAX_TOKENS", 2)
    receiver = Receiver(handler, KEY, tolerance=None, clock=clock)
    first, *others = (call(token=f"t{number}") for number in range(3))
    assert [(await post(receiver, body)).status_code for body in (first, *others)] == [200] * 3
    assert [(await post(receiver, body)).status_code for body in (*others, first)] == [406, 406, 200]


# Odd entries


async def test_an_odd_entry_costs_none_of_the_others(
    handler: Handler, store: VerdictStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """200 once the call is stored: its good verdicts as such, the odd entries in the raw payload."""
    receiver = Receiver(handler, KEY, store=store, clock=clock)
    odd = [None, 5, {"event_id": "HERE", "is_bot": True}]
    body = call(events=[EVENT, *odd, {**EVENT, "event_id": "e2", "action": "hover", "uas": "HERE"}])
    body = body.replace(b"HERE", rb"\ud800")
    assert (await post(receiver, body)).status_code == 200
    assert {stored.event_id: stored.is_bot for stored in store} == {"e1": True, "e2": True}
    assert list(store.payloads()) == [body]
    assert store.statistics.without_id == 3
    (event,) = handler.events
    assert isinstance(event, BotVerdicts)
    assert event.unreadable == (None, 5, {"event_id": "\ufffd", "is_bot": True})
    assert receiver.statistics == ReceiverStatistics(accepted=1, unreadable=3)
    assert caplog.messages == ["unreadable entries in a webhook call: 3. They are kept"]


# Bodies


async def test_a_length_beyond_the_limit_is_refused_before_anything_is_read(handler: Handler, clock: Clock) -> None:
    receiver = Receiver(handler, KEY, max_body=100, clock=clock)
    wire = Wire({"type": "http.request", "body": b"x", "more_body": True})
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"101")]}
    await receiver(scope, wire.receive, wire.send)
    assert wire.sent[0]["status"] == 413
    assert len(wire.incoming) == 1


async def test_a_body_that_does_not_arrive_is_not_waited_for(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients that went away without a word would be kept for ever."""
    monkeypatch.setattr("omnivery.webhooks.asgi.READ_TIMEOUT", 0.02)
    wire = Wire()

    async def receive() -> MutableMapping[str, Any]:
        await anyio.sleep_forever()
        raise AssertionError

    with anyio.fail_after(30):
        await receiver({"type": "http", "method": "POST", "path": "/"}, receive, wire.send)
    assert wire.sent[0]["status"] == 408
    assert receiver.statistics.by_reason == {"body too slow": 1}


def large() -> bytes:
    return call(events=[{**EVENT, "event_id": f"e{number}", "my_key": "x" * 1000} for number in range(1500)])


async def chunks(body: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def test_a_large_body_is_parsed_off_the_event_loop(
    handler: Handler, store: VerdictStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """16 MB take a tenth of a second, in which no other call would be served."""
    threads: list[bool] = []
    read = CallReader.read

    def spying(*arguments: Any, **options: Any) -> WebhookEvent:
        threads.append(threading.current_thread() is threading.main_thread())
        return read(*arguments, **options)

    monkeypatch.setattr(CallReader, "read", spying)
    receiver = Receiver(handler, KEY, store=store, clock=clock)
    body = large()
    assert len(body) > 1_500_000
    assert (await post(receiver, chunks(body))).status_code == 200
    assert (await post(receiver, chunks(call()))).status_code == 200
    assert threads == [False, True]
    assert next(store.payloads()) == body
    assert len(store) == 1500


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_a_signature_is_found_in_each_encoding_that_is_read(
    handler: Handler, clock: Clock, encoding: str
) -> None:
    receiver = Receiver(handler, KEY, clock=clock)
    assert (await post(receiver, chunks(call().decode().encode(encoding)))).status_code == 200


async def test_a_compressed_body_is_called_so(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    assert (await post(receiver, chunks(gzip.compress(call())))).status_code == 406
    assert receiver.statistics.by_reason == {"not JSON": 1}
    assert "its body is compressed" in caplog.text


async def test_a_large_body_for_which_no_thread_can_be_started_is_asked_for_again(
    handler: Handler, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_thread(*_: object) -> None:
        raise OmniveryError("the system starts no more threads")

    monkeypatch.setattr(LoopRunner, "block_alone", no_thread)
    receiver = Receiver(handler, KEY, clock=clock)
    assert (await post(receiver, chunks(large()))).status_code == 500
    assert receiver.statistics.by_reason == {"body not spooled": 1}
    monkeypatch.undo()
    assert (await post(receiver, chunks(large()))).status_code == 200


async def test_a_large_body_without_a_signature_is_refused_before_it_is_parsed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omnivery.webhooks.call_reader.decode", None)
    body = json.dumps({"events": [{"my_key": "x" * 1000}] * 1500}).encode()
    assert (await post(receiver, chunks(body))).status_code == 406
    assert receiver.statistics.by_reason == {"signature missing": 1}


class Stalled:
    """Uploads that send so much and then stall, until they are cancelled."""

    def __init__(self, receiver: Receiver, count: int) -> None:
        self.receiver, self.count = receiver, count
        self.all_stalled = anyio.Event()

    async def upload(self, chunk: int, chunks: int) -> None:
        async def receive() -> MutableMapping[str, Any]:
            nonlocal chunks
            if not chunks:
                self.count -= 1
                if not self.count:
                    self.all_stalled.set()
                await anyio.sleep_forever()
            chunks -= 1
            return {"type": "http.request", "body": b"x" * chunk, "more_body": True}

        await self.receiver({"type": "http", "method": "POST", "path": "/"}, receive, Wire().send)


async def test_forty_stalled_uploads_hold_little_memory(receiver: Receiver) -> None:
    """Each is a byte below the limit: 640 MB, were they held."""
    stalled, held = Stalled(receiver, 40), 0
    tracemalloc.start()
    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(stalled.count):
                tasks.start_soon(stalled.upload, 2**20 - 1, 16)
            with anyio.fail_after(60):
                await stalled.all_stalled.wait()
            held = tracemalloc.get_traced_memory()[0]
            tasks.cancel_scope.cancel()
    finally:
        tracemalloc.stop()
    assert 0 < held < 50_000_000
    assert receiver._memory.held == 0


async def test_small_stalled_uploads_hold_little_memory_together(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is below what goes to disk by itself, and four thousand of them would be gigabytes."""
    monkeypatch.setattr("omnivery.webhooks.upload.IN_MEMORY_TOGETHER", 1_000_000)
    stalled = Stalled(receiver, 20)
    async with anyio.create_task_group() as tasks:
        for _ in range(stalled.count):
            tasks.start_soon(stalled.upload, 50_000, 10)
        with anyio.fail_after(30):
            await stalled.all_stalled.wait()
        assert receiver._memory.held < 1_000_000 + 20 * 2 * 65_536
        tasks.cancel_scope.cancel()


async def test_a_disk_that_is_full_has_the_service_call_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("omnivery.webhooks.upload.TemporaryFile", full)
    assert (await post(receiver, chunks(large()))).status_code == 500
    assert receiver.statistics.by_reason == {"body not spooled": 1}
    assert "No space left on device" in caplog.text
    assert receiver._memory.held == 0


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
        ((KEY,), {"tolerance": float("inf")}, "or None"),
        ((KEY + "\n",), {}, "line breaks"),
        ((f'"{KEY}"',), {}, "quotes"),
        ((KEY,), {"unsigned": "ignore"}, "unsigned"),
        ((KEY,), {"verifier": lambda headers, body: True}, "verifier takes the place"),
        ((), {"verifier": lambda headers, body: True, "unsigned": "accept"}, "verifier takes the place"),
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


# With a store


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
    assert (found.is_bot, found.request.ip, found.signed_at) == (True, "192.0.2.1", NOW)


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


@pytest.mark.parametrize(
    "option",
    [{"path": 5}, {"path": "x"}, {"max_body": "5"}, {"max_body": 0}, {"max_body": None}, {"clock": 5}],
    ids=str,
)
def test_an_option_of_another_kind_is_named(option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(option))):
        Receiver(lambda _: None, KEY, **option)
