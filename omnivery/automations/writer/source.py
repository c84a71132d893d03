"""From a writer's buffer into a bulk run: batches that are due, in the run's event loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any

import anyio
from attrs import define, field

from omnivery import codec
from omnivery._logging import LogThrottle
from omnivery.automations.writer.buffer import EventBuffer, logger
from omnivery.bulk.source import BatchSource
from omnivery.events.event import BotEvent, EventLike, EventLine
from omnivery.transport.runtime import call_soon_from_thread

if TYPE_CHECKING:
    from omnivery.transport.runtime import Runtime

HONEYPOT_MEMORY = 30 * 60
"""Seconds for which the service remembers a hit on a honeypot link; an event that comes later is judged without it
(https://docs.omnivery.com/api-ref/automations-api, Honeypot)."""


@define(kw_only=True, eq=False, repr=False)
class BufferSource(BatchSource[EventLike]):
    """Hands a buffer's batches to a bulk run when they are due."""

    buffer: EventBuffer
    runtime: Runtime
    clock: Callable[[], float] = time.time
    """Unix time, for the age of events."""
    batches: int = field(init=False, default=0)
    """Batches handed over."""
    late: LogThrottle = field(init=False, factory=LogThrottle)
    """Events that were late when they were handed over."""
    room: anyio.Event = field(init=False)
    """Set when there may be room in the buffer again, or never any more; a new one stands here then."""
    _woken: anyio.Event = field(init=False)

    def bind(self) -> None:
        """Have the buffer wake this event loop, whatever thread puts."""
        self.room, self._woken = anyio.Event(), anyio.Event()
        own, later = get_ident(), call_soon_from_thread()

        def wake() -> None:
            if get_ident() == own:
                self._woken.set()
            else:
                # A loop that has ended takes nothing any more; what is in the buffer is in the report all the same.
                with suppress(RuntimeError):
                    later(lambda: self._woken.set())  # noqa: PLW0108  # the event of that moment

        self.buffer.wake = wake

    async def read_into(self, items: list[EventLike], count: int) -> None:
        """Wait until a batch is due, and append it; nothing when the buffer is closed and empty."""
        while True:
            # Made before the look, so that what happens between look and wait is not missed.
            self._woken = anyio.Event()
            pause = self.buffer.take(items, count)
            if pause is None or pause == 0.0:
                break
            with self.runtime.move_on_at(self.runtime.now() + pause):
                await self._woken.wait()
        # No await from here on: what has left the buffer is the run's.
        if items:
            self.batches += 1
            self.tell_room()
            self._tell_late(items)

    def tell_room(self) -> None:
        """Have those that wait for room look again."""
        self.room.set()
        self.room = anyio.Event()

    def _tell_late(self, items: list[EventLike]) -> None:
        oldest = self.clock() - HONEYPOT_MEMORY
        late = sum(ts is not None and ts < oldest for ts in map(ts_of, items))
        if late and self.late.add(late):
            logger.warning(
                "events go out too late for the service's memory of honeypot hits, which is 30 minutes; so far: %d",
                self.late.count,
            )


def ts_of(event: EventLike) -> int | None:
    """When an event happened, in unix seconds; None where it does not say."""
    if isinstance(event, BotEvent):
        found: Any = event.ts
    else:
        line = event.data if isinstance(event, EventLine) else event
        fields = codec.loads_or_none(line) if isinstance(line, bytes) else line
        found = fields.get("ts") if isinstance(fields, Mapping) else None
    return found if isinstance(found, int) else None
