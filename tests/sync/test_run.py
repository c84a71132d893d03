"""Bulk work from a thread: the source is read there, callbacks are called there, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import contextvars
import json
import socket
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from omnivery import Automations, Mailgun, Message, readers
from omnivery.automations.report import SubmitReport
from omnivery.emulator import Emulator
from omnivery.errors import BulkError, ConfigError, OmniveryError
from omnivery.events.event import EventLike
from omnivery.sync.bridge import LoopBridge
from omnivery.transport.observe import Attempt
from tests.support.bots import (
    FAST,
    WEBHOOK,
    assert_lawful,
    endless,
    event,
    events,
    numbered,
)
from tests.support.growing import ndjson
from tests.support.journal_rows import rows
from tests.support.sync import (
    Request,
    always,
    client_of,
    in_threads,
    meeting,
    response,
    serving,
)


def test_the_source_and_the_callback_belong_to_the_calling_thread() -> None:
    places: set[int] = set()

    def source() -> Iterator[EventLike]:
        for item in events(2100):
            places.add(threading.get_ident())
            yield item

    with meeting(always(response())) as (server, client):
        report = client.bots.submit(source(), on_progress=lambda _: places.add(threading.get_ident()))
    assert places == {threading.get_ident()}
    assert report.accepted == 2100
    received = [item["event_id"] for request in server.requests for item in json.loads(request.body)["events"]]
    assert sorted(received) == sorted(numbered(2100))


def test_files_and_their_places_are_read_from_a_thread_as_well(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    for number in range(30):
        (tmp_path / "logs" / f"{number:02}").write_bytes(ndjson(50, 50 * number))
    with meeting(always(response())) as (_server, client):
        for _ in range(2):
            report = client.bots.submit(readers.read(tmp_path / "logs"), journal=tmp_path / "j")
            assert (report.read, report.accepted) == (1500, 1500)
    assert rows(tmp_path / "j", "SELECT position, position_entries FROM source") == [("{}", 30)]


class Rows(list[EventLike]):
    """A list with an iterator of the caller's."""


@pytest.mark.parametrize(
    ("source", "options", "crosses"),
    [
        (events(2100), {}, False),
        (tuple(events(2100)), {}, False),
        (Rows(events(2100)), {}, True),
        (iter(events(2100)), {}, True),
        (events(2100), {"on_progress": id}, True),
        (readers.ndjson(BytesIO(ndjson(2100))), {}, False),
        (readers.ndjson(BytesIO(ndjson(2100))), {"on_progress": id}, True),
    ],
)
def test_a_list_or_a_file_is_read_without_crossing_to_the_calling_thread(
    monkeypatch: pytest.MonkeyPatch, source: Any, options: dict[str, Any], *, crosses: bool
) -> None:
    """A crossing a batch takes a fifth of the time. A callback may change the list, and slow down what is read."""
    calls: list[object] = []
    call = LoopBridge.call_in_thread

    async def counted(bridge: LoopBridge[Any], what: Callable[[], object]) -> None:
        calls.append(what)
        await call(bridge, what)

    monkeypatch.setattr(LoopBridge, "call_in_thread", counted)
    with meeting(always(response())) as (_server, client):
        report = client.bots.submit(source, **options)
    assert report.accepted == 2100
    assert bool(calls) is crosses


def test_a_callback_may_append_to_the_list() -> None:
    given = events(1000)

    def requeue(report: SubmitReport) -> None:
        if report.accepted < 1500:
            given.extend(event(report.accepted + number) for number in range(500))

    with meeting(always(response())) as (_server, client):
        assert client.bots.submit(given, on_progress=requeue, concurrency=1).accepted == len(given) == 2000


def test_a_database_cursor_is_a_source() -> None:
    """sqlite3 refuses to be used from another thread than its own."""
    with meeting(always(response())) as (_server, client):
        database = sqlite3.connect(":memory:")
        database.execute("create table clicks (ip, id)")
        database.executemany("insert into clicks values ('203.0.113.7', ?)", [(str(n),) for n in range(1500)])
        rows = database.execute("select ip, id from clicks")
        report = client.bots.submit({"ip": ip, "uas": "Mozilla/5.0", "event_id": number} for ip, number in rows)
        database.close()
    assert report.accepted == 1500


@pytest.mark.parametrize("batches", [1, 2, 3, 9])
def test_progress_is_told_of_every_batch_even_by_a_slow_callback(batches: int) -> None:
    """A bar that never gets to its end makes people believe that something is missing."""
    told: list[SubmitReport] = []

    def slow(report: SubmitReport) -> None:
        time.sleep(0.05)
        told.append(report)

    with meeting(always(response())) as (_server, client):
        report = client.bots.submit(events(500 * batches), on_progress=slow)
    assert len(told) == batches
    assert told[-1].accepted == report.accepted == 500 * batches


def refuse(_: object) -> None:
    raise ZeroDivisionError("mine")


@pytest.mark.parametrize("given", [endless, partial(events, 1700), partial(events, 3)])
def test_a_callback_that_raises_ends_the_run_and_leaves_the_report(given: Callable[[], Iterable[EventLike]]) -> None:
    """As in the asynchronous client: what was sent by then was sent all the same. Also after the last batch."""
    with meeting(always(response())) as (_server, client):
        with pytest.raises(BulkError, match="on_progress raised ZeroDivisionError") as caught:
            client.bots.submit(given(), on_progress=refuse)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        report = caught.value.report
        assert isinstance(report, SubmitReport)
        assert_lawful(report)
        assert report.accepted > 0
        assert client.bots.submit(events(3)).accepted == 3


def test_an_interruption_in_a_callback_leaves_the_call() -> None:
    def interrupted(_: SubmitReport) -> None:
        raise KeyboardInterrupt

    with meeting(always(response())) as (_server, client), pytest.raises(KeyboardInterrupt):
        client.bots.submit(endless(), on_progress=interrupted)


@pytest.mark.parametrize(("raised", "cause"), [(LookupError, LookupError), (asyncio.CancelledError, RuntimeError)])
def test_a_source_that_raises_leaves_an_account(raised: type[BaseException], cause: type[Exception]) -> None:
    def source() -> Iterator[EventLike]:
        yield from events(700)
        raise raised

    with meeting(always(response())) as (_server, client), pytest.raises(BulkError) as caught:
        client.bots.submit(source())
    assert isinstance(caught.value.__cause__, cause)
    assert isinstance(caught.value.report, SubmitReport)
    assert caught.value.report.accepted == 700
    assert_lawful(caught.value.report)


async def asynchronous() -> AsyncIterator[EventLike]:
    yield event()


@pytest.mark.parametrize("wrong", [asynchronous(), event(), {"ip": "203.0.113.7"}, "text", b"text", None, 7])
def test_what_is_no_iterable_of_events_is_refused_before_anything_is_sent(wrong: Any) -> None:
    with meeting(always(response())) as (server, client):
        for call in (client.bots.submit, client.bots.stream, client.bots.submit_batch):
            with pytest.raises(ConfigError, match="events"):
                call(wrong)
    assert server.requests == []


def test_context_variables_are_carried() -> None:
    """Whatever traces requests finds its way back to the call that made them."""
    trace = contextvars.ContextVar("trace", default="none")
    seen: list[str] = []

    class Watcher:
        def attempt_ended(self, _: Attempt) -> None:
            seen.append(trace.get())

    with meeting(always(response()), observers=[Watcher()]) as (_server, client):
        trace.set("mine")
        client.bots.submit(events(1000))
        contextvars.copy_context().run(trace.set, "not mine")
        client.account.test()
    assert seen == ["mine"] * 3


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_run_works_inside_a_running_event_loop(backend: str) -> None:
    async def main() -> int:
        with client_of(server) as client:
            with client.bots.stream(events(1000)) as run:
                streamed = sum(len(outcome.accepted) for outcome in run)
            return streamed + client.bots.submit(events(1000)).accepted

    with serving(always(response())) as server:
        assert anyio.run(main, backend=backend) == 2000


def test_several_threads_run_at_once_over_the_same_connections() -> None:
    def work() -> None:
        assert client.bots.submit(events(2000), concurrency=2).accepted == 2000
        assert client.account.test() is not None

    with meeting(always(response())) as (server, client):
        in_threads(6, work)
        assert sum(len(json.loads(one.body)["events"]) for one in server.requests if one.body) == 12_000
    assert server.connections <= 6 * 2 + 6


def test_clients_come_and_go_on_the_same_background_loop() -> None:
    with serving(always(response())) as server:
        for _ in range(3):
            with client_of(server) as client:
                assert client.bots.submit(events(600)).accepted == 600
    assert threading.active_count() < 20
    assert len([one for one in threading.enumerate() if one.name == "omnivery-bulk"]) == 1


def test_a_source_may_use_the_client_itself() -> None:
    """The thread that reads it is free to call, even in bulk."""

    def source() -> Iterator[EventLike]:
        client.account.test()
        assert client.bots.submit(events(3)).accepted == 3
        yield from events(5)

    with meeting(always(response())) as (_server, client):
        assert client.bots.submit(source()).accepted == 5


def test_an_observer_that_works_in_bulk_is_told_why_that_cannot_be() -> None:
    """It is called on the background loop, which would wait for itself for ever."""
    errors: list[Exception] = []

    class Meddler:
        def attempt_ended(self, _: Attempt) -> None:
            try:
                client.bots.submit(events(1))
            except ConfigError as error:
                errors.append(error)

    with meeting(always(response()), observers=[Meddler()]) as (_server, client):
        assert client.bots.submit(events(1)).accepted == 1
    assert "wait for itself" in str(errors[0])


def test_a_run_is_stopped_by_an_error_that_every_batch_would_meet() -> None:
    with meeting(always(response(b"{}", "401 Unauthorized"))) as (_server, client):
        report = client.bots.submit(endless())
    assert report.undelivered == report.read > 0
    assert isinstance(report.stopped_by, OmniveryError)
    assert_lawful(report)


def test_retries_go_on_in_the_background() -> None:
    rejected: list[int] = []

    def moody(connection: socket.socket, _: Request) -> None:
        rejected.append(1)
        connection.sendall(response(b"{}", "503 Unavailable") if len(rejected) % 3 else response())

    with meeting(moody) as (_server, client):
        report = client.bots.submit(events(2000), options=FAST)
    assert report.accepted == 2000
    assert report.retries > 0


def mailgun_of(requests: list[httpx.Request]) -> Mailgun:
    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"id": "<1@d.example>", "message": "Queued", "address": "x@example.com"})

    own = httpx.Client(transport=httpx.MockTransport(respond), verify=False, trust_env=False)
    return Mailgun("key", domain="d.example", base_url="http://m.example/v3", http_client=own)


def test_the_other_bulk_methods_work_as_well() -> None:
    seen: list[httpx.Request] = []
    places: set[int] = set()

    def messages() -> Iterator[Message]:
        for number in range(20):
            places.add(threading.get_ident())
            yield Message(from_="a@d.example", to=[f"b{number}@example.com"], subject="s", text="t")

    def addresses() -> Iterator[str]:
        for number in range(3):
            places.add(threading.get_ident())
            yield f"b{number}@example.com"

    with mailgun_of(seen) as mailgun:
        assert mailgun.messages.send_many(messages()).sent == 20
        letter = Message(from_="a@d.example", subject="s", text="t")
        assert mailgun.messages.send_batch(letter, {f"b{n}@example.com": {} for n in range(1500)}).sent == 2
        mailgun.bounces.create_many({"address": address} for address in addresses())
    assert len(seen) > 22
    assert places == {threading.get_ident()}


@pytest.mark.parametrize("wrong", ["b@example.com", {}, {"": {}}])
def test_wrong_recipients_are_an_error_of_ours(wrong: Any) -> None:
    seen: list[httpx.Request] = []
    letter = Message(from_="a@d.example", subject="s", text="t")
    with mailgun_of(seen) as mailgun, pytest.raises(ConfigError, match="recipients"):
        mailgun.messages.send_batch(letter, wrong)
    assert seen == []


def test_what_one_run_was_given_is_not_what_the_next_one_gets() -> None:
    with serving(always(response())) as server:
        client = Automations("t", base_url=server.url, domain="d.example", webhook_url=WEBHOOK)
        left = iter(events(10))
        assert client.bots.submit(left).accepted == 10
        assert client.bots.submit(left).read == 0
        client.close()


def test_one_mapping_that_a_generator_changes_is_as_many_records() -> None:
    """Each was accepted, and the list had the last one alone."""

    def records() -> Iterator[dict[str, str]]:
        record = {"address": ""}
        for number in range(3):
            record["address"] = f"b{number}@example.com"
            yield record

    with (
        Emulator(webhook_retry_delays=()) as emulator,
        Mailgun(emulator.api_key, base_url=emulator.mailgun_url, domain=emulator.domain) as client,
    ):
        assert client.bounces.create_many(records()).accepted == 3
        assert sorted(str(one.address) for one in client.bounces.list()) == [f"b{n}@example.com" for n in range(3)]
