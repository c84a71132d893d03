"""How much a run reads and keeps: never more in memory than promised, however long the source or slow the reader."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Iterator

import anyio
import anyio.lowlevel
import pytest

from omnivery.errors import DecodeError
from omnivery.events.event import EventLike
from tests.support.bots import (
    Post,
    assert_lawful,
    endless,
    event,
    events,
    finish,
    refusal,
    run_of,
    sent,
)

pytestmark = pytest.mark.anyio


class Pulled:
    """A source that counts what was taken from it."""

    def __init__(self, total: int | None = None) -> None:
        self.count = 0
        self._total = total

    def __iter__(self) -> Iterator[EventLike]:
        for item in endless():
            if self.count == self._total:
                return
            self.count += 1
            yield item


async def accept(_: bytes) -> int:
    await anyio.lowlevel.checkpoint()
    return 1


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_a_consumer_that_stops_reading_stops_the_source(concurrency: int) -> None:
    """It writes each outcome to a slow disk: the source must wait for it, or memory would fill with outcomes."""
    source = Pulled()
    run = run_of(source, accept, concurrency=concurrency)
    async with run:
        await anext(run)
        await anyio.wait_all_tasks_blocked()
        assert concurrency * 500 < source.count <= (2 * concurrency + 1) * 500
        held = source.count
        await anext(run)
        await anyio.wait_all_tasks_blocked()
        assert source.count == held + 500
    assert_lawful(run.report)


async def test_a_server_that_does_not_respond_stops_the_source() -> None:
    source = Pulled()

    async def hang(_: bytes) -> int:
        await anyio.sleep_forever()
        raise AssertionError

    run = run_of(source, hang, concurrency=3)
    async with run:
        await anyio.wait_all_tasks_blocked()
        assert source.count == 3 * 500
    assert_lawful(run.report)


async def test_memory_stays_flat_however_long_the_source_is() -> None:
    """Two hundred thousand events: of no more batches than promised is anything alive at any moment."""
    concurrency, total = 4, 200_000
    alive: set[int] = set()
    most = pulled = settled = 0

    def source() -> Iterator[EventLike]:
        nonlocal pulled
        same: EventLike = {"ip": "203.0.113.7", "uas": "-", "event_id": "e"}
        for number in range(total):
            pulled += 1
            if number % 500:
                yield same
            else:
                first = event(number)
                alive.add(number)
                weakref.finalize(first, alive.discard, number)
                yield first

    run = run_of(source(), accept, concurrency=concurrency)
    async with run:
        async for outcome in run:
            most = max(most, len(alive))
            settled += len(outcome.accepted)
            assert pulled - settled <= 2 * concurrency * 500
    # One more: the batch whose outcome the consumer itself holds.
    assert concurrency <= most <= 2 * concurrency + 1
    assert (run.report.accepted, settled) == (total, total)


async def test_rejections_of_a_long_run_are_counted_and_not_kept() -> None:
    report = await finish(run_of(({"ip": "nowhere"} for _ in range(20_000)), accept))
    assert (report.rejected, len(report.rejections)) == (20_000, 1000)
    assert [item.index for item in report.rejections] == list(range(1000))


async def test_failures_of_a_long_run_are_counted_and_not_kept() -> None:
    """One sound event in each of 150 batches: few enough undelivered ones for the run to go on to its end."""

    async def fail(_: bytes) -> int:
        raise DecodeError("the response is HTML")

    items = (event(n) if n % 500 == 0 else {"ip": "nowhere"} for n in range(150 * 500))
    report = await finish(run_of(items, fail))
    assert (report.undelivered, len(report.failures), report.stopped_by) == (150, 100, None)


async def test_more_undelivered_events_than_can_be_kept_stop_the_run() -> None:
    """All of them are kept for the caller, so that without an end memory would not stay flat."""

    async def fail(_: bytes) -> int:
        await anyio.lowlevel.checkpoint()
        raise DecodeError("the response is HTML")

    report = await finish(run_of(endless(), fail, concurrency=4))
    assert 50_000 < report.undelivered == report.read <= 50_000 + 4 * 500
    assert isinstance(report.stopped_by, DecodeError)


async def test_a_quiet_source_does_not_hold_up_what_was_read() -> None:
    """The second batch is long in coming; the first must not wait for it."""

    async def source() -> AsyncIterator[EventLike]:
        for item in events(500):
            yield item
        await anyio.sleep_forever()

    run = run_of(source(), accept, concurrency=2)
    async with run:
        outcome = await anext(run)
        assert len(outcome.accepted) == 500
    assert_lawful(run.report)


async def test_a_quiet_source_does_not_hold_up_the_end() -> None:
    """A revoked token must show at once, not when the queue that the events come from has filled another batch."""

    quiet = anyio.Event()

    async def source() -> AsyncIterator[EventLike]:
        for item in events(700):
            yield item
        quiet.set()
        await anyio.sleep_forever()

    async def refuse(_: bytes) -> int:
        await quiet.wait()
        raise refusal(401)

    run = run_of(source(), refuse, concurrency=2)
    with anyio.fail_after(30):
        report = await finish(run)
    assert report.undelivered == report.read == 700
    assert report.stopped_by is not None


async def test_scripted_posts_see_whole_batches() -> None:
    """What the other tests here stand on."""
    sizes: list[int] = []

    async def post(body: bytes) -> int:
        sizes.append(len(sent(body)))
        return 1

    taken: Post = post
    await finish(run_of(Pulled(1234), taken, concurrency=1))
    assert sizes == [500, 500, 234]
