"""Records of API requests."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.window import Conditions, RecordPage, Window, select_window

INSERT = "INSERT INTO requests (at, method, path, route, status, duration) VALUES (?, ?, ?, ?, ?, ?)"
SELECT = "SELECT id, at, method, path, route, status, duration FROM requests"
SWEEP = 256
"""Records beyond the number to keep at which the oldest are deleted: one statement for many of them."""


@frozen(kw_only=True)
class RequestQuery:
    """Which requests to return: those for which all that is given holds."""

    method: str | None = None
    route: str | None = None
    """The route's name, as `fail_next` takes it."""
    status: int | None = None


@frozen(kw_only=True)
class NewRequest:
    """An API request that was responded to, or whose connection was closed."""

    at: float
    """When it arrived, in unix seconds."""
    method: str
    path: str = field(repr=False)
    """The path, without the query."""
    route: str
    """The route's name, as `fail_next` takes it."""
    status: int | None
    """Status of the response; None if the connection was closed instead."""
    duration: float
    """Seconds until the response was ready."""


@frozen(kw_only=True)
class RequestRecord(NewRequest):
    """An API request with its id."""

    id: int
    """The record's id, which grows."""


class RequestRecords:
    """The API requests.

    Args:
        database: where they are kept.
        kept: number of requests to keep; the oldest are deleted first.
        changes: is told of new requests.
    """

    def __init__(self, database: RecordDatabase, *, kept: int, changes: Changes) -> None:
        self._database, self._kept, self._changes = database, kept, changes
        self._swept = 0

    def add(self, request: NewRequest) -> int:
        """Store a request, and return its id."""
        values = (request.at, request.method, request.path, request.route, request.status, request.duration)
        number = self._database.execute(INSERT, *values).lastrowid or 0
        last = number - self._kept
        if last - self._swept >= min(SWEEP, self._kept):
            self._database.execute("DELETE FROM requests WHERE id <= ?", last)
            self._swept = last
        self._changes.tell("requests")
        return number

    def find(self, query: RequestQuery | None = None, window: Window | None = None) -> RecordPage[RequestRecord]:
        """Return some requests, newest first."""
        conditions = _conditions(query or RequestQuery())
        rows, more = select_window(self._database, SELECT, conditions, window or Window())
        return RecordPage(records=tuple(_record(row) for row in rows), more=more)

    def count(self, query: RequestQuery | None = None, *, after: int = 0) -> int:
        """Return the number of requests that match, of those with an id above `after`."""
        conditions = _conditions(query or RequestQuery())
        conditions.add("id > ?", after)
        statement = f"SELECT count(*) FROM requests{conditions.where}"  # noqa: S608  # our own words
        return int(self._database.rows(statement, *conditions.values)[0][0])

    def newest_id(self) -> int:
        """Return the id of the newest request that was ever stored; 0 if there was none."""
        rows = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'requests'")
        return int(rows[0][0]) if rows else 0

    def all(self) -> list[tuple[str, str, int | None]]:
        """Return method, route and status of each request, oldest first."""
        rows = self._database.rows("SELECT method, route, status FROM requests ORDER BY id")
        return [(method, route, status) for method, route, status in rows[max(0, len(rows) - self._kept) :]]

    def clear(self) -> None:
        """Delete all requests. Their ids are not used again."""
        self._database.execute("DELETE FROM requests")
        self._changes.tell("requests")


def _conditions(query: RequestQuery) -> Conditions:
    conditions = Conditions()
    conditions.equal(method=query.method, route=query.route, status=query.status)
    return conditions


def _record(row: tuple[Any, ...]) -> RequestRecord:
    number, at, method, path, route, status, duration = row
    return RequestRecord(id=number, at=at, method=method, path=path, route=route, status=status, duration=duration)
