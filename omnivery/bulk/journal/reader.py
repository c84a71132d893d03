"""Reading a journal: its totals, its state, and what did not get through. Also while a run writes to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from attrs import define, field, frozen

from omnivery._sqlite.database import Database
from omnivery._sqlite.kind import refusal
from omnivery.bulk.files import file_at
from omnivery.bulk.journal.file import JOURNAL, open_for_reader
from omnivery.bulk.journal.position import Entries
from omnivery.bulk.journal.rows import (
    damage_in,
    ids_of,
    name_of,
    object_of,
    part_of,
    rejection_columns,
    rejection_of,
)
from omnivery.bulk.journal.totals import target_of, totals_of
from omnivery.bulk.journal.values import whole
from omnivery.bulk.report import RunTotals
from omnivery.bulk.target import RunTarget
from omnivery.errors import ConfigError

Cut: TypeAlias = Callable[[bytes], Iterator[bytes]]
"""Cuts the body of a request into its items, as bytes."""

_STATES = ("pending", "sending", "undelivered", "unknown")
_SOURCES = "SELECT id, name, CAST(position AS BLOB), read, accepted, rejected, updated_at FROM source ORDER BY id"
_COUNTS = """
SELECT CASE WHEN state IN ('pending', 'sending', 'unknown') THEN state ELSE 'undelivered' END,
    CAST(total(items) AS INTEGER), sum(length(body))
FROM batch WHERE state <> 'accepted' GROUP BY state
"""
_OLDEST = """
SELECT min(created_at) FROM batch
WHERE state IN ('pending', 'sending') AND state <> 'accepted' AND typeof(created_at) = 'real'
"""
_NEXT_ACCEPTED = """
SELECT id, CAST(ids AS BLOB), ids_checksum, settled_at FROM batch
WHERE state = 'accepted' AND id > ? ORDER BY id LIMIT 1
"""
_UNSETTLED = """
SELECT name, state, error, place, digest, batch.id, source, number, counted, items, checksum, ids_checksum,
    CAST(places AS BLOB), CAST(ids AS BLOB), body
FROM batch JOIN source ON source.id = batch.source WHERE batch.id = ? AND state <> 'accepted'
"""
_NEXT_REJECTED = """
SELECT name, item, {columns} FROM rejection JOIN source ON source.id = rejection.source
WHERE rejection.id > ? ORDER BY rejection.id LIMIT 1
"""


@frozen(kw_only=True)
class SourceState:
    """How far a source was read."""

    name: str
    position: Mapping[str, Any]
    """In `files`, by their names: byte `offset` and number of a `line`, and how many lines to `skip` from there. Else
    `items` taken, or the caller's own `cursor`."""
    read: int
    accepted: int
    rejected: int
    updated_at: float
    """Unix seconds."""


@frozen(kw_only=True)
class JournalState:
    """What a journal holds, in items: `read` is the sum of all others."""

    target: RunTarget
    read: int
    accepted: int
    rejected: int
    pending: int
    """Read, and not sent yet: the next run sends them."""
    sending: int
    """In the hands of a run, or of one that was killed."""
    undelivered: int
    """Given up: only a retry sends them."""
    unknown: int
    """May have been sent, and must not be sent twice: nothing sends them by itself."""
    live_bytes: int
    """Bytes of requests that are kept, because they are not accepted."""
    file_bytes: int
    """Size of the journal's files."""
    oldest_pending: float | None
    """When the oldest of the pending items were read, in unix seconds."""
    sources: tuple[SourceState, ...]


@frozen(kw_only=True)
class Problem:
    """An item that was not accepted, and why."""

    kind: str
    """`rejected`, `undelivered` or `unknown`."""
    source: str
    reason: str | None
    """None for what is still to be sent."""
    item: bytes | None = field(repr=False)
    """Its bytes; None where nothing of it could or may be kept."""
    index: int | None = None
    file: str | None = None
    line: int | None = None
    item_id: str | None = None


@frozen(kw_only=True)
class AcceptedBatch:
    """Items that the service took in one request."""

    item_ids: tuple[str, ...] = field(repr=False)
    accepted_at: float
    """Unix seconds."""


@define(kw_only=True, eq=False)
class JournalReader:
    """A journal that is open for reading. Close it, or open it with `with`."""

    path: Path
    """Absolute, without symbolic links."""
    _file: Database = field(alias="file", repr=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> JournalReader:
        """Open a journal.

        Raises:
            ConfigError: there is none, or it is no journal, or one of a later version, or damaged.
        """
        file = open_for_reader(path)
        return cls(path=file.path, file=file)

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def target(self) -> RunTarget:
        """What it was begun with.

        Raises:
            ConfigError: it was never used.
        """
        with self._reading() as db:
            found = target_of(db)
        if found is None:
            raise refusal(self.path, JOURNAL, "is empty: nothing was submitted with it")
        return found

    def totals(self) -> dict[str, RunTotals[Any]]:
        """The totals of each source, by its name."""
        with self._reading() as db, _snapshot(db):
            names = db.execute("SELECT id, name FROM source ORDER BY id").fetchall()
            return {name_of(name): totals_of(db, row) for row, name in names}

    def state(self) -> JournalState:
        """What it holds."""
        target = self.target()
        with self._reading() as db, _snapshot(db):
            rows = db.execute(_SOURCES).fetchall()
            entries = Entries(db, [row[0] for row in rows])
            sources = tuple(self._source_state(row, entries) for row in rows)
            items = dict.fromkeys(_STATES, 0)
            live = 0
            for state, count, size in db.execute(_COUNTS):
                items[state] += count
                live += size or 0
            [oldest] = db.execute(_OLDEST).fetchone()
        return JournalState(
            target=target,
            read=sum(source.read for source in sources),
            accepted=sum(source.accepted for source in sources),
            rejected=sum(source.rejected for source in sources),
            **items,
            live_bytes=live,
            file_bytes=sum(self._size(ending) for ending in ("", "-wal")),
            oldest_pending=oldest,
            sources=sources,
        )

    def undelivered_items(self, cut: Cut) -> Iterator[bytes]:
        """Every item that is not accepted and not rejected, as its bytes.

        Args:
            cut: as in `undelivered`.
        """
        return (problem.item for problem in self.undelivered(cut) if problem.item is not None)

    def undelivered(self, cut: Cut) -> Iterator[Problem]:
        """Every item that is neither accepted nor rejected nor unknown, with the reason.

        A batch that is damaged is one problem without bytes, whose reason says so.

        Args:
            cut: cuts the body of a request into its items; its kind of work has the function.
        """
        return self._unsettled("state <> 'unknown'", cut)

    def unknown(self) -> Iterator[Problem]:
        """Every item that may have been sent, and is not sent again by itself: look before you send it again."""
        return self._unsettled("state = 'unknown'", None)

    def accepted(self) -> Iterator[AcceptedBatch]:
        """What was accepted and is not pruned, in the order in which it was read.

        Reads one batch at a time, and holds no transaction.
        """
        row = 0
        with self._reading() as db:
            while found := db.execute(_NEXT_ACCEPTED, (row,)).fetchone():
                row, ids, checksum, moment = found
                try:
                    item_ids = ids_of(row, ids, checksum)
                except ValueError as damage:
                    raise refusal(self.path, JOURNAL, f"is damaged: {damage}") from None
                if not isinstance(moment, float):
                    raise refusal(self.path, JOURNAL, f"is damaged: row {row} of its batches has no time")
                yield AcceptedBatch(item_ids=item_ids, accepted_at=moment)

    def rejected(self) -> Iterator[Problem]:
        """Every item that was rejected and is not pruned, before it was sent or by the server.

        Reads one item at a time, and holds no transaction: the log of a journal that is written grows during one.
        """
        last = 0
        with self._reading() as db:
            query = _NEXT_REJECTED.format(columns=rejection_columns(db))
            while found := db.execute(query, (last,)).fetchone():
                name, item, *row = found
                last = row[0]
                one = rejection_of(tuple(row))
                yield Problem(
                    kind="rejected",
                    source=name_of(name),
                    reason=one.reason,
                    item=item if isinstance(item, bytes) else None,
                    index=one.index,
                    file=one.file,
                    line=one.line,
                    item_id=one.event_id,
                )

    def _unsettled(self, which: str, cut: Cut | None) -> Iterator[Problem]:
        with self._reading() as db:
            # The rows' numbers first, and then row by row: to sort whole rows would take the room of all bodies.
            rows = db.execute(f"SELECT id FROM batch WHERE state <> 'accepted' AND {which} ORDER BY number, place")  # noqa: S608  # our own words
            for row in rows.fetchall():
                # A run that is under way may have deleted it meanwhile: then there is none.
                for found in db.execute(_UNSETTLED, row).fetchall():
                    yield from _problems(found, cut)

    def _source_state(self, row: tuple[Any, ...], entries: Entries) -> SourceState:
        row_id, name, position, read, accepted, rejected, updated_at = row
        if not all(isinstance(number, int | float) for number in (read, accepted, rejected, updated_at)):
            raise refusal(self.path, JOURNAL, f"is damaged: row {row_id} of its sources holds what is no number")
        return SourceState(
            name=name_of(name),
            position={**(object_of(position) or {}), **entries.readable(row_id)},
            read=read,
            accepted=accepted,
            rejected=rejected,
            updated_at=updated_at,
        )

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return self._file.use(ConfigError, JOURNAL.refused)

    def _size(self, ending: str) -> int:
        file = self.path.with_name(self.path.name + ending)
        return file.stat().st_size if file.exists() else 0


@contextmanager
def _snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Have all that is read in the block be of one moment."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def _problems(found: tuple[Any, ...], cut: Cut | None) -> Iterator[Problem]:
    """The items of one row that is not accepted."""
    source, state, reason, place, digest, *row = found
    count = row[4]
    known: dict[str, Any] = {"kind": "unknown" if state == "unknown" else "undelivered", "source": name_of(source)}
    if digest is not None or cut is None:
        yield Problem(**known, reason=reason, item=None, index=place)
        return
    try:
        part = part_of(tuple(row))
        items = whole([*cut(part.body)], count)
    except ValueError as damage:
        yield Problem(**known, reason=damage_in(row[0], count, damage), item=None)
        return
    lines = part.lines or [None] * count
    for item, index, line, item_id in zip(items, part.indices, lines, part.ids, strict=True):
        file = file_at(part.files, index)
        yield Problem(**known, reason=reason, item=item, index=index, file=file, line=line, item_id=item_id)
