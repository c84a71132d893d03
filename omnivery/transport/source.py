"""Reading what the caller gives a bulk run: a list, a generator, an asynchronous stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from itertools import islice
from typing import Generic, TypeVar

import anyio
from attrs import define, field

from omnivery.errors import ConfigError

T = TypeVar("T")


class Supplier(ABC, Generic[T]):
    """What hands over many items at a time, where one by one would cost too much: from another thread, or a buffer."""

    @abstractmethod
    async def fill(self, items: list[T], count: int) -> None:
        """Append up to `count` items, as many as are due; none when there will never be any more.

        Whatever leaves the supplier is in the list, even if the task is cancelled. It is asked by one task at a time.
        """


@define(kw_only=True, eq=False)
class Source(Generic[T]):
    """One reader for all workers of a run: each takes the next slice, and nothing is read ahead of them."""

    _iterator: Iterator[T] | AsyncIterator[T] | Supplier[T] = field(alias="iterator")
    error: Exception | None = field(init=False, default=None)
    """What the source raised; it is not read on after that."""
    _over: bool = field(init=False, default=False)
    _lock: anyio.Lock = field(init=False, factory=anyio.Lock)
    _readings: set[anyio.CancelScope] = field(init=False, factory=set[anyio.CancelScope])

    @classmethod
    def of(
        cls,
        items: Iterable[T] | AsyncIterable[T] | Supplier[T],
        *,
        argument: str,
        advice: str,
    ) -> Source[T]:
        """Wrap what the caller gave.

        Args:
            items: what to read.
            argument: its name, for the error.
            advice: what to do instead, for the error.

        Raises:
            ConfigError: it is no iterable of items, but for instance a single one.
        """
        if isinstance(items, Supplier):
            return cls(iterator=items)
        if isinstance(items, AsyncIterable):
            return cls(iterator=aiter(items))
        if isinstance(items, str | bytes | bytearray | Mapping) or not isinstance(items, Iterable):
            raise ConfigError(
                f"{argument}: expected an iterable of {argument}, not {type(items).__name__}. {advice}. "
                "Nothing was sent."
            )
        return cls(iterator=iter(items))

    async def fill(self, items: list[T], count: int) -> None:
        """Append up to `count` items; none when the source is at its end.

        The list is the caller's, so that what was read is in it even if the source raises or the task is cancelled.
        """
        if self._over:
            return
        try:
            if isinstance(self._iterator, AsyncIterator | Supplier):
                await self._fill_waiting(self._iterator, items, count)
            else:
                items.extend(islice(self._iterator, count))
                self._over = self._over or len(items) < count
        except Exception as error:  # noqa: BLE001  # the source is the caller's code: anything may come out of it
            self.error = error
            self._over = True

    def stop(self) -> None:
        """Read no further, and leave a source that keeps a worker waiting."""
        self._over = True
        for reading in self._readings:
            reading.cancel()

    async def _fill_waiting(self, flow: AsyncIterator[T] | Supplier[T], items: list[T], count: int) -> None:
        with anyio.CancelScope() as reading:
            self._readings.add(reading)
            try:
                # Two workers in one asynchronous generator at once are an error in Python.
                async with self._lock:
                    if self._over:
                        return
                    if isinstance(flow, Supplier):
                        await flow.fill(items, count)
                        self._over = self._over or not items
                        return
                    async for item in flow:
                        items.append(item)
                        if len(items) == count:
                            return
                    self._over = True
            finally:
                self._readings.discard(reading)
