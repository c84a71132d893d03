"""Outcomes on their way to the consumer: in order, within bounds, and none is lost when it stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from omnivery.bulk.outcomes import OutcomeStream

pytestmark = pytest.mark.anyio


@contextmanager
def opened(*, ordered: bool = False, max_early: int = 2, room: int = 0) -> Iterator[OutcomeStream[str]]:
    stream: OutcomeStream[str] = OutcomeStream(ordered=ordered, max_early=max_early)
    stream.open(room)
    try:
        yield stream
    finally:
        stream.close()


async def some_turns() -> None:
    for _ in range(10):
        await checkpoint()


async def test_workers_go_on_while_there_is_room_and_then_wait_for_the_consumer() -> None:
    with opened(room=2) as stream:
        await stream.put(0, "a")
        await stream.put(1, "b")
        async with anyio.create_task_group() as workers:
            workers.start_soon(stream.put, 2, "c")
            await some_turns()
            assert [await stream.next() for _ in range(3)] == ["a", "b", "c"]


async def test_outcomes_come_in_the_order_of_their_turns() -> None:
    with opened(ordered=True, max_early=4, room=9) as stream:
        for number in (7, 3, 5):
            stream.take_turn(number)
        async with anyio.create_task_group() as workers:
            for number in (5, 3, 7):
                workers.start_soon(stream.put, number, f"batch {number}")
                await some_turns()
            assert [await stream.next() for _ in range(3)] == ["batch 7", "batch 3", "batch 5"]


async def test_one_slow_batch_holds_up_the_others_once_enough_outcomes_wait_for_it() -> None:
    """A worker that went on would read the whole source into memory."""
    gone_on: list[int] = []
    with opened(ordered=True, max_early=2) as stream:

        async def work(number: int) -> None:
            await stream.put(number, f"batch {number}")
            gone_on.append(number)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as workers:
                for number in range(4):
                    stream.take_turn(number)
                for number in (1, 2, 3):
                    workers.start_soon(work, number)
                    await some_turns()
                assert gone_on == [1]
                workers.start_soon(work, 0)
                assert [await stream.next() for _ in range(4)] == [f"batch {number}" for number in range(4)]
    assert sorted(gone_on) == [0, 1, 2, 3]


@pytest.mark.parametrize("ordered", [False, True])
async def test_nothing_is_lost_when_the_consumer_stops(ordered: bool) -> None:
    """What lies in the stream, what a cancelled worker held out, and what waited for its turn."""
    with opened(ordered=ordered, room=1) as stream:
        for number in (0, 9, 1, 2):
            stream.take_turn(number)
        async with anyio.create_task_group() as workers:
            for number in range(3):
                workers.start_soon(stream.put, number, f"batch {number}")
                await some_turns()
            workers.cancel_scope.cancel()
    assert sorted(stream.remaining) == ["batch 0", "batch 1", "batch 2"]


async def test_the_consumer_takes_what_is_there_before_it_learns_that_there_is_no_more() -> None:
    with opened(room=1) as stream:
        await stream.put(0, "a")
        stream.end()
        assert await stream.next() == "a"
        with pytest.raises(anyio.EndOfStream):
            await stream.next()
    assert stream.remaining == []
