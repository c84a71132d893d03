"""Events and their verdicts, joined by `event_id`: journals hold what was accepted, the store what came back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from omnivery._sqlite.database import Database
from omnivery._sqlite.files import open_temporary
from omnivery._sqlite.kind import FileKind
from omnivery.display.record import Record
from omnivery.errors import OmniveryError

if TYPE_CHECKING:
    from omnivery.bulk.journal.reader import JournalReader
    from omnivery.webhooks.store import VerdictStore
    from omnivery.webhooks.stored_verdict import StoredVerdict

PAGE = 500
"""Verdicts that are looked up together."""

_ADD = "INSERT INTO accepted VALUES (?, ?, 0)"
_JUDGE = "UPDATE accepted SET judged = 1 WHERE event_id IN ({}) RETURNING event_id, accepted_at"
_PENDING = "SELECT event_id, accepted_at FROM accepted WHERE NOT judged ORDER BY rowid"
_ACCEPTANCES = FileKind(
    noun="results",
    refused="Make room in the folder for temporary files, or name another one in SQLITE_TMPDIR.",
    application_id=0,
    version=0,
    schema=("CREATE TABLE accepted (event_id TEXT NOT NULL, accepted_at REAL, judged INT NOT NULL)",),
    tables=frozenset({"accepted"}),
    settings=("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"),
)


@frozen(kw_only=True)
class EventResult(Record):
    """One event: when it was accepted, and its verdict."""

    event_id: str
    """Its own id."""
    accepted_at: float | None
    """Unix time at which the service accepted it; None if none of the given journals has that."""
    verdict: StoredVerdict | None
    """Its verdict; None if there is none."""


def join(store: VerdictStore, journals: Sequence[JournalReader] = ()) -> Iterator[EventResult]:
    """Iterate over every verdict, and then over every accepted event that has none.

    Accepted events are read first, into a temporary file of SQLite, about 100 bytes an event, so that they take no
    memory. If an id was accepted more than once, the first time counts.

    Args:
        store: the verdicts.
        journals: the journals of the submissions. Without any, only verdicts are returned.

    Raises:
        ConfigError: a journal is damaged.
        OmniveryError: the store cannot be read, or the disk has no space for the temporary file.
    """
    acceptances = _Acceptances(journals)
    try:
        verdicts = iter(store)
        while page := list(islice(verdicts, PAGE)):
            times = acceptances.judged([verdict.event_id for verdict in page])
            for one in page:
                yield EventResult(event_id=one.event_id, accepted_at=times.get(one.event_id), verdict=one)
        for event_id, moment in acceptances.pending():
            yield EventResult(event_id=event_id, accepted_at=moment, verdict=None)
    finally:
        acceptances.close()


def missing(store: VerdictStore, journals: Iterable[JournalReader]) -> Iterator[EventResult]:
    """Iterate over the accepted events that have no verdict. Memory is that of one batch, and no file is needed.

    Raises:
        ConfigError: a journal is damaged.
        OmniveryError: the store cannot be read.
    """
    for batch in chain.from_iterable(journal.accepted() for journal in journals):
        judged = store.has(batch.item_ids)
        for event_id in batch.item_ids:
            if event_id not in judged:
                yield EventResult(event_id=event_id, accepted_at=batch.accepted_at, verdict=None)


@define(eq=False)
class _Acceptances:
    """When each event was accepted, to be looked up: there may be more of them than memory holds."""

    journals: Sequence[JournalReader]
    _file: Database = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._file = open_temporary(_ACCEPTANCES)
        try:
            with self._using() as db:
                self._fill(db)
        except BaseException:
            self._file.close()
            raise

    def _fill(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN")
        for batch in chain.from_iterable(journal.accepted() for journal in self.journals):
            db.executemany(_ADD, zip(batch.item_ids, repeat(batch.accepted_at)))
        # Afterwards, for it is then sorted once: to insert ids at random into an index takes ever longer.
        db.execute("CREATE INDEX ids ON accepted (event_id)")
        db.execute("COMMIT")

    def judged(self, event_ids: Sequence[str]) -> dict[str, float]:
        """Note that these events have a verdict, and return when those of them that are known were accepted."""
        with self._using() as db:
            found = db.execute(_JUDGE.format(",".join("?" * len(event_ids))), event_ids).fetchall()
        return dict(sorted(found, reverse=True))  # of several times for one id, the last one set is the earliest

    def pending(self) -> Iterator[tuple[str, float]]:
        """The others, in the order in which they were read."""
        with self._using() as db:
            yield from db.execute(_PENDING)

    def close(self) -> None:
        """Delete it."""
        self._file.close()

    def _using(self) -> AbstractContextManager[sqlite3.Connection]:
        return self._file.use(OmniveryError, _ACCEPTANCES.refused)
