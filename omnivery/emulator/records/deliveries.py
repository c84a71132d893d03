"""Records of webhook deliveries and of every attempt at them."""

from __future__ import annotations

import json
from collections import deque
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.window import Conditions, RecordPage, Window, select_window

DeliveryState: TypeAlias = Literal["waiting", "delivered", "rejected", "given up"]
"""In progress; accepted by the receiver; refused for good, with 406; failed at every attempt, or dropped."""
BODIES = 32 * 2**20
"""Bytes of bodies to keep. Beyond that the oldest are forgotten; their deliveries and attempts remain."""
INSERT = (
    "INSERT INTO deliveries (at, url, kind, batch_id, events, again_of, state) VALUES (?, ?, ?, ?, ?, ?, 'waiting')"
)
SELECT = "SELECT id, at, url, kind, batch_id, events, again_of, state, due_at FROM deliveries"
INSERT_ATTEMPT = """
INSERT INTO attempts (delivery, number, at, duration, status, headers, excerpt, error, signature)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
ATTEMPTS = """
SELECT number, at, duration, status, headers, excerpt, error, signature FROM attempts WHERE delivery = ? ORDER BY id
"""
ALL_ATTEMPTS = """
SELECT url, batch_id, kind, events, number, status, error FROM attempts JOIN deliveries ON deliveries.id = delivery
ORDER BY attempts.id
"""
SWEEP = 256
"""Records beyond the number to keep at which the oldest are deleted: one statement for many of them."""


@frozen(kw_only=True)
class DeliveryQuery:
    """Which deliveries to return: those for which all that is given holds."""

    kind: str | None = None
    """`bot` for verdicts, or the name of the delivery event."""
    url: str | None = None
    """Text that occurs in its URL."""
    state: DeliveryState | None = None
    batch_id: str | None = None
    """The batch, check or message that it is about."""


@frozen(kw_only=True)
class NewDelivery:
    """A webhook that is to be delivered."""

    at: float
    url: str = field(repr=False)
    kind: str
    batch_id: str
    events: int
    body: bytes = field(repr=False)
    again_of: int | None = None


@frozen(kw_only=True)
class DeliveryAttempt:
    """One attempt."""

    number: int
    """1 for the first; 0 for a delivery that was given up without a further attempt."""
    at: float
    """When it began, in unix seconds."""
    duration: float = 0.0
    """Seconds until the response or the error."""
    status: int | None = None
    """Status of the response; None if there was none."""
    headers: tuple[tuple[str, str], ...] = ()
    """Header fields of the response."""
    excerpt: bytes = field(default=b"", repr=False)
    """The beginning of the response's body."""
    error: str | None = None
    """Why there was no response."""
    signature: dict[str, Any] | None = field(default=None, repr=False)
    """The signature that was added to the body."""


@frozen(kw_only=True)
class DeliveryRecord:
    """A webhook call to one URL."""

    id: int
    """The record's id, which grows."""
    at: float
    """When it was to be delivered first, in unix seconds."""
    url: str = field(repr=False)
    """The URL, which may contain a secret."""
    kind: str
    """`bot` for verdicts, or the name of the delivery event."""
    batch_id: str
    """The batch, check or message that it is about."""
    events: int
    """Number of verdicts or events in it."""
    state: DeliveryState
    due_at: float | None
    """When the next attempt is due, in unix seconds; None if none is planned."""
    again_of: int | None
    """Id of the delivery that it repeats."""
    attempts: tuple[DeliveryAttempt, ...]
    """The attempts, oldest first."""


class DeliveryRecords:
    """The webhook deliveries.

    Args:
        database: where they are kept.
        kept: number of deliveries to keep, and of attempts; the oldest are deleted first.
        changes: is told of new deliveries, and of new states.
        bodies: bytes of bodies to keep.
    """

    def __init__(self, database: RecordDatabase, *, kept: int, changes: Changes, bodies: int = BODIES) -> None:
        self._database, self._kept, self._changes, self._bodies = database, kept, changes, bodies
        # What an earlier run did not finish, nobody delivers any more.
        database.execute("UPDATE deliveries SET state = 'given up', due_at = NULL WHERE state = 'waiting'")
        sizes = database.rows("SELECT delivery, length(body) FROM delivery_bodies ORDER BY delivery")
        self._sizes: deque[tuple[int, int]] = deque((number, size) for number, size in sizes)
        self._bytes = sum(size for _, size in self._sizes)
        self._swept_delivery = self._swept_attempt = 0

    def add(self, delivery: NewDelivery) -> int:
        """Store a delivery that waits for its first attempt, and return its id."""
        new = delivery
        with self._database.transaction() as connection:
            values = (new.at, new.url, new.kind, new.batch_id, new.events, new.again_of)
            number = connection.execute(INSERT, values).lastrowid or 0
            connection.execute("INSERT INTO delivery_bodies VALUES (?, ?)", (number, new.body))
            self._sizes.append((number, len(new.body)))
            self._bytes += len(new.body)
            self._forget_bodies()
            self._sweep(number)
        self._changes.tell("deliveries")
        return number

    def add_attempt(
        self, number: int, attempt: DeliveryAttempt, *, state: DeliveryState = "waiting", due_at: float | None = None
    ) -> None:
        """Store an attempt at a delivery, and the state that it left the delivery in."""
        values = (attempt.number, attempt.at, attempt.duration, attempt.status, json.dumps(attempt.headers))
        signature = attempt.signature and json.dumps(attempt.signature)
        with self._database.transaction() as connection:
            last = connection.execute(
                INSERT_ATTEMPT, (number, *values, attempt.excerpt, attempt.error, signature)
            ).lastrowid
            connection.execute("UPDATE deliveries SET state = ?, due_at = ? WHERE id = ?", (state, due_at, number))
            self._sweep_attempts(last or 0)
        self._changes.tell("deliveries")

    def find(self, query: DeliveryQuery | None = None, window: Window | None = None) -> RecordPage[DeliveryRecord]:
        """Return some deliveries with their attempts, newest first."""
        with self._database.lock:
            conditions = _conditions(query or DeliveryQuery())
            rows, more = select_window(self._database, SELECT, conditions, window or Window())
            return RecordPage(records=tuple(self._record(row) for row in rows), more=more)

    def count(self, query: DeliveryQuery | None = None, *, after: int = 0) -> int:
        """Return the number of deliveries that match, of those with an id above `after`."""
        conditions = _conditions(query or DeliveryQuery())
        conditions.add("id > ?", after)
        statement = f"SELECT count(*) FROM deliveries{conditions.where}"  # noqa: S608  # our own words
        return int(self._database.rows(statement, *conditions.values)[0][0])

    def newest_id(self) -> int:
        """Return the id of the newest delivery that was ever stored; 0 if there was none."""
        rows = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'")
        return int(rows[0][0]) if rows else 0

    def get(self, number: int) -> DeliveryRecord | None:
        """Return a delivery; None if there is none with that id, or it is no longer kept."""
        with self._database.lock:
            rows = self._database.rows(f"{SELECT} WHERE id = ?", number)
            return self._record(rows[0]) if rows else None

    def body(self, number: int) -> bytes | None:
        """Return the body of a delivery, without a signature; None if it is no longer kept."""
        rows = self._database.rows("SELECT body FROM delivery_bodies WHERE delivery = ?", number)
        return rows[0][0] if rows else None

    def all_attempts(self) -> list[tuple[Any, ...]]:
        """Return URL, batch id, kind, events, number, status and error of each attempt, oldest first."""
        rows = self._database.rows(ALL_ATTEMPTS)
        return rows[max(0, len(rows) - self._kept) :]

    def clear(self) -> None:
        """Delete all deliveries. Their ids are not used again; those in progress go on, unrecorded."""
        with self._database.transaction() as connection:
            for table in ("deliveries", "delivery_bodies", "attempts"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  # our own words
            self._sizes.clear()
            self._bytes = 0
        self._changes.tell("deliveries")

    def _record(self, row: tuple[Any, ...]) -> DeliveryRecord:
        number, at, url, kind, batch_id, events, again_of, state, due_at = row
        return DeliveryRecord(
            id=number,
            at=at,
            url=url,
            kind=kind,
            batch_id=batch_id,
            events=events,
            again_of=again_of,
            state=state,
            due_at=due_at,
            attempts=tuple(_attempt(each) for each in self._database.rows(ATTEMPTS, number)),
        )

    def _forget_bodies(self) -> None:
        while self._bytes > self._bodies and len(self._sizes) > 1:
            number, size = self._sizes.popleft()
            self._bytes -= size
            self._database.execute("DELETE FROM delivery_bodies WHERE delivery = ?", number)

    def _sweep(self, newest: int) -> None:
        """Delete deliveries beyond the number to keep. Ids have no gaps, so they tell how many there are."""
        last = newest - self._kept
        if last - self._swept_delivery >= min(SWEEP, self._kept):
            self._database.execute("DELETE FROM deliveries WHERE id <= ?", last)
            self._database.execute("DELETE FROM delivery_bodies WHERE delivery <= ?", last)
            self._swept_delivery = last

    def _sweep_attempts(self, newest: int) -> None:
        last = newest - self._kept
        if last - self._swept_attempt >= min(SWEEP, self._kept):
            self._database.execute("DELETE FROM attempts WHERE id <= ?", last)
            self._swept_attempt = last


def _conditions(query: DeliveryQuery) -> Conditions:
    conditions = Conditions()
    conditions.equal(kind=query.kind, state=query.state, batch_id=query.batch_id)
    if query.url:
        conditions.add("instr(url, ?)", query.url)
    return conditions


def _attempt(row: tuple[Any, ...]) -> DeliveryAttempt:
    number, at, duration, status, headers, excerpt, error, signature = row
    return DeliveryAttempt(
        number=number,
        at=at,
        duration=duration,
        status=status,
        headers=tuple((name, value) for name, value in json.loads(headers)),
        excerpt=excerpt,
        error=error,
        signature=json.loads(signature) if signature else None,
    )
