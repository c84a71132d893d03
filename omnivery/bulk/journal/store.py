"""The journal of bulk runs: what was read and what became of it, in SQLite, so that a crash loses nothing.

This is the blocking half: a connection, and what is asked of it. It is used by one thread at a time.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO, Any, TypeAlias

from attrs import define, field

from omnivery import codec
from omnivery.bulk.journal.file import open_to_write, telling_config, telling_journal
from omnivery.bulk.journal.reader import account_of, target_of
from omnivery.bulk.journal.sql import (
    COUNTED,
    OPEN,
    PREPARE,
    REJECT,
    STEP,
    TALLY,
    JournalEntry,
    ends_of,
    json_text,
    rejection_of,
    row_of,
    step_of,
    tallies_of,
)
from omnivery.bulk.recorder import RunTarget
from omnivery.bulk.report import Account
from omnivery.bulk.source import ResumePoint
from omnivery.bulk.work import StoredPart
from omnivery.errors import ConfigError

StoreWork: TypeAlias = "Callable[[JournalStore], object]"
"""Something to do within a transaction."""


@define(kw_only=True, eq=False)
class JournalStore:
    """An open journal, and its only writer."""

    path: Path
    rows: Iterator[int]
    """Rows for new parts."""
    numbers: Iterator[int]
    """Numbers for new batches."""
    _new: int = field(alias="new")
    """The first of them."""
    _taken: int = field(init=False, default=-1)
    """The last batch of an earlier run that was taken."""
    _db: sqlite3.Connection = field(alias="db", repr=False)
    _lock: IO[bytes] = field(alias="lock", repr=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> JournalStore:
        """Open a journal, or begin one. Batches that were being sent when its last writer ended are pending again.

        Raises:
            ConfigError: somebody else writes to it, or it is no journal, or one of a later version, or damaged, or it
                cannot be written here. Nothing was changed.
        """
        where = Path(path)
        db, lock = open_to_write(where)
        try:
            with telling_config(where):
                db.executescript(PREPARE)
                db.execute(_BACK)
                [row] = db.execute("SELECT ifnull(max(id) + 1, 1) FROM batch").fetchone()
                [number] = db.execute("SELECT ifnull(max(last_number) + 1, 0) FROM source").fetchone()
        except BaseException:
            db.close()
            lock.close()
            raise
        return cls(path=where, db=db, lock=lock, rows=count(row), numbers=count(number), new=number)

    def check_target(self, target: RunTarget) -> None:
        """Write down the target of a new journal, or make sure that it is that of an old one.

        Raises:
            ConfigError: they differ.
        """
        with telling_config(self.path):
            known = target_of(self._db)
            if known is None:
                rows = [(name, value, name in target.secret) for name, value in target.values.items()]
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    self._db.executemany("INSERT INTO target (name, value, secret) VALUES (?, ?, ?)", rows)
        if known is not None and (difference := known.difference(target)):
            raise ConfigError(
                f"journal: it was begun for {difference}: go on with the same settings, or name another journal. "
                "Nothing was sent."
            )

    def bookmarks(self) -> list[ResumePoint]:
        """Every source that it knows."""
        with telling_config(self.path):
            found = self._db.execute("SELECT name, identity, position FROM source ORDER BY id").fetchall()
        return [
            ResumePoint(name=name, identity=codec.loads(identity), position=codec.loads(position))
            for name, identity, position in found
        ]

    def enter_source(self, bookmark: ResumePoint) -> tuple[int, int]:
        """Enter a source, or what it looks like now, and return its row and how many items of it were read."""
        written = (bookmark.name, json_text(bookmark.identity), json_text(bookmark.position), time.time())
        with telling_config(self.path):
            [row, read] = self._db.execute(
                "INSERT INTO source (name, identity, position, updated_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET identity = excluded.identity RETURNING id, read",
                written,
            ).fetchone()
        return row, read

    def account(self) -> Account:
        """The whole account. What is pending counts as undelivered until it is taken."""
        with telling_config(self.path):
            return account_of(self._db)

    def live_bytes(self) -> int:
        """Bytes of all bodies that are kept."""
        with telling_config(self.path):
            [live] = self._db.execute(
                "SELECT ifnull(sum(length(body)), 0) FROM batch WHERE state <> 'accepted'"
            ).fetchone()
        return int(live)

    def requeue_undelivered(self) -> None:
        """Make pending what was undelivered for good."""
        with telling_config(self.path):
            self._db.execute(
                "UPDATE batch SET state = 'pending', settled_at = NULL "
                "WHERE state = 'undelivered' AND state <> 'accepted'"
            )

    def transact(self, entries: Sequence[JournalEntry], works: Sequence[StoreWork]) -> None:
        """Write down what has changed, and then do some work, in one transaction: durably, or nothing of it.

        Raises:
            JournalError: it cannot be written.
        """
        with telling_journal(self.path):
            if not works and (step := step_of(entries, time.time())) is not None:
                self._db.execute(STEP, step)
                return
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._enter(entries)
                for work in works:
                    work(self)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def claim_next(self) -> list[StoredPart]:
        """Take the pending parts of the next batch that an earlier run left behind; none if there is no more.

        Each is taken once: what this run itself leaves pending is for the next one.
        """
        found = self._db.execute(_TAKE, (self._taken, self._new)).fetchall()
        if not found:
            return []
        self._taken = number = found[0][2]
        self._db.execute(
            "UPDATE batch SET state = 'sending' WHERE state = 'pending' AND state <> 'accepted' AND number = ?",
            (number,),
        )
        return [_part(row) for row in found]

    def _enter(self, entries: Sequence[JournalEntry]) -> None:
        now = time.time()
        self._db.executemany(OPEN, [row_of(part, one.delta, now) for one in entries for part in one.delta.opened])
        for statement, values in ends_of([ended for one in entries for ended in one.delta.ended], now):
            self._db.execute(statement, values)
        for one in entries:
            if one.delta.batches and one.delta.unfinished:
                self._db.execute(COUNTED, (one.delta.number,))
        refused = [rejection_of(one.delta.source, *each, now) for one in entries for each in one.delta.rejected]
        self._db.executemany(REJECT, refused)
        for tally in tallies_of(entries, now):
            self._db.execute(TALLY, tally)

    def close(self) -> None:
        """Give back the room of what is gone, and let others write. What was being sent is pending."""
        try:
            with telling_journal(self.path):
                self._db.execute(_BACK)
                self._db.execute("PRAGMA incremental_vacuum").fetchall()
        finally:
            self._db.close()
            self._lock.close()


_BACK = "UPDATE batch SET state = 'pending' WHERE state = 'sending' AND state <> 'accepted'"
_TAKE = (
    "SELECT id, source, number, state, counted, items, places, ids, body FROM batch "
    "WHERE state = 'pending' AND state <> 'accepted' AND number = ("
    "SELECT min(number) FROM batch WHERE state = 'pending' AND state <> 'accepted' AND number > ? AND number < ?"
    ") ORDER BY id"
)


def _part(found: tuple[Any, ...]) -> StoredPart:
    row, source, number, state, counted, items, places, ids, body = found
    indices, lines = codec.loads(places)
    return StoredPart(
        row=row,
        source=source,
        number=number,
        state=state,
        counted=bool(counted),
        items=items,
        indices=_unpacked(indices, items),
        lines=_unpacked(lines, items) if lines is not None else None,
        ids=codec.loads(ids),
        body=body,
    )


def _unpacked(packed: int | list[Any], count: int) -> Sequence[Any]:
    return range(packed, packed + count) if isinstance(packed, int) else packed
