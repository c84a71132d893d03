"""How a writer may end, and that every event that it took is in the account each time."""

from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from omnivery.emulator import Emulator
from omnivery.errors import AmbiguousError, AuthenticationError, BulkError, ConfigError, NotSentError
from tests.support.bots import (
    Server,
    client_of,
    event,
    events,
    ids,
    numbered,
    pickled,
    refusal,
)
from tests.support.writer import (
    Recorder,
    assert_settled,
    put_all,
    writer_of,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


class BodyError(Exception):
    """What the caller's own code raises."""


# Closed


async def test_leaving_the_block_sends_what_is_left() -> None:
    server = Recorder()
    async with writer_of(server) as writer:
        await put_all(writer, 3)
        assert server.batches == []
    assert server.batches == [["e0", "e1", "e2"]]
    assert_settled(writer, put=3)


async def test_closing_gives_the_final_report_and_again() -> None:
    async with writer_of(Recorder()) as writer:
        await put_all(writer, 3)
        report = await writer.aclose()
        assert report.accepted == 3
        assert await writer.aclose() == report
    assert writer.report == report


async def test_an_error_in_the_block_comes_out_as_itself_and_events_go_out_all_the_same() -> None:
    server = Recorder()
    writer = writer_of(server)

    async def block() -> None:
        async with writer:
            await put_all(writer, 3)
            raise BodyError

    with pytest.raises(BodyError):
        await block()
    assert server.ids == ids(events(3))
    assert_settled(writer, put=3)


async def test_a_server_that_hangs_does_not_keep_a_writer_from_closing(caplog: pytest.LogCaptureFixture) -> None:
    """What was on its way may have arrived; what was not has certainly not."""
    writer = writer_of(Server(takes=0), concurrency=1, max_events=2, close_timeout=0.05)
    with caplog.at_level(logging.WARNING, "omnivery"):
        async with writer:
            await put_all(writer, 5)
            await anyio.wait_all_tasks_blocked()
    report = writer.report
    assert_settled(writer, put=5)
    assert ids(report.undelivered_events()) == ids(events(5))
    assert [(one.batch, one.events, type(one.error)) for one in report.failures] == [
        (0, 2, AmbiguousError),
        (1, 3, NotSentError),
    ]
    assert report.stopped_by is None
    assert caplog.messages == ["a writer ended; events undelivered: 5, dropped: 0"]
    with pytest.raises(BulkError, match="5 not delivered"):
        report.raise_for_failures()


async def test_who_waits_for_room_when_the_writer_is_closed_is_told_at_once() -> None:
    """And not when the last batch is through, which may take its time."""
    server = Recorder(shut=True)
    refused: list[str] = []

    async def produce(number: int) -> None:
        try:
            await writer.put(event(number))
        except ConfigError:
            refused.append(f"e{number}")

    async with (
        writer_of(server, concurrency=1, max_events=1, max_buffered=1) as writer,
        anyio.create_task_group() as tasks,
    ):
        for number in range(4):
            tasks.start_soon(produce, number)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(writer.aclose)
        await anyio.wait_all_tasks_blocked()
        assert len(refused) == 2
        server.gate.set()
    assert_settled(writer, put=2)
    assert {*refused, *server.ids} == numbered(4)


# Stopped


async def test_a_refused_token_stops_the_writer_and_loses_nothing(emu: Emulator) -> None:
    async with client_of(emu, token="wrong") as client, client.bots.writer(max_events=2, concurrency=1) as writer:
        await put_all(writer, 5)
        report = await writer.flush()
        assert isinstance(report.stopped_by, AuthenticationError)
        with pytest.raises(BulkError, match=r"stopped by: .*401") as caught:
            await writer.put(event(5))
        assert isinstance(caught.value.__cause__, AuthenticationError)
        assert caught.value.report.undelivered == 5
    assert_settled(writer, put=5)
    assert ids(writer.report.undelivered_events()) == ids(events(5))
    assert emu.bot_events == []


async def test_who_waits_for_room_when_the_run_is_stopped_is_told() -> None:
    gate = anyio.Event()

    async def server(_: bytes) -> int:
        await gate.wait()
        raise refusal(401)

    async with writer_of(server, concurrency=1, max_events=1, max_buffered=1) as writer:
        await writer.put(event(0))
        await anyio.wait_all_tasks_blocked()
        await writer.put(event(1))
        async with anyio.create_task_group() as tasks:

            async def wait_for_room() -> None:
                with pytest.raises(BulkError, match="stopped"):
                    await writer.put(event(2))

            tasks.start_soon(wait_for_room)
            await anyio.wait_all_tasks_blocked()
            gate.set()
    assert_settled(writer, put=2)
    assert writer.report.undelivered == 2


async def test_a_stop_is_told_before_what_is_under_way_has_ended() -> None:
    """A slow batch may be retried for minutes: events taken meanwhile would only be undelivered."""
    slow = anyio.Event()

    async def server(_: bytes) -> int:
        if not slow.is_set():
            slow.set()
            await anyio.sleep_forever()
        raise refusal(402)

    async with writer_of(server, concurrency=2, max_events=1, close_timeout=0.02) as writer:
        await put_all(writer, 2)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(BulkError, match="402"):
            await writer.put(event(2))
    assert_settled(writer, put=2)


async def test_a_bug_below_ends_the_writer_as_itself() -> None:
    async def server(_: bytes) -> int:
        raise ZeroDivisionError

    writer = writer_of(server)

    async def block() -> None:
        async with writer:
            await put_all(writer, 3)
            report = await writer.flush()
            assert isinstance(report.stopped_by, ZeroDivisionError)
            with pytest.raises(BulkError, match="ZeroDivisionError"):
                await writer.put(event(3))

    with pytest.raises(ZeroDivisionError):
        await block()
    assert_settled(writer, put=3)
    assert writer.report.undelivered == 3


async def test_the_law_holds_whatever_the_server_does() -> None:
    """Refusals, failures, bad events, many tasks, and a close in the middle of it."""
    calls = 0

    async def server(_: bytes) -> int:
        nonlocal calls
        calls += 1
        await anyio.lowlevel.checkpoint()
        if calls == 1:
            raise refusal(409)  # final, and no fault of the events
        if calls % 7 == 0:
            raise refusal(400)
        if calls % 5 == 0:
            raise NotSentError("no connection")
        return 1

    writer = writer_of(server, concurrency=3, max_events=10, max_buffered=25)
    put = 0

    async def produce(number: int) -> None:
        nonlocal put
        for _ in range(100):
            await writer.put(event(number, ip="bad" if put % 11 == 0 else "203.0.113.7"))
            put += 1

    async with writer, anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(produce, number)
    assert put == 500
    assert_settled(writer, put=500)
    assert min(writer.report.accepted, writer.report.rejected, writer.report.undelivered) > 0
    assert pickled(writer.report).undelivered == writer.report.undelivered


# With a journal


async def test_a_journal_takes_what_was_on_its_way_and_the_next_writer_sends_it(emu: Emulator, tmp_path: Path) -> None:
    """And its flush waits for its own events, whatever the earlier one left."""
    journal = tmp_path / "writer.journal"
    async with client_of(emu, token="wrong") as client, client.bots.writer(journal=journal) as writer:
        await put_all(writer, 3)
        assert (await writer.flush()).undelivered == 3
    async with client_of(emu) as client, client.bots.writer(journal=journal) as writer:
        await writer.put(event(3))
        with anyio.fail_after(30):
            report = await writer.flush()
        assert report.accepted == 4
    assert set(ids(emu.bot_events)) == numbered(4)


async def test_a_journal_that_cannot_be_used_is_told_on_entering(emu: Emulator, tmp_path: Path) -> None:
    journal = tmp_path / "no.journal"
    journal.write_text("something else")
    async with client_of(emu) as client:
        with pytest.raises(ConfigError):
            await client.bots.writer(journal=journal).__aenter__()


# Misused


async def test_a_writer_is_entered_once() -> None:
    writer = writer_of(Recorder())
    async with writer:
        await writer.put(event())
    with pytest.raises(ConfigError, match="entered once"):
        await writer.__aenter__()


async def test_a_writer_is_entered_before_it_is_used() -> None:
    writer = writer_of(Recorder())
    for use in (lambda: writer.put(event()), writer.flush, writer.aclose):
        with pytest.raises(ConfigError, match="async with"):
            await use()
    async with writer:
        pass


async def test_a_closed_writer_takes_nothing() -> None:
    async with writer_of(Recorder()) as writer:
        await writer.aclose()
        with pytest.raises(ConfigError, match="closed"):
            await writer.put(event())
        with pytest.raises(ConfigError, match="closed"):
            await writer.flush()
    assert writer.report.read == 0


async def test_a_writer_that_was_never_entered_warns(emu: Emulator) -> None:
    async with client_of(emu) as client:
        writers = [client.bots.writer()]
        with pytest.warns(ResourceWarning, match="never entered"):
            writers.clear()


async def test_a_writer_that_was_cancelled_on_entering_is_not_said_to_be_never_entered(emu: Emulator) -> None:
    async with client_of(emu) as client:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with anyio.CancelScope() as scope:
                scope.cancel()
                async with client.bots.writer():
                    pytest.fail("it was cancelled")
            gc.collect()
    assert (scope.cancelled_caught, [str(each.message) for each in told]) == (True, [])


async def test_the_report_of_a_writer_crosses_processes() -> None:
    async with writer_of(Recorder(), overflow="drop", max_buffered=1) as writer:
        await writer.put(event(0, ts=1))
        await writer.put(event(1))
    assert (writer.report.dropped, writer.report.late) == (1, 1)
    assert pickled(writer.report) == writer.report
    assert "1 events dropped, 1 late" in writer.report._repr_html_()
