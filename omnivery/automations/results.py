"""Events and their verdicts, joined by `event_id`: the journals say what was accepted, the store what was answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from omnivery.errors import OmniveryError

if TYPE_CHECKING:
    from omnivery.bulk.journal.reader import JournalReader
    from omnivery.webhooks.store import VerdictStore
    from omnivery.webhooks.stored_verdict import StoredVerdict

PAGE = 500
"""Verdicts that are looked up together."""

_ADD = "INSERT INTO accepted VALUES (?, ?, 0)"
_ANSWER = "UPDATE accepted SET answered = 1 WHERE event_id IN ({}) RETURNING event_id, accepted_at"
_UNANSWERED = "SELECT event_id, accepted_at FROM accepted WHERE NOT answered ORDER BY rowid"


@frozen(kw_only=True)
class EventResult:
    """One event: what is known of its way to the service and back."""

    event_id: str
    """Its own id."""
    accepted_at: float | None
    """When the service took it, in unix seconds; None where no journal that was given has accepted it."""
    verdict: StoredVerdict | None
    """What came back; None where nothing has."""


def join(store: VerdictStore, journals: Sequence[JournalReader] = ()) -> Iterator[EventResult]:
    """Iterate over every verdict, and then over every accepted event that has none.

    What is accepted is read first, and takes room in a temporary file of SQLite's, about 100 bytes an event, but none
    in memory. An event whose id was accepted more than once was accepted when it was so first.

    Args:
        store: the verdicts.
        journals: those of the submissions. Without one, nothing is known of acceptance, and only verdicts come.

    Raises:
        ConfigError: a journal is damaged.
        OmniveryError: the store cannot be read, or there is no room for the temporary file.
    """
    acceptances = _Acceptances(journals)
    try:
        verdicts = iter(store)
        while page := list(islice(verdicts, PAGE)):
            times = acceptances.answered([verdict.event_id for verdict in page])
            for one in page:
                yield EventResult(event_id=one.event_id, accepted_at=times.get(one.event_id), verdict=one)
        for event_id, moment in acceptances.unanswered():
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
        answered = store.has(batch.item_ids)
        for event_id in batch.item_ids:
            if event_id not in answered:
                yield EventResult(event_id=event_id, accepted_at=batch.accepted_at, verdict=None)


@define(eq=False)
class _Acceptances:
    """When each event was accepted, to be looked up: there may be more of them than memory holds."""

    journals: Sequence[JournalReader]
    _db: sqlite3.Connection = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        # The empty name is a file of its own that is gone when it is closed, and that nobody else can open.
        self._db = sqlite3.connect("", isolation_level=None)
        try:
            self._fill()
        except sqlite3.Error as error:
            self._db.close()
            raise _no_room(error) from error
        except BaseException:
            self._db.close()
            raise

    def _fill(self) -> None:
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.execute("CREATE TABLE accepted (event_id TEXT NOT NULL, accepted_at REAL, answered INT NOT NULL)")
        self._db.execute("BEGIN")
        for batch in chain.from_iterable(journal.accepted() for journal in self.journals):
            self._db.executemany(_ADD, zip(batch.item_ids, repeat(batch.accepted_at)))
        # Afterwards, for it is then sorted once: to insert ids at random into an index takes ever longer.
        self._db.execute("CREATE INDEX ids ON accepted (event_id)")
        self._db.execute("COMMIT")

    def answered(self, event_ids: Sequence[str]) -> dict[str, float]:
        """Note that these events are answered, and say when those of them that are known were accepted."""
        statement = _ANSWER.format(",".join("?" * len(event_ids)))
        try:
            found = self._db.execute(statement, event_ids).fetchall()
        except sqlite3.Error as error:
            raise _no_room(error) from error
        return dict(sorted(found, reverse=True))  # of several times for one id, the last one set is the earliest

    def unanswered(self) -> Iterator[tuple[str, float]]:
        """The others, in the order in which they were read."""
        return iter(self._db.execute(_UNANSWERED))

    def close(self) -> None:
        """Let it go."""
        self._db.close()


def _no_room(error: sqlite3.Error) -> OmniveryError:
    return OmniveryError(
        f"results: SQLite's temporary file failed ({error}): make room, or name another folder in SQLITE_TMPDIR"
    )
