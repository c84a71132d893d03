"""Reading the caller's events: nothing is read twice, lost when the source fails, or read on after its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from omnivery.automations import EventLine
from omnivery.bulk.source_reader import SourceReader
from omnivery.errors import ConfigError
from omnivery.events.event import EventLike
from tests.support.bots import (
    event,
    events,
    ids,
    source_of,
)

pytestmark = pytest.mark.anyio


class SourceError(Exception):
    """What a caller's own code raises."""


async def trickle(items: Iterable[EventLike]) -> AsyncIterator[EventLike]:
    """An asynchronous source that really waits between its events."""
    for item in items:
        await anyio.lowlevel.checkpoint()
        yield item


def broken(good: int) -> Iterator[EventLike]:
    yield from events(good)
    raise SourceError


async def broken_stream(good: int) -> AsyncIterator[EventLike]:
    async for item in trickle(events(good)):
        yield item
    raise SourceError


async def batches(source: SourceReader[EventLike], count: int = 500) -> list[list[EventLike]]:
    """What one worker reads, to the end."""
    found: list[list[EventLike]] = []
    while True:
        items: list[EventLike] = []
        await source.read_into(items, count)
        if not items:
            return found
        found.append(items)


@pytest.mark.parametrize("wrap", [list, iter, tuple, trickle])
@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1234])
async def test_any_iterable_is_read_in_slices(wrap: Callable[[list[EventLike]], Any], count: int) -> None:
    found = await batches(source_of(wrap(events(count))))
    assert [len(items) for items in found[:-1]] == [500] * max(0, len(found) - 1)
    assert [one for items in found for one in ids(items)] == ids(events(count))


async def test_events_are_handed_on_as_they_are() -> None:
    """A run gives back the caller's own objects, never copies."""
    given = events(3)
    (found,) = await batches(source_of(given))
    assert all(one is other for one, other in zip(found, given, strict=True))


async def test_nothing_is_read_ahead() -> None:
    """What is read is in memory; and what is read of a queue is gone from it."""
    pulled: list[EventLike] = []

    def source() -> Iterator[EventLike]:
        for item in events(1000):
            pulled.append(item)
            yield item

    reader = source_of(source())
    assert pulled == []
    await reader.read_into([], 500)
    assert len(pulled) == 500


@pytest.mark.parametrize("make", [broken, broken_stream])
@pytest.mark.parametrize("good", [0, 1, 300, 500, 501, 1000])
async def test_what_a_source_gave_before_it_failed_is_kept(make: Callable[[int], Any], good: int) -> None:
    """At once, half-way, and just at the border of a batch, where the failure shows only with the next one."""
    source = source_of(make(good))
    found = await batches(source)
    assert [one for items in found for one in ids(items)] == ids(events(good))
    assert isinstance(source.error, SourceError)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_source_that_failed_or_ended_is_not_asked_again(stream: bool) -> None:
    """Generators respond to that with nothing; readers of queues and sockets may block or start over."""

    class Once:
        asked = 0

        def __iter__(self) -> Once:
            return self

        def __next__(self) -> EventLike:
            self.asked += 1
            raise StopIteration

    class OnceAsync(Once):
        __iter__ = None  # type: ignore[assignment]  # an asynchronous source and nothing else

        def __aiter__(self) -> OnceAsync:
            return self

        async def __anext__(self) -> EventLike:
            self.asked += 1
            raise SourceError

    origin: Any = OnceAsync() if stream else Once()
    source = source_of(origin)
    for _ in range(3):
        await source.read_into([], 500)
    assert origin.asked == 1


@pytest.mark.parametrize(
    "wrong",
    [
        event(),
        {"ip": "203.0.113.7"},
        b'{"ip":"203.0.113.7"}',
        bytearray(b"{}"),
        "events.ndjson",
        Path("events.ndjson"),
        EventLine(data=b"{}", line=1),
        None,
        5,
        events,
    ],
)
async def test_what_is_no_iterable_of_events_is_refused_at_once(wrong: Any) -> None:
    """Text and mappings are iterable too: a file's name would become a run of one-letter rejections."""
    with pytest.raises(ConfigError, match=r"events: expected an iterable of events.*Nothing was sent"):
        source_of(wrong)


async def test_two_workers_share_one_stream() -> None:
    """Python refuses a second `anext()` on a generator while the first waits: each event must go to exactly one."""
    source = source_of(trickle(events(1234)))
    found: list[EventLike] = []

    async def work() -> None:
        for items in await batches(source, 100):
            found.extend(items)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        tasks.start_soon(work)
    assert source.error is None
    assert sorted(ids(found)) == sorted(ids(events(1234)))


async def test_a_worker_that_is_cancelled_while_it_reads_keeps_what_it_has() -> None:
    """The events left the source: if nobody had them, they would be lost."""

    async def source() -> AsyncIterator[EventLike]:
        for item in events(3):
            yield item
        await anyio.sleep_forever()

    reader = source_of(source())
    items: list[EventLike] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.read_into, items, 500)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert ids(items) == ["e0", "e1", "e2"]
