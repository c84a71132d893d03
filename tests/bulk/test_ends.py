"""How a run may end before its source does, and that the account is whole every time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from omnivery.automations.run import AsyncBulkRun
from omnivery.errors import AmbiguousError, ConfigError, NotSentError
from omnivery.events.event import EventLike
from tests.support.bots import (
    Server,
    assert_ended,
    assert_lawful,
    endless,
    events,
    finish,
    ids,
    run_of,
)

pytestmark = pytest.mark.anyio


class ConsumerError(Exception):
    """What the caller's loop over outcomes raises."""


class SourceError(Exception):
    """What the caller's generator of events raises."""


async def consume(run: AsyncBulkRun, *, fail_after: int) -> None:
    """A consumer whose own code fails once it has seen so many outcomes."""
    async with run:
        for _ in range(fail_after):
            await anext(run)
        await anyio.wait_all_tasks_blocked()
        raise ConsumerError


async def test_leaving_early_gives_back_what_was_under_way() -> None:
    server = Server(takes=2)
    run = run_of(endless(), server, concurrency=3)
    async with run:
        async for _ in run:
            await anyio.wait_all_tasks_blocked()
            assert server.hanging == 3
            break
    assert_ended(run, server, accepted=1000)
    # Three hung. The errors must say that the server may have received them.
    assert run.report.undelivered == 1500
    assert all(isinstance(failure.error, AmbiguousError) for failure in run.report.failures)
    assert run.report.stopped_by is None


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("taken", [0, 3])
async def test_no_outcome_is_lost_when_the_block_is_left(ordered: bool, taken: int) -> None:
    """Some had room, and some waited for it: a caller that writes them down would miss what the service took."""
    server = Server(takes=8)
    run = run_of(endless(), server, concurrency=3, ordered=ordered)
    async with run:
        outcomes = [await anext(run) for _ in range(taken)]
        await anyio.wait_all_tasks_blocked()
    outcomes += run.remaining
    assert len({outcome.batch for outcome in outcomes}) == len(outcomes)
    assert sum(len(outcome.accepted) for outcome in outcomes) == run.report.accepted > 500 * taken


async def test_leaving_at_once_reads_nothing_or_gives_it_back() -> None:
    server = Server(takes=0)
    run = run_of(endless(), server)
    async with run:
        pass
    assert_lawful(run.report)
    assert server.hanging == 0


async def test_an_error_of_the_consumer_comes_out_as_itself() -> None:
    """In a group it would miss the caller's own `except`."""
    server = Server(takes=1)
    run = run_of(endless(), server)
    with pytest.raises(ConsumerError):
        await consume(run, fail_after=1)
    assert_ended(run, server, accepted=500)


async def test_an_error_before_the_first_outcome_comes_out_as_itself() -> None:
    server = Server(takes=0)
    run = run_of(endless(), server)
    with pytest.raises(ConsumerError):
        await consume(run, fail_after=0)
    assert_ended(run, server, accepted=0)


async def test_a_bug_below_the_run_comes_out_as_itself() -> None:
    """What is no error of a delivery is nobody's undelivered batch: it ends the run, once, and in no group."""

    async def post(_: bytes) -> int:
        raise ZeroDivisionError

    run = run_of(endless(), post, concurrency=4)
    with pytest.raises(ZeroDivisionError):
        await finish(run)
    assert_lawful(run.report)
    assert run.report.undelivered == run.report.read > 0


async def test_cancelling_from_outside_is_not_swallowed() -> None:
    """A service that is told to stop must stop: a cancellation that ends here would let it go on."""
    server = Server(takes=3)
    run = run_of(endless(), server, concurrency=3)
    went_on = False
    with anyio.CancelScope() as scope:
        async with run:
            async for outcome in run:
                if outcome.batch == 1:
                    await anyio.wait_all_tasks_blocked()
                    scope.cancel()
        await anyio.lowlevel.checkpoint()
        went_on = True
    assert scope.cancelled_caught
    assert not went_on
    assert_ended(run, server, accepted=1500)


async def test_a_time_limit_ends_a_run_that_hangs() -> None:
    scope = anyio.CancelScope()

    def end_it(_: int) -> None:
        scope.deadline = anyio.current_time()

    server = Server(takes=0, on_hanging=end_it)
    run = run_of(endless(), server)
    with scope:
        async with run:
            async for _ in run:
                raise AssertionError
    assert scope.cancelled_caught
    assert_ended(run, server, accepted=0)


async def test_cancelling_from_a_task_within_the_block() -> None:
    """With a task group of the consumer's own inside the block, cancellations arrive in a group of their own."""
    server = Server(takes=2)
    run = run_of(endless(), server)
    with anyio.CancelScope() as scope:
        async with run, anyio.create_task_group() as own:
            own.start_soon(anyio.sleep_forever)
            own.start_soon(anyio.sleep_forever)
            async for _ in run:
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
    assert scope.cancelled_caught
    assert_ended(run, server, accepted=1000)


async def test_a_run_cancelled_before_it_begins() -> None:
    run = run_of(endless(), Server(takes=9))
    with anyio.CancelScope() as scope:
        scope.cancel()
        await finish(run)
    assert scope.cancelled_caught
    assert_lawful(run.report)


async def test_what_was_read_when_the_source_was_cancelled_is_given_back() -> None:
    """Two hundred events waited for three hundred more, and are in nobody else's hands."""

    async def source() -> AsyncIterator[EventLike]:
        for item in events(700):
            yield item
        await anyio.sleep_forever()

    server = Server(takes=9)
    run = run_of(source(), server, concurrency=2)
    async with run:
        await anext(run)
        await anyio.wait_all_tasks_blocked()
    assert_ended(run, server, accepted=500)
    assert ids(run.report.undelivered_events()) == [f"e{n}" for n in range(500, 700)]
    (failure,) = run.report.failures
    assert isinstance(failure.error, NotSentError)


async def test_the_callers_stream_stays_the_callers() -> None:
    """A run does not close a source that it did not open: after leaving early, the caller can read on."""

    async def source() -> AsyncIterator[EventLike]:
        for item in endless():
            yield item

    async with aclosing(source()) as stream:  # type: ignore[type-var]  # it is a generator
        run = run_of(stream, Server(takes=2), concurrency=1)
        async with run:
            await anext(run)
        following: Any = await anext(stream)
        assert following.event_id == f"e{run.report.read}"


async def test_a_run_that_is_left_has_no_more_outcomes() -> None:
    run = run_of(events(10), Server(takes=1))
    report = await finish(run)
    with pytest.raises((StopAsyncIteration, anyio.ClosedResourceError)):
        await anext(run)
    assert run.report == report


async def test_the_source_s_own_error_ends_the_iteration() -> None:
    """Once everything that it gave is settled, and not before."""

    def source() -> Iterator[EventLike]:
        yield from events(1200)
        raise SourceError

    run = run_of(source(), Server(takes=9))
    seen: list[int] = []

    async def watch() -> None:
        async with run:
            async for outcome in run:
                seen.append(len(outcome.accepted))  # noqa: PERF401  # the error would take the list along

    with pytest.raises(SourceError):
        await watch()
    assert sum(seen) == run.report.accepted == run.report.read == 1200
    assert isinstance(run.report.stopped_by, SourceError)


async def test_a_run_is_entered_once() -> None:
    run = run_of(events(10), Server(takes=1))
    await finish(run)
    with pytest.raises(ConfigError, match="entered once"):
        await finish(run)
    assert run.report.accepted == 10


async def test_a_run_is_entered_before_it_is_iterated() -> None:
    run = run_of(events(10), Server(takes=1))
    with pytest.raises(ConfigError, match="async with"):
        await anext(run)
    await finish(run)


async def test_a_run_that_was_never_entered_warns() -> None:
    """`client.bots.stream(events)` alone does nothing, and would do so in silence."""
    never_entered = [run_of(events(10), Server(takes=1))]
    with pytest.warns(ResourceWarning, match="never entered"):
        never_entered.clear()
