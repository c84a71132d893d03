"""The buffer of a writer, which keeps events until a batch is due: decisions behind one lock, without I/O.

Any thread may put events in. The source of a bulk run takes them out, in the event loop of the run.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, auto
from threading import Condition, RLock
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field

from omnivery._fork import register_fork_reset
from omnivery._logging import LogThrottle, get_logger
from omnivery.automations.writer.options import WriterOptions
from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, EventLike, EventLine, wire_of
from omnivery.events.snapshot import snapshot

if TYPE_CHECKING:
    from logging import Logger

logger: Logger = get_logger("omnivery.bulk")

MEMBER = 24
"""Bytes of a member's punctuation, and of a value that is no text: a round estimate."""


class PutResult(Enum):
    """The result of putting an event."""

    TAKEN = auto()
    DROPPED = auto()
    FULL = auto()
    """It was not taken: come back when there is room, or give up."""


@define
class _Waiting:
    event: EventLike
    size: int
    since: float


Refusal: TypeAlias = Callable[[], Exception]
"""Makes the error that `put` raises while nothing is taken."""


@define(kw_only=True, eq=False, repr=False)
class EventBuffer:
    """Events in the order in which they were put. It takes none before it is opened, and none after it is closed.

    A batch is due when `max_events` or `max_bytes` are reached, when the oldest event has lingered for long enough, and
    at once for what a flush or the end asks for.
    """

    options: WriterOptions
    now: Callable[[], float] = time.monotonic
    """Seconds on a clock that never goes back."""
    wake: Callable[[], None] = field(default=lambda: None)
    """Called when the consumer should look again: first event, full batch, flush or close.

    Any thread may call it. None of them holds the lock then.
    """
    puts: int = field(init=False, default=0)
    """Events that were taken in."""
    drops: LogThrottle = field(init=False, factory=LogThrottle)
    """Events that were dropped."""
    _events: deque[_Waiting] = field(init=False, factory=deque[_Waiting])
    _bytes: int = field(init=False, default=0)
    _flush_to: int = field(init=False, default=0)
    """Events up to this one, counted as in `puts`, do not linger."""
    _closed: bool = field(init=False, default=False)
    _refusal: Refusal | None = field(init=False)
    _full_at: int = field(init=False)
    """Events that are a full batch."""
    # Entered by every put, and a Condition takes twice as long to enter as its lock.
    _lock: RLock = field(init=False)
    _room: Condition = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._refusal = _not_entered
        self._full_at = min(self.options.max_events, self.options.max_buffered)
        self._make_lock()
        register_fork_reset(self)

    def __len__(self) -> int:
        return len(self._events)

    @property
    def oldest_age(self) -> float:
        """Seconds for which the oldest event has waited; 0 if there is none."""
        with self._lock:
            return self.now() - self._events[0].since if self._events else 0.0

    def open(self) -> None:
        """From now on events are taken."""
        self._refusal = None

    def put_nowait(self, event: EventLike) -> PutResult:
        """Take an event, or say why not.

        Raises:
            ConfigError: the buffer is not open yet, or was closed.
            BulkError: what it feeds was stopped.
        """
        size = size_of(event)
        with self._lock:
            result, waking = self._place(event, size)
        return self._told(result, waking=waking)

    def put_blocking(self, event: EventLike, *, seconds: float = math.inf) -> PutResult:
        """The same, but wait for room first: not in an event loop.

        Args:
            event: the event.
            seconds: how long to wait.

        Raises:
            ConfigError: the buffer is not open yet, or was closed, perhaps while this waited.
            BulkError: what it feeds was stopped.
        """
        size, ends = size_of(event), self.now() + seconds
        with self._lock:
            while self._refusal is None and self._has_no_room() and (left := ends - self.now()) > 0:
                # On Windows a wait without a timeout cannot be interrupted.
                self._room.wait(min(left, 1.0))
            result, waking = self._place(event, size)
        return self._told(result, waking=waking)

    def take(self, items: list[EventLike], count: int) -> float | None:
        """Append a batch of at most `count` events if one is due.

        Returns:
            Seconds until one will be, if nothing else happens: 0 if it was, infinity if there is none. None if there
            will never be any more.
        """
        with self._lock:
            pause = self._pause()
            if pause == 0.0:
                self._move(items, min(count, self.options.max_events))
                self._room.notify_all()
        return pause

    def flush(self) -> int:
        """Make all buffered events due, and return the number of the last one, counted as in `puts`."""
        with self._lock:
            self._flush_to = self.puts
        self.wake()
        return self._flush_to

    def close(self, refusal: Refusal) -> None:
        """Take no more events, and make the rest due. Only the first call sets the refusal."""
        with self._lock:
            self._closed = True
            self._refusal = self._refusal or refusal
            self._room.notify_all()
        self.wake()

    def drain(self) -> list[EventLike]:
        """Return the events that will not be sent any more."""
        with self._lock:
            rest = [waiting.event for waiting in self._events]
            self._events.clear()
            self._bytes = 0
        return rest

    def reset_after_fork(self) -> None:
        """Refuse events in a forked child: the parent has the events and sends them."""
        self._make_lock()
        self._events.clear()
        self._closed, self._refusal, self.wake = True, _elsewhere, lambda: None

    def _make_lock(self) -> None:
        # One that its holder may enter again: a refusal makes a report, which asks for the buffer's state.
        self._lock = RLock()
        self._room = Condition(self._lock)

    def _place(self, event: EventLike, size: int) -> tuple[PutResult, bool]:
        if self._refusal is not None:
            raise self._refusal()
        if self._has_no_room():
            return (PutResult.DROPPED if self.options.overflow == "drop" else PutResult.FULL), False
        first, was_full = not self._events, self._is_full()
        self._events.append(_Waiting(snapshot(event), size, self.now()))
        self._bytes += size
        self.puts += 1
        return PutResult.TAKEN, first or (self._is_full() and not was_full)

    def _told(self, result: PutResult, *, waking: bool) -> PutResult:
        if waking:
            self.wake()
        elif result is PutResult.DROPPED:
            with self._lock:
                loud = self.drops.add(1)
            if loud:
                logger.warning("a writer's buffer is full; events dropped so far: %d", self.drops.count)
        return result

    def _has_no_room(self) -> bool:
        return len(self._events) >= self.options.max_buffered

    def _is_full(self) -> bool:
        return len(self._events) >= self._full_at or self._bytes >= self.options.max_bytes

    def _pause(self) -> float | None:
        if not self._events:
            return None if self._closed else math.inf
        taken = self.puts - len(self._events)
        if self._closed or self._is_full() or taken < self._flush_to:
            return 0.0
        return max(0.0, self._events[0].since + self.options.linger - self.now())

    def _move(self, items: list[EventLike], count: int) -> None:
        room = self.options.max_bytes
        for moved in range(min(count, len(self._events))):
            room -= self._events[0].size
            if room < 0 and moved:
                return
            waiting = self._events.popleft()
            self._bytes -= waiting.size
            items.append(waiting.event)


def size_of(event: EventLike) -> int:
    """About how many bytes an event takes in a request. What is nested in its members is not looked at."""
    if isinstance(event, BotEvent):
        return _size_of_members(wire_of(event))
    if isinstance(event, Mapping):
        return _size_of_members(event)
    if isinstance(event, EventLine):
        return len(event.data)
    return len(event) if isinstance(event, bytes) else 0


def _size_of_members(members: Mapping[Any, Any]) -> int:
    # In one comprehension: this runs for each event.
    return MEMBER * len(members) + sum(
        [len(part) for both in members.items() for part in both if isinstance(part, str)]
    )


def _not_entered() -> ConfigError:
    return ConfigError("enter the writer first: `async with client.bots.writer() as writer`. Nothing was sent.")


def _elsewhere() -> ConfigError:
    return ConfigError("this writer belongs to the parent of this forked process: open another writer here")
