"""Reading what the caller gives a bulk run: a list, a generator, an asynchronous stream, a source of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

import anyio
from anyio.lowlevel import checkpoint
from attrs import define, field

from omnivery.bulk.files import FileStart
from omnivery.bulk.position import PositionDelta
from omnivery.bulk.source import (
    BatchSource,
    ItemStream,
    Resumable,
    ResumePoint,
    Slices,
    cancelled_source,
    read_through,
)
from omnivery.errors import ConfigError
from omnivery.transport.runtime import is_cancelled_by_asyncio, run_in_thread

T = TypeVar("T")

UNNAMED, BUFFER = "events", "writer"
"""Names in a journal of sources without a name: of those that yield the same items again, and of those that do not."""
_AT_ONCE = 10_000
"""Items that are skipped at once, before other tasks get a turn."""


@define(kw_only=True, eq=False)
class SourceReader(Generic[T]):
    """One reader for all workers of a run: each takes the next slice, and nothing is read ahead of them."""

    _iterator: ItemStream[T] | None = field(alias="iterator")
    """None for a resumable source that was not opened yet."""
    _resumable: Resumable[T] | None = field(alias="resumable", default=None)
    _keep: Callable[[T], T] | None = field(alias="keep", default=None)
    """Copies an item, so that the caller cannot change it any more."""
    error: Exception | None = field(init=False, default=None)
    """The exception that the source raised; it is not read any further."""
    _taken: int = field(init=False, default=0)
    """Items taken that a journal has, where that is all one can say of the position."""
    _over: bool = field(init=False, default=False)
    _lock: anyio.Lock = field(init=False, factory=anyio.Lock)
    _readings: set[anyio.CancelScope] = field(init=False, factory=set[anyio.CancelScope])

    @classmethod
    def of(
        cls,
        items: Iterable[T] | AsyncIterable[T] | BatchSource[T] | Resumable[T],
        *,
        argument: str,
        advice: str,
        keep: Callable[[T], T] | None = None,
        encoded: bool = False,
    ) -> SourceReader[T]:
        """Wrap what the caller gave.

        Args:
            items: what to read.
            argument: its name, for the error.
            advice: what to do instead, for the error.
            keep: copies an item, so that the caller cannot change it any more.
            encoded: whether items may come encoded from a source that has them so.

        Raises:
            ConfigError: it is not an iterable of items, but for instance a single item.
        """
        if isinstance(items, Resumable):
            if encoded:
                items.allow_encoded()
            return cls(iterator=None, resumable=items)
        if isinstance(items, BatchSource):
            if keep is not None:
                items.keep_with(keep)
            return cls(iterator=items)
        if isinstance(items, AsyncIterable):
            return cls(iterator=aiter(items), keep=keep)
        if isinstance(items, str | bytes | bytearray | Mapping) or not isinstance(items, Iterable):
            raise ConfigError(
                f"{argument}: expected an iterable of {argument}, not {type(items).__name__}. {advice}. "
                "Nothing was sent."
            )
        # What is in a list stays in it: it is encoded in the same step in which it is read.
        return cls(iterator=iter(items), keep=None if isinstance(items, list | tuple) else keep)

    @property
    def may_block(self) -> bool:
        """Whether reading may block the event loop, as a caller's iterable can."""
        return not isinstance(self._iterator, AsyncIterator | BatchSource)

    @property
    def replays(self) -> bool:
        """Whether items that were read just before a crash come again."""
        if self._resumable is not None:
            return self._resumable.replays
        return not isinstance(self._iterator, BatchSource) or self._iterator.replays

    @property
    def files(self) -> Sequence[FileStart]:
        """The files of the items of the last `read_into`, or `leftover`, by their places among these."""
        return () if self._resumable is None else self._resumable.files

    async def prepare(self) -> None:
        """Have a resumable source look at what there is to read. Called once, before all else."""
        if self._resumable is not None:
            # It looks into each file, and there may be thousands.
            await run_in_thread(self._resumable.prepare)

    async def resume(self, known: Sequence[ResumePoint]) -> ResumePoint:
        """Go to the source's resume point in a journal, before anything is read.

        A source without positions is read from its start, and the items that were read before are skipped.

        Raises:
            ConfigError: the source has changed, or ends before its resume point.
        """
        if self._resumable is not None:
            point = await run_in_thread(self._resumable.locate, known)
            self._iterator = self._resumable.open(point)
            return point
        name = UNNAMED if self.replays else BUFFER
        point = next((one for one in known if one.name == name), ResumePoint(name=name))
        taken = point.position.get("items", 0)
        if self.replays:
            await self._pass_over(taken)
        self._taken = taken
        return point

    def position(self, items: Sequence[T]) -> PositionDelta:
        """Return the position to resume from after these items, or what has changed in it since the last call.

        Call it once after each `read_into`.
        """
        if self._resumable is not None:
            return self._resumable.position_delta(items[-1])
        self._taken += len(items)
        return PositionDelta(rest={"items": self._taken})

    async def read_into(self, items: list[T], count: int) -> Sequence[T]:
        """Append up to `count` items, none when the source is at its end, and return the list; or return another one.

        The list is the caller's, so that what was read is in it even if the source raises or the task is cancelled.
        Nothing is awaited once they are in it.
        """
        if self._over:
            return items
        try:
            if self._iterator is None:
                assert self._resumable is not None  # noqa: S101  # `of` sees to it: one of the two is there
                self._iterator = self._resumable.stream()
            if isinstance(self._iterator, AsyncIterator | BatchSource):
                await self._fill_waiting(self._iterator, items, count)
            elif isinstance(self._iterator, Slices):
                taken = self._iterator.take(count)
                self._over = self._over or not taken
                return taken
            else:
                chosen = islice(self._iterator, count)
                kept = chosen if self._keep is None else map(self._keep, chosen)
                read_through(lambda: items.extend(kept))
                self._over = self._over or len(items) < count
        except Exception as error:  # noqa: BLE001  # the source is the caller's code: anything may come out of it
            self.error = error
            self._over = True
        return items

    def leftover(self, count: int) -> list[T]:
        """Return up to `count` items that were read ahead, once no worker reads any more; none when all were returned.

        They are part of the source: call `position` for them as for the items of `read_into`.
        """
        return self._iterator.leftover(count) if isinstance(self._iterator, BatchSource) else []

    async def close(self) -> None:
        """Close what was opened here. A caller's own stream stays the caller's."""
        if self._resumable is not None and isinstance(self._iterator, AsyncGenerator):
            await self._iterator.aclose()
        if self._resumable is not None and isinstance(self._iterator, BatchSource):
            await self._iterator.close()

    def stop(self) -> None:
        """Read no further, and cancel a worker that waits for the source."""
        self._over = True
        for reading in self._readings:
            reading.cancel()

    async def _pass_over(self, count: int) -> None:
        while self._taken < count:
            passed: list[T] = []
            await self.read_into(passed, min(count - self._taken, _AT_ONCE))
            self._taken += len(passed)
            if self.error is not None:
                raise self.error
            if not passed:
                raise ConfigError(
                    f"events: the source ended after {self._taken:,} items, and the journal has {count:,}: it must "
                    "yield the same items again, because these are skipped. Nothing was sent."
                )
            await checkpoint()

    async def _fill_waiting(self, flow: AsyncIterator[T] | BatchSource[T], items: list[T], count: int) -> None:
        with anyio.CancelScope() as reading:
            self._readings.add(reading)
            try:
                # Two workers in one asynchronous generator at once are an error in Python.
                async with self._lock:
                    if self._over:
                        return
                    if isinstance(flow, BatchSource):
                        await flow.read_into(items, count)
                        self._over = self._over or not items
                        return
                    async for item in flow:
                        items.append(item if self._keep is None else self._keep(item))
                        if len(items) == count:
                            return
                    self._over = True
            except asyncio.CancelledError as error:
                if is_cancelled_by_asyncio():
                    raise
                raise cancelled_source() from error
            finally:
                self._readings.discard(reading)
