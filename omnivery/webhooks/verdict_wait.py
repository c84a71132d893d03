"""Waiting until events have their verdicts in a store, whichever process puts them there."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

from omnivery.errors import ConfigError

PAUSE = 0.05
"""Seconds between two looks at a store: one that finds nothing new costs microseconds."""


class RowSource(Protocol):
    """What a wait asks of a store; its methods are described there."""

    def has(self, event_ids: Iterable[str]) -> set[str]: ...  # noqa: D102
    def last_change(self) -> object: ...  # noqa: D102
    def last_row(self) -> int: ...  # noqa: D102
    def rows_after(self, row: int) -> list[tuple[int, str]]: ...  # noqa: D102


class VerdictWait:
    """The events of one wait. Holds the ids of those that have no verdict yet.

    Args:
        store: where the verdicts arrive.
        event_ids: the events.
    """

    def __init__(self, store: RowSource, event_ids: Iterable[str] = ()) -> None:
        self._store = store
        # In this order: a verdict that arrives in between is found by both, and none by neither.
        self._seen = store.last_change()
        self._last = store.last_row()
        self.missing: set[str] = set()
        """Events without a verdict."""
        self.add(event_ids)

    def add(self, event_ids: Iterable[str]) -> None:
        """Wait for further events, too."""
        ids = set(event_ids)
        self.missing |= ids - self._store.has(ids)

    def look(self) -> None:
        """Strike off the events whose verdicts have arrived since the last look."""
        seen = self._store.last_change()
        if seen == self._seen:
            return
        if self._store.last_row() < self._last:
            self._last = 0  # the store was emptied, and numbers its rows anew
        while rows := self._store.rows_after(self._last):
            self._last = rows[-1][0]
            self.missing.difference_update(event_id for _, event_id in rows)
        self._seen = seen


def check_timeout(timeout: float) -> float:
    """Return the moment at which a wait ends, on the monotonic clock.

    Raises:
        ConfigError: the timeout is not a number from 0 up.
    """
    if not timeout >= 0:  # not "<": NaN must not pass
        raise ConfigError(f"timeout must be a number of seconds from 0, not {timeout}")
    return time.monotonic() + timeout
