"""Retention in a journal: what is settled is forgotten once it is old enough, and its room given back."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from attrs import define, field

from omnivery._sqlite.kind import checked_age
from omnivery._sqlite.retention import Retention

PRUNE_ROWS = 100
"""Rows that one transaction prunes: about 50,000 events."""
PRUNE_SMALL_ROWS = 5000
"""The same where rows hold a message each: to wait for the disk every 100 messages took minutes for millions."""
VACUUM_PAGES = 1024
"""Pages that one transaction gives back to the file system: 16 MB."""

_PRUNE_ACCEPTED = """
DELETE FROM batch WHERE id IN (
    SELECT id FROM batch WHERE state = 'accepted' AND settled_at < ? ORDER BY settled_at LIMIT ?)
RETURNING items
"""
_PRUNE_REJECTED = """
DELETE FROM rejection WHERE id IN (SELECT id FROM rejection ORDER BY id LIMIT ?) AND rejected_at < ? RETURNING 1
"""


@define(kw_only=True, eq=False)
class JournalRetention(Retention):
    """Forgets accepted ids and rejected items. Totals stay, and so does what is not delivered."""

    writing: Callable[[], AbstractContextManager[sqlite3.Connection]]
    """Gives the connection of the journal's only writer."""
    _rows: int = field(init=False, default=PRUNE_ROWS)

    def begin_run(self, keep: float | None) -> None:
        """Begin a run.

        Raises:
            ConfigError: `keep` is no age.
        """
        self.keep: float | None = None if keep is None else checked_age("keep", keep)
        self.look_at: float = 0.0

    def prune(self, older_than: float) -> int:
        """Forget all that is older than some seconds, give its room back, and return how many items that were.

        Raises:
            ConfigError: `older_than` is no age.
            JournalError: the journal cannot be written.
        """
        forgotten, before = 0, self.moment(older_than)
        while some := self._forget(before):
            forgotten += some
        with self.writing() as db:
            give_back(db)
        return forgotten

    def forget_some(self, before: float) -> bool:
        """Forget some of what was settled before a moment; say whether there was any."""
        return self._forget(before) > 0

    def _forget(self, before: float) -> int:
        with self.writing() as db:
            accepted = db.execute(_PRUNE_ACCEPTED, (before, self._rows)).fetchall()
            rejected = db.execute(_PRUNE_REJECTED, (PRUNE_ROWS, before)).fetchall()
        forgotten = sum(int(items) for [items] in accepted)
        self._rows = PRUNE_SMALL_ROWS if 0 < forgotten == len(accepted) else PRUNE_ROWS
        return len(rejected) + forgotten


def give_back(db: sqlite3.Connection, seconds: float = math.inf) -> None:
    """Give free pages back to the file system, for so long at most."""
    end = time.monotonic() + seconds
    [free] = db.execute("PRAGMA freelist_count").fetchone()
    for _ in range(0, free, VACUUM_PAGES):
        # As a script: of a statement without columns, Python's module takes the first step alone.
        db.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES});")
        if time.monotonic() >= end:
            return
