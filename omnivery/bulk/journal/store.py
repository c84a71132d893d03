"""The journal of bulk runs: what was read and what became of it, in SQLite, so that a crash loses nothing.

This is the blocking half: a connection, and what is asked of it. It is used by one thread at a time; only `interrupt`
may be called from another.

A row of `batch` is a part of a batch: what one request carries. How it goes from state to state:

    pending -> sending -> accepted | undelivered | unknown | pending

There are two kinds of rows.

* A row with a `body` holds the bytes to send, and can be sent from the journal alone. A process that dies leaves it
  *sending*; the next process that opens the journal makes it *pending* again, and `claim_next` gives it out.
* A row with a `digest` is for an item that must not be sent twice, such as a message: neither its bytes nor an e-mail
  address are kept. It has one item, which is known by its place in the source and the digest of what is sent for it. If
  a process dies, a row that is *sending* becomes *unknown*, and is never sent by itself. One that is *pending* or
  *undelivered* is certain to be unsent: a run that reads its source again finds it by `items_at`, compares the digests,
  and sends it in the same row (`BatchDelta.claimed`). A place below `read` of which the journal has no item is settled:
  it was rejected before it could be encoded, or pruned. It must not be sent.

Whatever is handed to `transact` is on disk (`synchronous=FULL`) when it returns. Of what comes only once, *sending* is,
before a request leaves.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from attrs import define, field

from omnivery._sqlite.database import Database, Interruption
from omnivery._sqlite.files import upgrade
from omnivery.bulk.journal.claims import Claims
from omnivery.bulk.journal.file import JOURNAL, open_to_write
from omnivery.bulk.journal.known_sources import KnownSources
from omnivery.bulk.journal.lock import WriterLock
from omnivery.bulk.journal.retention import JournalRetention, give_back
from omnivery.bulk.journal.rows import check_sound
from omnivery.bulk.journal.sql import PREPARE, STEP, JournalEntry, step_of
from omnivery.bulk.journal.totals import target_of, totals_of
from omnivery.bulk.part import StoredItem, StoredPart
from omnivery.bulk.report import BatchFailure, RunTotals
from omnivery.bulk.source import ResumePoint
from omnivery.bulk.target import RunTarget
from omnivery.errors import ConfigError, JournalError, OmniveryError

StoreWork: TypeAlias = "Callable[[JournalStore], object]"
"""Something to do between two transactions."""

CLOSE_TIMEOUT = 1.0
"""Seconds that closing waits for another program's lock: what it would tidy, the next opening does."""
CLOSE_VACUUM = 2.0
"""Seconds for which closing gives pages back. Nothing interrupts it, and a gigabyte took 15 s."""

_SAFE = "What it holds is safe; submit again with it."
_RELEASE = """
UPDATE batch SET state = CASE WHEN digest IS NULL THEN 'pending' ELSE 'unknown' END,
    error = CASE WHEN digest IS NULL THEN error ELSE ifnull(error, 'the run ended while it was being sent') END
WHERE state = 'sending' AND state <> 'accepted'
"""
_REQUEUE = """
UPDATE batch SET state = 'pending', settled_at = NULL WHERE state = 'undelivered' AND state <> 'accepted'
"""
_LIVE_BYTES = "SELECT ifnull(sum(length(body)), 0) FROM batch WHERE state <> 'accepted'"
_ITEMS = """
SELECT place, state, digest, id FROM batch WHERE digest IS NOT NULL AND source = :source AND place >= :first AND
    place < :end
UNION ALL
SELECT place, 'rejected', digest, NULL FROM rejection WHERE digest IS NOT NULL AND source = :source AND
    place >= :first AND place < :end
"""


@define(kw_only=True, eq=False)
class JournalStore:
    """An open journal, and its only writer."""

    path: Path
    """Absolute, without symbolic links."""
    rows: Iterator[int] = field(init=False, factory=count)
    """Rows for new parts."""
    numbers: Iterator[int] = field(init=False, factory=count)
    """Numbers for new batches."""
    live_bytes: int = field(init=False, default=0)
    """Bytes of all bodies that were kept when the run began."""
    _file: Database = field(alias="file", repr=False)
    _lock: WriterLock = field(alias="lock", repr=False)
    _clock: Callable[[], float] = field(alias="clock", repr=False)
    _claims: Claims = field(init=False, repr=False)
    _retention: JournalRetention = field(init=False, repr=False)
    _sources: KnownSources = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._sources = KnownSources(path=self.path)
        self._retention = JournalRetention(writing=self._writing, clock=self._clock)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        keep: float | None = None,
        interruption: Interruption | None = None,
        clock: Callable[[], float] = time.time,
    ) -> JournalStore:
        """Open a journal, or create one. What was being sent when its last writer ended is pending, or unknown.

        It takes the time that rows which are not accepted need, and no look at the accepted ones, however many.

        Args:
            path: the file. A relative one is made absolute.
            keep: seconds after which accepted ids and rejected items are pruned; None keeps them.
            interruption: ends the opening from another thread, and later whatever the store does.
            clock: the time in unix seconds.

        Raises:
            ConfigError: somebody else writes to it, or it is no journal, or one of a later version, or damaged, or it
                cannot be written here; or the opening was interrupted. Nothing was changed.
        """
        file, lock = open_to_write(path, interruption=interruption)
        try:
            with file.use(ConfigError, JOURNAL.refused) as db:
                check_sound(db, file.path)
                upgrade(db, JOURNAL)
                for statement in PREPARE:
                    db.execute(statement)
                store = cls(path=file.path, file=file, lock=lock, clock=clock)
                store._retention.begin_run(keep)
                store._begin(db)
        except BaseException:
            file.close()
            lock.release()
            raise
        return store

    @property
    def interruption(self) -> Interruption:
        """What `interrupt` calls; it can be taken back."""
        return self._file.interruption

    def interrupt(self) -> None:
        """End what the store does in another thread: that raises, and so does all that follows but `close`."""
        self._file.interruption.interrupt()

    def begin_run(self, *, keep: float | None) -> None:
        """Make ready for a run that follows on another one, as for one that has just opened the journal.

        Args:
            keep: as in `open`.

        Raises:
            JournalError: it cannot be written.
        """
        self._retention.begin_run(keep)
        with self._writing() as db:
            self._begin(db)

    def _begin(self, db: sqlite3.Connection) -> None:
        db.execute(_RELEASE)
        [row] = db.execute("SELECT ifnull(max(id) + 1, 1) FROM batch").fetchone()
        [number] = db.execute("SELECT ifnull(max(last_number) + 1, 0) FROM source").fetchone()
        [self.live_bytes] = db.execute(_LIVE_BYTES).fetchone()
        self.rows, self.numbers, self._claims = count(row), count(number), Claims(end=number, clock=self._clock)

    def check_target(self, target: RunTarget) -> None:
        """Write down the target of a new journal, or make sure that it is that of an old one.

        Raises:
            ConfigError: it is another one.
        """
        with self._file.use(ConfigError, JOURNAL.refused) as db:
            known = target_of(db)
            if known is None:
                rows = [(name, value, name in target.secret) for name, value in target.values.items()]
                with db:
                    db.execute("BEGIN IMMEDIATE")
                    db.executemany("INSERT INTO target (name, value, secret) VALUES (?, ?, ?)", rows)
        if known is not None and (difference := known.difference(target)):
            raise ConfigError(
                f"journal: it was begun for {difference}: go on with the same settings, or name another journal. "
                "Nothing was sent."
            )

    def resume_points(self) -> list[ResumePoint]:
        """Every source that it knows.

        Raises:
            ConfigError: the row of one is damaged.
        """
        with self._file.use(ConfigError, JOURNAL.refused) as db:
            return self._sources.points(db)

    def enter_source(self, point: ResumePoint) -> tuple[int, int]:
        """Enter a source, or what it looks like now, and return its row and how many items of it were read."""
        with self._file.use(ConfigError, JOURNAL.refused) as db:
            return self._sources.enter(db, point, self._clock())

    def totals(self) -> RunTotals[Any]:
        """The totals of all runs. What is pending counts as undelivered until it is claimed."""
        with self._file.use(ConfigError, JOURNAL.refused) as db:
            return totals_of(db)

    def requeue_undelivered(self) -> None:
        """Make pending what was undelivered for good. What is unknown stays so."""
        with self._file.use(ConfigError, JOURNAL.refused) as db:
            db.execute(_REQUEUE)

    def items_at(self, source: int, first: int, end: int) -> dict[int, StoredItem]:
        """What is known of items with a digest at the places from `first` to before `end` of a source, by place.

        Args:
            source: row of the source.
            first: the first place, from 0.
            end: the place behind the last one.

        Raises:
            JournalError: it cannot be read.
        """
        with self._writing() as db:
            found = db.execute(_ITEMS, {"source": source, "first": first, "end": end}).fetchall()
        return {place: StoredItem(state=state, digest=digest, row=row) for place, state, digest, row in found}

    def transact(self, entries: Sequence[JournalEntry], works: Sequence[StoreWork] = ()) -> None:
        """Write down what has changed in one transaction, durably, or nothing of it; then do some work.

        Raises:
            JournalError: it cannot be written, whatever the reason.
        """
        if entries:
            with self._writing() as db:
                db.execute(STEP, step_of(entries, self._clock()))
            self._sources.note_changed(entry.delta.source for entry in entries if entry.position is not None)
        for work in works:
            work(self)
        self._retention.prune_some()

    def claim_next(self) -> list[StoredPart]:
        """Take the pending parts of the next batch that an earlier run left behind; none if there is no more.

        Each is taken once: what this run itself leaves pending is for the next one. A part whose row is damaged stays
        as it is, undelivered, and `take_damaged` tells of it.

        Raises:
            JournalError: it cannot be read or written.
        """
        with self._writing() as db:
            return self._claims.next(db)

    def take_damaged(self) -> list[BatchFailure]:
        """Failures of parts that were found damaged since this was asked last."""
        return self._claims.take_damaged()

    def prune(self, older_than: float) -> int:
        """Forget accepted ids and rejected items. Totals stay, and so does what is not delivered.

        Args:
            older_than: seconds since they were accepted or rejected.

        Returns:
            How many items were forgotten.

        Raises:
            JournalError: it cannot be written.
        """
        return self._retention.prune(older_than)

    def close(self) -> None:
        """Give back the room of what is deleted, and let others write. What was being sent is pending, or unknown.

        In a forked child it does nothing: the journal is its parent's.

        Raises:
            JournalError: something could not be written. Another writer is let in all the same, and tidies up.
        """
        if not self._file.is_own:
            return
        self._file.interruption.clear()
        self._file.wait_for_locks(CLOSE_TIMEOUT)
        try:
            with self._writing() as db:
                db.execute(_RELEASE)
                give_back(db, CLOSE_VACUUM)
        finally:
            self._file.close()
            self._lock.release()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Have the connection of a journal that was good when it was opened; whatever goes wrong is a JournalError."""
        if self._lock.is_moved():
            raise JournalError(
                f"journal: {self.path} was moved, replaced or deleted while it was written. What it holds is in the "
                "moved file: put it back and submit again with it."
            )
        try:
            with self._file.use(JournalError, _SAFE) as db:
                yield db
        except OmniveryError:
            raise
        except Exception as error:  # noqa: BLE001  # of a value, of memory: nobody who waits must be left without it
            # Its text may quote what was to be written.
            raise JournalError(f"journal: {self.path} cannot be written: {type(error).__name__}. {_SAFE}") from None
