"""Windows of a list of records, by their ids, and the conditions of a query."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Generic, TypeVar

from attrs import Factory, define, field, frozen
from attrs.validators import ge

from omnivery.emulator.records.database import RecordDatabase

T = TypeVar("T")

LIMIT = 100
"""Number of records of a window that names none."""


@frozen(kw_only=True)
class Window:
    """Which of the matching records to return."""

    before: int | None = None
    """Only records with lower ids, beginning with the highest of them."""
    after: int | None = None
    """Only records with higher ids. Without `before`, beginning with the lowest of them."""
    limit: int = field(default=LIMIT, validator=ge(1))
    """Largest number of records."""

    @property
    def is_forward(self) -> bool:
        """Whether it begins with the lowest id."""
        return self.after is not None and self.before is None

    def __contains__(self, number: int) -> bool:
        return (self.before is None or number < self.before) and (self.after is None or number > self.after)


@frozen(kw_only=True)
class RecordPage(Generic[T]):
    """Some records. The next older ones are those `before` the last id, newer ones those `after` the first."""

    records: tuple[T, ...]
    """The records, newest first, whatever the window."""
    more: bool
    """Whether more records match, beyond the limit."""
    read_to: int | None = None
    """The record at which the search ended, because it took too long; None if it went as far as it had to."""

    @classmethod
    def of(cls, matching: Iterable[T], window: Window) -> RecordPage[T]:
        """Return the first of the records that match, in the order in which the window is read."""
        found = list(islice(matching, window.limit + 1))
        kept = found[: window.limit]
        return cls(records=tuple(kept[::-1] if window.is_forward else kept), more=len(found) > window.limit)


@define
class Conditions:
    """Conditions of a query, all of which must hold."""

    _parts: list[str] = Factory(list[str])
    _values: list[Any] = Factory(list[Any])

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition, with the values of its question marks."""
        self._parts.append(condition)
        self._values += values

    def equal(self, **columns: Any) -> None:
        """Add a condition for each column whose value is not None."""
        for name, value in columns.items():
            if value is not None:
                self.add(f"{name} = ?", value)

    def within(self, window: Window, key: str = "id") -> None:
        """Add the bounds of a window."""
        if window.before is not None:
            self.add(f"{key} < ?", window.before)
        if window.after is not None:
            self.add(f"{key} > ?", window.after)

    @property
    def where(self) -> str:
        """The WHERE clause; empty without conditions."""
        return f" WHERE {' AND '.join(self._parts)}" if self._parts else ""

    @property
    def values(self) -> list[Any]:
        """The values of its question marks."""
        return list(self._values)


def select_window(
    database: RecordDatabase, select: str, conditions: Conditions, window: Window, *, key: str = "id"
) -> tuple[list[tuple[Any, ...]], bool]:
    """Return the rows of a window, newest first, and whether there are more.

    Args:
        database: where to look.
        select: the statement, up to its conditions.
        conditions: what must hold.
        window: which of the rows.
        key: the column with the id.
    """
    conditions.within(window, key)
    order = "ASC" if window.is_forward else "DESC"
    statement = f"{select}{conditions.where} ORDER BY {key} {order} LIMIT ?"
    rows = database.rows(statement, *conditions.values, window.limit + 1)
    more, rows = len(rows) > window.limit, rows[: window.limit]
    return (rows[::-1] if window.is_forward else rows), more
