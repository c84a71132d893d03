"""Waiting until events have their verdicts, in a store or at a receiver."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Protocol

from anyio import sleep

from omnivery.errors import ConfigError
from omnivery.transport.runtime import run_in_thread
from omnivery.webhooks.payload import WebhookEvent
from omnivery.webhooks.verdicts import BotVerdicts
from omnivery.webhooks.watcher import Refusal, Watcher

PAUSE = 0.05
"""Seconds between two looks: one that finds nothing new costs microseconds."""

Row = tuple[int, str, bool | None]
"""Number, event id and verdict."""


class VerdictRows(Protocol):
    """Where verdicts arrive: each event has a row, numbered in the order in which events first had a verdict."""

    def verdicts_of(self, event_ids: Iterable[str]) -> Mapping[str, bool | None]:
        """The verdicts of those of the events that have one."""
        ...

    def last_change(self) -> object:
        """A value that differs once anything was added."""
        ...

    def last_row(self) -> int:
        """Number of the newest row; 0 for none."""
        ...

    def rows_after(self, row: int) -> list[Row]:
        """The next rows, a few hundred at most."""
        ...


class Refusals(Watcher):
    """Calls that a receiver refused, and the events whose verdicts were in them."""

    def __init__(self, on_refusal: Callable[[Refusal], object] = lambda _: None) -> None:
        self._on_refusal = on_refusal
        self.calls: Counter[str] = Counter()
        """Calls that were not handled, by their reason."""
        self.event_ids: set[str] = set()
        """Events whose verdicts were in calls that the service will not repeat."""

    def accepted(self, event: WebhookEvent) -> None:
        """A call was handled: what it brings is refused no longer."""
        if self.event_ids and isinstance(event, BotVerdicts):
            self.event_ids.difference_update(verdict.event_id for verdict in event if verdict.event_id)

    def refused(self, refusal: Refusal) -> None:
        """A call was not handled."""
        self.calls[refusal.reason] += 1
        if refusal.is_final:
            self.event_ids.update(refusal.event_ids)
        self._on_refusal(refusal)


class HeardVerdicts(Refusals):
    """The verdicts that a receiver without a store hands to its handler, held in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Row] = []
        self._verdicts: dict[str, bool | None] = {}
        self._lock = Lock()

    def accepted(self, event: WebhookEvent) -> None:
        """A call was handled."""
        super().accepted(event)
        with self._lock:
            for verdict in event if isinstance(event, BotVerdicts) else ():
                if (event_id := verdict.event_id) and event_id not in self._verdicts:
                    self._verdicts[event_id] = verdict.is_bot
                    self._rows.append((len(self._rows) + 1, event_id, verdict.is_bot))

    def verdicts_of(self, event_ids: Iterable[str]) -> Mapping[str, bool | None]:
        """The verdicts of those of the events that have one."""
        with self._lock:
            return {event_id: self._verdicts[event_id] for event_id in event_ids if event_id in self._verdicts}

    def last_change(self) -> object:
        """A value that differs once anything was added."""
        return len(self._rows)

    def last_row(self) -> int:
        """Number of the newest row; 0 for none."""
        return len(self._rows)

    def rows_after(self, row: int) -> list[Row]:
        """The next rows."""
        with self._lock:
            return self._rows[row:]


class VerdictWait:
    """The events of one wait. Holds the ids of those that have no verdict yet.

    Args:
        rows: where the verdicts arrive.
        event_ids: the events; an id that occurs twice is two events.
        refused: events whose verdicts were refused for good; may grow and shrink while one waits.
    """

    def __init__(self, rows: VerdictRows, event_ids: Iterable[str] = (), *, refused: set[str] | None = None) -> None:
        self._rows = rows
        self._refused = set[str]() if refused is None else refused
        # Before the first query: what arrives in between is then found twice, rather than never.
        self._seen, self._last = rows.last_change(), rows.last_row()
        self.pending: Counter[str] = Counter()
        """Events without a verdict, and how often each id occurs."""
        self.verdicts: Counter[bool | None] = Counter()
        """Events with a verdict: True for bots, False for humans, None for unknown."""
        self.add(event_ids)

    @property
    def is_over(self) -> bool:
        """Whether no verdict can come any more: each event has one, or its verdict was refused for good."""
        return self.pending.keys() <= self._refused

    @property
    def refused(self) -> int:
        """Events without a verdict whose verdicts were refused for good."""
        return sum(count for event_id, count in self.pending.items() if event_id in self._refused)

    def add(self, event_ids: Iterable[str]) -> None:
        """Wait for further events, too. Blocks for a query."""
        events = Counter(event_ids)
        self.pending.update(events)
        for event_id, is_bot in self._rows.verdicts_of(events).items():
            self._settle(event_id, is_bot)

    def look(self) -> None:
        """Settle the events whose verdicts have arrived since the last look. Blocks for a query."""
        seen = self._rows.last_change()
        if seen == self._seen:
            return
        while rows := self._rows.rows_after(self._last):
            self._last = rows[-1][0]
            for _, event_id, is_bot in rows:
                self._settle(event_id, is_bot)
        self._seen = seen

    def block_until(self, ends: float) -> None:
        """Look until the wait is over, or a moment on the monotonic clock has come."""
        while not self.is_over and (left := ends - time.monotonic()) > 0:
            time.sleep(min(PAUSE, left))
            self.look()

    async def wait_until(self, ends: float, *, on_look: Callable[[], object] = lambda: None) -> None:
        """The same on an event loop, which goes on meanwhile. `on_look` is called after each look."""
        while not self.is_over and (left := ends - time.monotonic()) > 0:
            await sleep(min(PAUSE, left))
            await run_in_thread(self.look)
            on_look()

    def _settle(self, event_id: str, is_bot: bool | None) -> None:  # noqa: FBT001  # the verdict itself
        if count := self.pending.pop(event_id, 0):
            self.verdicts[is_bot] += count


def checked_ids(event_ids: Iterable[str]) -> Iterable[str]:
    """Return ids of events unchanged.

    Raises:
        ConfigError: they are one text, whose letters would be waited for, or cannot be iterated over.
    """
    if isinstance(event_ids, str | bytes) or not isinstance(event_ids, Iterable):
        raise ConfigError(f"event_ids must be a list of ids, or another iterable, not {type(event_ids).__name__}")
    return event_ids


def ends_after(timeout: float) -> float:
    """Return the moment at which a wait ends, on the monotonic clock.

    Raises:
        ConfigError: the timeout is not a number from 0 up.
    """
    if not isinstance(timeout, int | float) or not timeout >= 0:  # not "<": NaN must not pass
        raise ConfigError(f"timeout must be a number of seconds from 0, not {timeout!r}")
    return time.monotonic() + timeout
