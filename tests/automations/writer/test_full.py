"""A writer whose buffer is full: `put` waits, raises or drops, as it was told, and says so."""

from __future__ import annotations

import logging

import anyio
import pytest

from omnivery.errors import BulkError
from tests.support.bots import event, events, ids
from tests.support.writer import (
    Recorder,
    assert_settled,
    put_all,
    writer_of,
)

pytestmark = pytest.mark.anyio


async def test_put_waits_while_the_buffer_is_full() -> None:
    server = Recorder(shut=True)
    done: list[int] = []
    async with writer_of(server, concurrency=1, max_events=2, max_buffered=3) as writer:

        async def produce() -> None:
            for number in range(10):
                await writer.put(event(number))
                done.append(number)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(produce)
            await anyio.wait_all_tasks_blocked()
            # One batch is on its way, and the buffer is full behind it.
            assert done == [0, 1, 2, 3, 4]
            assert writer.statistics.buffered == 3
            server.gate.set()
    assert server.ids == ids(events(10))
    assert_settled(writer, put=10)


async def test_put_raises_when_the_buffer_is_full_if_that_is_asked_for() -> None:
    server = Recorder(shut=True)
    async with writer_of(server, max_events=2, max_buffered=2, concurrency=1, overflow="raise") as writer:
        await put_all(writer, 2)
        await anyio.wait_all_tasks_blocked()
        for number in (2, 3):
            await writer.put(event(number))
        with pytest.raises(BulkError, match="buffer is full: 2 events wait, and this one was not taken") as caught:
            await writer.put(event(4))
        assert caught.value.report.stopped_by is None
        server.gate.set()
        await writer.flush()
        await writer.put(event(5))
    assert_settled(writer, put=5)
    assert server.ids == ["e0", "e1", "e2", "e3", "e5"]


async def test_dropped_events_are_never_dropped_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    server = Recorder(shut=True)
    with caplog.at_level(logging.WARNING, "omnivery"):
        async with writer_of(server, max_events=2, max_buffered=2, concurrency=1, overflow="drop") as writer:
            for one in events(50):
                await writer.put(one)
                await anyio.wait_all_tasks_blocked()
            assert (writer.statistics.put, writer.statistics.dropped) == (4, 46)
            server.gate.set()
    assert_settled(writer, put=4)
    # Two were on their way and two waited: it is the newest that are dropped.
    assert server.ids == ids(events(4))
    assert caplog.messages[0] == "a writer's buffer is full; events dropped so far: 1"
    assert caplog.messages[-1] == "a writer ended; events undelivered: 0, dropped: 46"
    with pytest.raises(BulkError, match="46 more were dropped"):
        writer.report.raise_for_failures()


async def test_a_producer_whose_events_are_dropped_does_not_stop_the_loop() -> None:
    """It would never see the room that it made impossible."""
    async with writer_of(Recorder(), max_events=10, max_buffered=15, overflow="drop") as writer:
        with anyio.fail_after(30):
            while writer.statistics.accepted < 100:
                await writer.put(event())
