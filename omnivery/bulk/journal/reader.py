"""Looking into a journal: its account, its state, and what did not get through. Also while a run writes to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import define, field, frozen

from omnivery import codec
from omnivery.bulk.journal.file import open_to_read, telling_config
from omnivery.bulk.recorder import RunTarget
from omnivery.bulk.report import FAILURES_KEPT, REJECTIONS_KEPT, Account, BatchFailure, Rejection
from omnivery.errors import ConfigError, OmniveryError
from omnivery.events.encoding import events_in

_TALLIES = ("read", "accepted", "rejected", "batches", "requests", "retries")
_STATES = ("pending", "sending", "undelivered")
_NEXT_ACCEPTED = "SELECT id, ids, settled_at FROM batch WHERE state = 'accepted' AND id > ? ORDER BY id LIMIT 1"


@frozen(kw_only=True)
class SourceState:
    """How far a source was read."""

    name: str
    position: dict[str, Any]
    """In a file: byte `offset` and number of a `line`, and how many lines to `skip` from there. Else `items` taken, or
    the caller's own `cursor`."""
    read: int
    accepted: int
    rejected: int
    updated_at: float
    """Unix seconds."""


@frozen(kw_only=True)
class JournalState:
    """What a journal holds, in events: `read` is the sum of all others."""

    domain: str
    base_url: str
    read: int
    accepted: int
    rejected: int
    pending: int
    """Read, and not sent yet: the next run sends them."""
    sending: int
    """In the hands of a run, or of one that was killed."""
    undelivered: int
    """Given up: only a retry sends them."""
    live_bytes: int
    """Bytes of requests that are kept, because they are not accepted."""
    file_bytes: int
    """Size of the journal's files."""
    oldest_pending: float | None
    """When the oldest of the pending events were read, in unix seconds."""
    sources: tuple[SourceState, ...]


@frozen(kw_only=True)
class Problem:
    """An event that was not accepted, and why."""

    kind: str
    """`rejected` or `undelivered`."""
    source: str
    reason: str | None
    """None for what is still to be sent."""
    event: bytes | None = field(repr=False)
    """The event as JSON, or the line that should have been one; None where nothing of it could be kept."""
    index: int | None = None
    line: int | None = None
    event_id: str | None = None


@frozen(kw_only=True)
class AcceptedBatch:
    """Events that the service took in one request."""

    event_ids: tuple[str, ...] = field(repr=False)
    accepted_at: float
    """Unix seconds."""


@define(kw_only=True, eq=False)
class JournalReader:
    """A journal that is open for reading. Close it, or open it with `with`."""

    path: Path
    _db: sqlite3.Connection = field(alias="db", repr=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> JournalReader:
        """Open a journal.

        Raises:
            ConfigError: there is none, or it is no journal, or one of a later version, or damaged.
        """
        where = Path(path)
        return cls(path=where, db=open_to_read(where))

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def terms(self) -> RunTarget:
        """What it was begun with.

        Raises:
            ConfigError: it was never used.
        """
        with telling_config(self.path):
            found = target_of(self._db)
        if found is None:
            raise ConfigError(f"journal: {self.path} is empty: nothing was submitted with it")
        return found

    def totals(self) -> dict[str, Account]:
        """The totals of each source, by its name."""
        with telling_config(self.path), self._moment():
            names = self._db.execute("SELECT id, name FROM source ORDER BY id").fetchall()
            return {name: account_of(self._db, row) for row, name in names}

    def state(self) -> JournalState:
        """What it holds."""
        terms = self.terms()
        with telling_config(self.path), self._moment():
            sources = tuple(
                SourceState(
                    name=row[0],
                    position=codec.loads(row[1]),
                    read=row[2],
                    accepted=row[3],
                    rejected=row[4],
                    updated_at=row[5],
                )
                for row in self._db.execute(
                    "SELECT name, position, read, accepted, rejected, updated_at FROM source ORDER BY id"
                )
            )
            events = dict.fromkeys(_STATES, 0)
            live = 0
            for state, count, size in self._db.execute(
                "SELECT state, sum(events), sum(length(body)) FROM batch WHERE state <> 'accepted' GROUP BY state"
            ):
                events[state] = count
                live += size
            [oldest] = self._db.execute(
                "SELECT min(created_at) FROM batch WHERE state IN ('pending', 'sending') AND state <> 'accepted'"
            ).fetchone()
        return JournalState(
            domain=terms.domain,
            base_url=terms.base_url,
            read=sum(source.read for source in sources),
            accepted=sum(source.accepted for source in sources),
            rejected=sum(source.rejected for source in sources),
            **events,
            live_bytes=live,
            file_bytes=sum(self._size(ending) for ending in ("", "-wal")),
            oldest_pending=oldest,
            sources=sources,
        )

    def undelivered_events(self) -> Iterator[bytes]:
        """Every event that is not accepted and not rejected, as a line of NDJSON."""
        return (problem.event for problem in self.undelivered() if problem.event is not None)

    def undelivered(self) -> Iterator[Problem]:
        """The same, with the reason."""
        with telling_config(self.path):
            # The numbers first, and then row by row: to sort whole rows would take the room of all bodies.
            rows = self._db.execute("SELECT id FROM batch WHERE state <> 'accepted' ORDER BY number, id").fetchall()
            for row in rows:
                yield from self._undelivered_of(row)

    def _undelivered_of(self, row: tuple[int]) -> Iterator[Problem]:
        found = self._db.execute(
            "SELECT name, error, ids, body FROM batch JOIN source ON source.id = batch.source "
            "WHERE batch.id = ? AND body IS NOT NULL",
            row,
        ).fetchall()
        # A run that is under way may have got rid of it meanwhile: then there is none.
        for name, reason, ids, body in found:
            for event, event_id in zip(events_in(body), codec.loads(ids), strict=True):
                yield Problem(kind="undelivered", source=name, reason=reason, event=event, event_id=event_id)

    def accepted(self) -> Iterator[AcceptedBatch]:
        """What was accepted, in the order in which it was read. Reads one at a time, and holds no transaction."""
        row = 0
        with telling_config(self.path):
            while found := self._db.execute(_NEXT_ACCEPTED, (row,)).fetchone():
                row, ids, moment = found
                yield AcceptedBatch(event_ids=tuple(codec.loads(ids)), accepted_at=moment)

    def rejected(self) -> Iterator[Problem]:
        """Every item that was rejected, before it was sent or by the server."""
        with telling_config(self.path):
            for name, reason, event, index, line, event_id in self._db.execute(
                "SELECT name, reason, item, place, line, event_id FROM rejection "
                "JOIN source ON source.id = rejection.source ORDER BY rejection.id"
            ):
                yield Problem(
                    kind="rejected",
                    source=name,
                    reason=reason,
                    event=event,
                    index=index,
                    line=line,
                    event_id=event_id,
                )

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """Have all that is read in the block be of one moment."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    def _size(self, ending: str) -> int:
        file = self.path.with_name(self.path.name + ending)
        return file.stat().st_size if file.exists() else 0


def target_of(db: sqlite3.Connection) -> RunTarget | None:
    """What a journal was begun with; None if it was not yet."""
    found = db.execute("SELECT webhook_url, domain, base_url FROM terms").fetchone()
    return RunTarget(webhook_url=found[0], domain=found[1], base_url=found[2]) if found else None


def account_of(db: sqlite3.Connection, source: int | None = None) -> Account:
    """The account of a journal, or of one source in it. What is pending counts as undelivered."""
    # NULL stands for every source.
    counts = db.execute(
        "SELECT ifnull(sum(read), 0), ifnull(sum(accepted), 0), ifnull(sum(rejected), 0), ifnull(sum(batches), 0), "
        "ifnull(sum(requests), 0), ifnull(sum(retries), 0), total(elapsed) FROM source WHERE id = ifnull(?, id)",
        (source,),
    ).fetchone()
    [undelivered] = db.execute(
        "SELECT ifnull(sum(events), 0) FROM batch WHERE state <> 'accepted' AND source = ifnull(?, source)", (source,)
    ).fetchone()
    refused = db.execute(
        "SELECT place, line, event_id, reason FROM rejection WHERE source = ifnull(?, source) ORDER BY id LIMIT ?",
        (source, REJECTIONS_KEPT),
    )
    failed = db.execute(
        "SELECT number, events, ifnull(error, '') FROM batch WHERE state = 'undelivered' AND state <> 'accepted' AND "
        "source = ifnull(?, source) ORDER BY number, id LIMIT ?",
        (source, FAILURES_KEPT),
    )
    return Account(
        **dict(zip(_TALLIES, counts, strict=False)),
        elapsed=counts[-1],
        undelivered=undelivered,
        rejections=[Rejection(index=row[0], line=row[1], event_id=row[2], reason=row[3]) for row in refused],
        failures=[BatchFailure(batch=row[0], events=row[1], error=OmniveryError(row[2])) for row in failed],
    )
