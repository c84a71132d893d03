"""A writer that is cancelled, wherever it is: what it took is sent or in the account, and nobody waits for ever."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from tests.support.bots import (
    Server,
    event,
    events,
    ids,
    numbered,
)
from tests.support.writer import (
    Recorder,
    assert_settled,
    put_all,
    writer_of,
)

pytestmark = pytest.mark.anyio


async def test_a_cancelled_put_has_not_taken_the_event() -> None:
    server = Recorder(shut=True)
    async with writer_of(server, concurrency=1, max_events=1, max_buffered=1) as writer:
        await put_all(writer, 1)
        await anyio.wait_all_tasks_blocked()
        await writer.put(event(1))
        with anyio.move_on_after(0.01) as scope:
            await writer.put(event(2))
        assert scope.cancelled_caught
        server.gate.set()
    assert server.ids == ["e0", "e1"]
    assert_settled(writer, put=2)


async def test_a_put_that_returns_under_cancellation_has_taken_the_event() -> None:
    """Whatever the moment of the cancellation, the caller knows whose each event is."""
    server = Recorder()
    taken = 0
    writer = writer_of(server, max_events=3)
    with anyio.CancelScope() as scope:
        async with writer:
            for number in range(100):
                if number == 10:
                    scope.cancel()
                await writer.put(event(number))
                taken += 1
    assert scope.cancelled_caught
    assert 10 <= taken <= 13
    assert_settled(writer, put=taken)
    assert set(server.ids) == numbered(taken)


async def test_a_cancelled_block_still_sends_what_is_left() -> None:
    """A service that is told to stop has just these few seconds for the events of its last one."""
    server = Recorder()
    writer = writer_of(server)
    went_on = False
    with anyio.CancelScope() as scope:
        async with writer:
            await put_all(writer, 3)
            scope.cancel()
            await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        went_on = True
    assert scope.cancelled_caught
    assert not went_on
    assert server.ids == ids(events(3))
    assert_settled(writer, put=3)


async def test_a_cancelled_block_does_not_wait_for_ever() -> None:
    server = Server(takes=0)
    writer = writer_of(server, cancel_timeout=0.02, close_timeout=1000)
    with anyio.CancelScope() as scope:
        async with writer:
            await put_all(writer, 3)
            scope.deadline = anyio.current_time() + 0.02
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert_settled(writer, put=3)
    assert writer.report.undelivered == 3
    assert server.hanging == 0


async def test_closing_can_be_cancelled_and_the_account_is_whole() -> None:
    server = Server(takes=0)
    writer = writer_of(server, cancel_timeout=0.02, close_timeout=1000)
    with anyio.CancelScope() as scope:
        async with writer:
            await put_all(writer, 3)
            scope.deadline = anyio.current_time() + 0.02
    assert scope.cancelled_caught
    assert_settled(writer, put=3)
    assert writer.report.undelivered == 3
    assert server.hanging == 0


async def test_a_cancelled_flush_leaves_the_writer_as_it_was() -> None:
    server = Recorder(shut=True)
    async with writer_of(server) as writer:
        await put_all(writer, 3)
        with anyio.move_on_after(0.01) as scope:
            await writer.flush()
        assert scope.cancelled_caught
        server.gate.set()
        assert (await writer.flush()).accepted == 3
