"""Batches that an earlier run left pending in a journal, as a run takes them up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from attrs import define, field

from omnivery.bulk.journal.rows import damage_in, part_of
from omnivery.bulk.part import StoredPart
from omnivery.bulk.report import BatchFailure
from omnivery.errors import JournalError

_CLAIM = """
UPDATE batch SET state = 'sending'
WHERE state = 'pending' AND state <> 'accepted' AND digest IS NULL AND number = (
    SELECT min(number) FROM batch
    WHERE state = 'pending' AND state <> 'accepted' AND digest IS NULL AND number > ? AND number < ?)
RETURNING id, source, number, counted, items, checksum, ids_checksum, CAST(places AS BLOB), CAST(ids AS BLOB), body
"""
_SET_ASIDE = "UPDATE batch SET state = 'undelivered', settled_at = ?, error = ? WHERE id = ?"


@define(kw_only=True, eq=False)
class Claims:
    """What one run claims. It takes each batch once: what it leaves pending itself is for the next run."""

    end: int
    """Number of the run's own first batch. Those that were left have lower ones."""
    clock: Callable[[], float]
    """The time in unix seconds."""
    _last: int = field(init=False, default=-1)
    """Number of the batch that was claimed last."""
    _damaged: list[BatchFailure] = field(init=False, factory=list[BatchFailure])

    def next(self, db: sqlite3.Connection) -> list[StoredPart]:
        """Claim the pending parts of the next batch; see `JournalStore.claim_next`."""
        while found := db.execute(_CLAIM, (self._last, self.end)).fetchall():
            self._last = found[0][2]
            if parts := [part for row in found if (part := self._intact(db, row)) is not None]:
                # In the order of the source: a half that was split has newer rows than the other half.
                return sorted(parts, key=lambda part: part.indices[0])
        return []

    def take_damaged(self) -> list[BatchFailure]:
        """Return failures of parts that were found damaged since this was asked last."""
        damaged, self._damaged = self._damaged, []
        return damaged

    def _intact(self, db: sqlite3.Connection, row: tuple[Any, ...]) -> StoredPart | None:
        try:
            return part_of(row)
        except ValueError as damage:
            words = damage_in(row[0], row[4], damage)
            db.execute(_SET_ASIDE, (self.clock(), words, row[0]))
            self._damaged.append(BatchFailure(batch=row[2], events=row[4], error=JournalError(words)))
            return None
