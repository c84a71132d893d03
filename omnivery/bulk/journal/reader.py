"""Looking into a journal: its account, its state, and what did not get through. Also while a run writes to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from attrs import define, field, frozen

from omnivery import codec
from omnivery.bulk.journal.file import open_to_read, telling_config
from omnivery.bulk.recorder import RunTarget
from omnivery.bulk.report import FAILURES_KEPT, REJECTIONS_KEPT, Account, BatchFailure, Rejection
from omnivery.errors import ConfigError, OmniveryError

Cut: TypeAlias = Callable[[bytes], Iterator[bytes]]
"""Cuts the body of a request into its items, as bytes."""

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
    """`rejected` or `undelivered`."""
    source: str
    reason: str | None
    """None for what is still to be sent."""
    item: bytes | None = field(repr=False)
    """Its bytes; None where nothing of it could be kept."""
    index: int | None = None
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

    def target(self) -> RunTarget:
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
        target = self.target()
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
            items = dict.fromkeys(_STATES, 0)
            live = 0
            for state, count, size in self._db.execute(
                "SELECT state, sum(items), sum(length(body)) FROM batch WHERE state <> 'accepted' GROUP BY state"
            ):
                items[state] = count
                live += size
            [oldest] = self._db.execute(
                "SELECT min(created_at) FROM batch WHERE state IN ('pending', 'sending') AND state <> 'accepted'"
            ).fetchone()
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
        """The same, with the reason.

        Args:
            cut: cuts the body of a request into its items; its kind of work has the function.
        """
        with telling_config(self.path):
            # The numbers first, and then row by row: to sort whole rows would take the room of all bodies.
            rows = self._db.execute("SELECT id FROM batch WHERE state <> 'accepted' ORDER BY number, id").fetchall()
            for row in rows:
                yield from self._undelivered_of(row, cut)

    def _undelivered_of(self, row: tuple[int], cut: Cut) -> Iterator[Problem]:
        found = self._db.execute(
            "SELECT name, error, ids, body FROM batch JOIN source ON source.id = batch.source "
            "WHERE batch.id = ? AND body IS NOT NULL",
            row,
        ).fetchall()
        # A run that is under way may have got rid of it meanwhile: then there is none.
        for name, reason, ids, body in found:
            for item, item_id in zip(cut(body), codec.loads(ids), strict=True):
                yield Problem(kind="undelivered", source=name, reason=reason, item=item, item_id=item_id)

    def accepted(self) -> Iterator[AcceptedBatch]:
        """What was accepted, in the order in which it was read. Reads one at a time, and holds no transaction."""
        row = 0
        with telling_config(self.path):
            while found := self._db.execute(_NEXT_ACCEPTED, (row,)).fetchone():
                row, ids, moment = found
                yield AcceptedBatch(item_ids=tuple(codec.loads(ids)), accepted_at=moment)

    def rejected(self) -> Iterator[Problem]:
        """Every item that was rejected, before it was sent or by the server."""
        with telling_config(self.path):
            for name, reason, item, index, line, item_id in self._db.execute(
                "SELECT name, reason, item, place, line, item_id FROM rejection "
                "JOIN source ON source.id = rejection.source ORDER BY rejection.id"
            ):
                yield Problem(
                    kind="rejected",
                    source=name,
                    reason=reason,
                    item=item,
                    index=index,
                    line=line,
                    item_id=item_id,
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
    found = db.execute("SELECT name, value, secret FROM target ORDER BY id").fetchall()
    values = {name: value for name, value, _ in found}
    return RunTarget(values, secret=frozenset(name for name, _, secret in found if secret)) if found else None


def account_of(db: sqlite3.Connection, source: int | None = None) -> Account:
    """The account of a journal, or of one source in it. What is pending counts as undelivered."""
    # NULL stands for every source.
    counts = db.execute(
        "SELECT ifnull(sum(read), 0), ifnull(sum(accepted), 0), ifnull(sum(rejected), 0), ifnull(sum(batches), 0), "
        "ifnull(sum(requests), 0), ifnull(sum(retries), 0), total(elapsed) FROM source WHERE id = ifnull(?, id)",
        (source,),
    ).fetchone()
    [undelivered] = db.execute(
        "SELECT ifnull(sum(items), 0) FROM batch WHERE state <> 'accepted' AND source = ifnull(?, source)", (source,)
    ).fetchone()
    refused = db.execute(
        "SELECT place, line, item_id, reason FROM rejection WHERE source = ifnull(?, source) ORDER BY id LIMIT ?",
        (source, REJECTIONS_KEPT),
    )
    failed = db.execute(
        "SELECT number, items, ifnull(error, '') FROM batch WHERE state = 'undelivered' AND state <> 'accepted' AND "
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
