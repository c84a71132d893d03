"""Reading events from whatever the caller has: a list, a generator, an asynchronous stream."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from itertools import islice

import anyio
from attrs import define, field

from omnivery.automations.event import BotEvent, EventLike, EventLine
from omnivery.errors import ConfigError


@define(kw_only=True, eq=False)
class Source:
    """One reader for all workers of a run: each takes the next slice, and nothing is read ahead of them."""

    _iterator: Iterator[EventLike] | AsyncIterator[EventLike] = field(alias="iterator")
    error: Exception | None = field(init=False, default=None)
    """What the source raised; it is not read on after that."""
    _over: bool = field(init=False, default=False)
    _lock: anyio.Lock = field(init=False, factory=anyio.Lock)

    @classmethod
    def of(cls, events: Iterable[EventLike] | AsyncIterable[EventLike]) -> Source:
        """Wrap what the caller gave.

        Raises:
            ConfigError: it is no iterable of events, but for instance a single one.
        """
        if isinstance(events, AsyncIterable):
            return cls(iterator=aiter(events))
        if isinstance(events, str | bytes | bytearray | Mapping | BotEvent | EventLine) or not isinstance(
            events, Iterable
        ):
            raise ConfigError(
                f"events: expected an iterable of events, not {type(events).__name__}. A single event goes in a list; "
                "a file is read with omnivery.readers. Nothing was sent."
            )
        return cls(iterator=iter(events))

    async def fill(self, items: list[EventLike], count: int) -> None:
        """Append up to `count` items; none when the source is at its end.

        The list is the caller's, so that what was read is in it even if the source raises or the task is cancelled.
        """
        if self._over:
            return
        try:
            if isinstance(self._iterator, AsyncIterator):
                await self._fill_async(self._iterator, items, count)
            else:
                items.extend(islice(self._iterator, count))
        except Exception as error:  # noqa: BLE001  # the source is the caller's code: anything may come out of it
            self.error = error
        self._over = self._over or self.error is not None or len(items) < count

    async def _fill_async(self, stream: AsyncIterator[EventLike], items: list[EventLike], count: int) -> None:
        # Two workers in one asynchronous generator at once are an error in Python.
        async with self._lock:
            if self._over:
                return
            async for item in stream:
                items.append(item)
                if len(items) == count:
                    return
            self._over = True
