"""Verdicts on disk: a call is committed before the receiver responds to it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from threading import Lock
from types import TracebackType
from typing import Any, Self

from omnivery._sqlite.files import open_file
from omnivery._sqlite.kind import checked_age
from omnivery._sqlite.paths import identity_of, is_moved, resolved
from omnivery.codec import dumps, loads
from omnivery.display.table import SHOWN, Table
from omnivery.display.tabular import Tabular
from omnivery.errors import OmniveryError
from omnivery.events.event import BotEvent
from omnivery.webhooks.retention import VerdictRetention
from omnivery.webhooks.store_file import VERDICT_STORE
from omnivery.webhooks.stored_verdict import StoredVerdict, StoreStatistics, table_of_stored
from omnivery.webhooks.verdict_wait import Row, VerdictWait, checked_ids, ends_after
from omnivery.webhooks.verdicts import BotVerdicts

PAGE = 500
"""Rows, or ids, per reading statement: the lock is released in between."""

INSERT_CALL = "INSERT INTO calls (token, received_at, without_id, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
REPEAT = "UPDATE verdicts SET repeats = repeats + 1 WHERE event_id = ?"
# A bare column name is the stored value. Of equal timestamps the later arrival wins, which is this row.
UPSERT = """
INSERT INTO verdicts (event_id, is_bot, signed_at, first_received_at, received_at, request) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (event_id) DO UPDATE SET
    repeats = repeats + 1,
    is_bot = CASE WHEN excluded.signed_at >= signed_at THEN excluded.is_bot ELSE is_bot END,
    received_at = CASE WHEN excluded.signed_at >= signed_at THEN excluded.received_at ELSE received_at END,
    request = CASE WHEN excluded.signed_at >= signed_at THEN excluded.request ELSE request END,
    signed_at = max(excluded.signed_at, signed_at)
"""
SELECT = "SELECT seq, event_id, is_bot, signed_at, first_received_at, received_at, repeats, request FROM verdicts"
COUNT = """
SELECT v.*, c.* FROM
    (SELECT count(*), coalesce(sum(is_bot), 0), count(is_bot), coalesce(sum(repeats), 0) FROM verdicts) AS v,
    (SELECT count(body), coalesce(sum(without_id), 0) FROM calls) AS c
"""


class VerdictStore(Tabular):
    """A file of verdicts, and of the signed calls that carried them.

        with VerdictStore("verdicts.db") as store:
            app = Receiver(None, signing_key, store=store)

    It is an SQLite file in WAL mode with `synchronous=FULL`: once `add` has returned, the call survives a crash
    of the process, and of the machine if its disk honours syncs. SQLite keeps two more files beside it, `-wal` and
    `-shm`: copy all three or none. Not for network file systems.

    Of several verdicts for one event, the one with the latest signed timestamp is kept; of equal timestamps, the one
    that arrived last. So calls may arrive in any order, and more than once.

    A raw payload is kept as received, **with its signature**, so that it can be verified again, until
    `forget_payloads`. While the signature is within a receiver's tolerance, a stolen payload can be replayed; and the
    events hold IP addresses. So the file is created for its owner alone (mode 0600).

    Threads may share one object. Processes may share one file: each opens it, after any fork.

    As a table it has a row for each event: `event_id`, `is_bot`, the event's fields and your own attributes, and then
    `signed_at`, `received_at` and `repeats`. A data frame holds all of it in memory; for tens of millions of verdicts,
    `omnivery bots results` writes Parquet bit by bit.

    Args:
        path: the file; created if missing, in a folder that exists. A relative path is made absolute.
        timeout: seconds to wait while another process writes.
        keep: seconds after which verdicts, and the calls that carried them, are pruned while calls are added; None
            keeps them for good. Choose far more than a receiver's tolerance: a call that is forgotten can be replayed.
        clock: returns the time in unix seconds.

    Raises:
        ConfigError: the file cannot be created or written, is not a verdict store, is damaged, or was written by a
            newer release. It is left unchanged. From any method: the store is closed, or was opened before a fork.
        OmniveryError: from any method: the disk is full or failed, another process kept the file locked, or the file
            is damaged, or was moved, replaced or deleted. A call given to `add` is then not stored.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        timeout: float = 5.0,
        keep: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        kept = None if keep is None else checked_age("keep", keep)
        self._clock = clock
        self._lock = Lock()
        self._commits = 0
        patience = checked_age("timeout", timeout)
        self._file = open_file(resolved(path, VERDICT_STORE.noun), VERDICT_STORE, timeout=patience)
        self._identity = identity_of(self._file.path)
        self._retention = VerdictRetention(transaction=self._transaction, clock=clock, keep=kept)

    def __repr__(self) -> str:
        return f"VerdictStore({str(self._file.path)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """The number of events with a verdict."""
        return int(self._rows("SELECT count(*) FROM verdicts")[0][0])

    def __iter__(self) -> Iterator[StoredVerdict]:
        return self.verdicts()

    def close(self) -> None:
        """Close the file. Idempotent."""
        if self._file.is_own:  # in a child, another thread of the parent may have had the lock
            with self._lock:
                self._file.close()

    def add(self, payload: bytes, verdicts: BotVerdicts) -> None:
        """Commit one call, its raw payload and its verdicts, in one transaction.

        A repeated call, known by its token, only increments `repeats` of its verdicts.

        Args:
            payload: the body, as received.
            verdicts: what `parse` returned for it.
        """
        moment, signed = self._clock(), verdicts.timestamp
        # An empty id identifies no event: two events without an id are two events.
        named = [(name, verdict) for verdict in verdicts if (name := verdict.event_id)]
        rows = [(name, it.is_bot, signed, moment, moment, dumps(it.request.to_fields()).decode()) for name, it in named]
        call = (verdicts.token, moment, len(verdicts) - len(named) + len(verdicts.unreadable), payload)
        with self._transaction() as database:
            if database.execute(INSERT_CALL, call).rowcount:
                database.executemany(UPSERT, rows)
            else:
                database.executemany(REPEAT, [(name,) for name, _ in named])
        self._commits += 1
        self._retention.prune_some()

    def get(self, event_id: str) -> StoredVerdict | None:
        """The verdict for one event; None if none has arrived."""
        rows = self._rows(f"{SELECT} WHERE event_id = ?", _as_stored(event_id))
        return _stored(rows[0]) if rows else None

    def has(self, event_ids: Iterable[str]) -> set[str]:
        """Return those of the given ids, however many, whose events have a verdict."""
        return set(self.verdicts_of(event_ids))

    def verdicts_of(self, event_ids: Iterable[str]) -> dict[str, bool | None]:
        """Return `is_bot` of those of the given events, however many, that have a verdict."""
        found: dict[str, bool | None] = {}
        remaining = iter(checked_ids(event_ids))
        while names := list(islice(remaining, PAGE)):
            marks = ",".join("?" * len(names))
            statement = f"SELECT event_id, is_bot FROM verdicts WHERE event_id IN ({marks})"  # noqa: S608  # marks only
            found.update((name, _is_bot(value)) for name, value in self._rows(statement, *map(_as_stored, names)))
        return found

    def wait(self, event_ids: Iterable[str], *, timeout: float) -> set[str]:
        """Wait until all these events have a verdict, whichever process or thread stores it.

            missing = store.wait(ids, timeout=600)

        It blocks; `wait_async` does not. A new verdict is noticed within a twentieth of a second.

        Args:
            event_ids: the events. Their ids are held in memory until they have a verdict.
            timeout: seconds after which it returns all the same; 0 to look once.

        Returns:
            The ids of those that have no verdict: empty if all have.

        Raises:
            ConfigError: the timeout is not a number from 0 up, or the ids are one text, or cannot be iterated over.
        """
        ends, wait = ends_after(timeout), VerdictWait(self, checked_ids(event_ids))
        wait.block_until(ends)
        return set(wait.pending)

    async def wait_async(self, event_ids: Iterable[str], *, timeout: float) -> set[str]:  # noqa: ASYNC109  # as `wait`
        """`wait` for asyncio and trio: the event loop goes on, and cancellation ends it."""
        from omnivery.transport.runtime import run_in_thread

        ends, wait = ends_after(timeout), await run_in_thread(VerdictWait, self, checked_ids(event_ids))
        await wait.wait_until(ends)
        return set(wait.pending)

    def verdicts(self) -> Iterator[StoredVerdict]:
        """Iterate over the verdicts, in the order in which their events first had one.

        Verdicts that are added after it has begun are left out. It holds a few hundred at a time, and neither lock nor
        transaction, so a slow consumer blocks no writer.
        """
        last, seq = self.last_row(), 0
        while rows := self._rows(f"{SELECT} WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT {PAGE}", seq, last):
            seq = rows[-1][0]
            yield from map(_stored, rows)

    def payloads(self) -> Iterator[bytes]:
        """Iterate over the kept raw payloads, as received, oldest first; one at a time is read."""
        last, seq = self._rows("SELECT max(seq) FROM calls")[0][0], 0
        select = "SELECT seq, body FROM calls WHERE seq > ? AND seq <= ? AND body IS NOT NULL ORDER BY seq LIMIT 1"
        while rows := self._rows(select, seq, last):
            [(seq, body)] = rows
            yield body

    @property
    def statistics(self) -> StoreStatistics:
        """Counts of what the store holds. Scans the whole file: seconds for ten million verdicts."""
        verdicts, bots, known, repeats, payloads, without_id = self._rows(COUNT)[0]
        return StoreStatistics(
            verdicts=verdicts,
            bots=bots,
            humans=known - bots,
            unknown=verdicts - known,
            repeats=repeats,
            payloads=payloads,
            without_id=without_id,
        )

    def forget_payloads(self, older_than: float) -> int:
        """Delete raw payloads; their verdicts stay. The file reuses the space but does not shrink.

        Args:
            older_than: seconds since they were received.

        Returns:
            How many were deleted.
        """
        return self._retention.forget_payloads(older_than)

    def prune(self, older_than: float) -> int:
        """Delete verdicts, and the calls that carried them. The file reuses the space but does not shrink.

        A repeated call whose first delivery was deleted is new again: keep far more than a receiver's tolerance.

        Args:
            older_than: seconds since they were received.

        Returns:
            How many verdicts were deleted.
        """
        return self._retention.prune(older_than)

    def last_change(self) -> tuple[int, int]:
        """A value that differs once anything was added, by this object or in another process."""
        return self._commits, self._rows("PRAGMA data_version")[0][0]

    def last_row(self) -> int:
        """Number of the newest row; events are numbered in the order in which they first had a verdict."""
        return self._rows("SELECT max(seq) FROM verdicts")[0][0] or 0

    def rows_after(self, row: int) -> list[Row]:
        """Number, event id and `is_bot` of the next rows, a few hundred at most."""
        statement = f"SELECT seq, event_id, is_bot FROM verdicts WHERE seq > ? ORDER BY seq LIMIT {PAGE}"  # noqa: S608  # a constant
        return [(seq, event_id, _is_bot(value)) for seq, event_id, value in self._rows(statement, row)]

    def _table(self) -> Table:
        return table_of_stored(list(self), total=None)

    def _overview(self) -> Table:
        return table_of_stored(list(islice(self, SHOWN)), total=len(self))

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._session() as database:
            return database.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._session() as database, database:  # which commits or rolls back
            database.execute("BEGIN IMMEDIATE")
            yield database

    @contextmanager
    def _session(self) -> Iterator[sqlite3.Connection]:
        self._file.check_process()  # before the lock, which a thread of the parent may have had
        with self._lock, self._file.use(OmniveryError) as database:
            if is_moved(self._file.path, self._identity):
                # What is written now would be gone when the file is closed, or stand where nobody looks for it.
                raise OmniveryError(
                    f"{VERDICT_STORE.noun}: {self._file.path} was moved, replaced or deleted while it was open: put it "
                    "back with its -wal and -shm, or close this store and open another one."
                )
            yield database


def _as_stored(event_id: str) -> str | bytes:
    """An id as the file has it. One with half a surrogate pair is no text, and no verdict's: it becomes a BLOB."""
    if not isinstance(event_id, str) or event_id.isascii():
        return event_id
    try:
        event_id.encode()
    except UnicodeEncodeError:
        return event_id.encode("utf-8", "surrogatepass")
    return event_id


def _stored(row: tuple[Any, ...]) -> StoredVerdict:
    _, event_id, is_bot, signed_at, first_received_at, received_at, repeats, request = row
    return StoredVerdict(
        event_id=event_id,
        is_bot=_is_bot(is_bot),
        request=BotEvent.from_fields(loads(request)),
        signed_at=signed_at,
        received_at=received_at,
        first_received_at=first_received_at,
        repeats=repeats,
    )


def _is_bot(value: int | None) -> bool | None:
    return None if value is None else bool(value)
