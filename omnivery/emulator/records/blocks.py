"""Tables whose rows are blocks: each holds the records of one request as it came, numbered from its `first_id` on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from attrs import define, field

from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.window import Conditions, Window

STEP = 4
"""Blocks that are read at a time."""


@define(kw_only=True, eq=False)
class Blocks:
    """The numbers of the records in such a table: the oldest blocks are deleted, and no id is used twice."""

    database: RecordDatabase
    table: str
    kept: int
    """Number of records to keep."""
    setting: str
    """Under which the next id is saved when the table is cleared."""
    size: int = field(init=False)
    """Records in all blocks."""
    next_id: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        [(size, last)] = self.database.rows(f"SELECT total(size), max(first_id + size) FROM {self.table}")  # noqa: S608  # our own words
        [(saved,)] = self.database.rows("SELECT max(value + 0) FROM settings WHERE name = ?", self.setting)
        self.size, self.next_id = int(size), int(max(last or 1, saved or 1))

    def grow(self, count: int) -> None:
        """Count the records of a block that was added, and delete the oldest blocks that are not to be kept."""
        self.next_id += count
        self.size += count
        while self.size > self.kept:
            oldest = f"SELECT first_id, size FROM {self.table} ORDER BY first_id LIMIT 1"  # noqa: S608  # our own words
            [(first, size)] = self.database.rows(oldest)
            if self.size - size < self.kept:
                break
            self.database.execute(f"DELETE FROM {self.table} WHERE first_id = ?", first)  # noqa: S608  # our own words
            self.size -= size

    def clear(self, connection: sqlite3.Connection) -> None:
        """Delete all blocks, in a transaction of the caller's."""
        connection.execute(f"DELETE FROM {self.table}")  # noqa: S608  # our own words
        connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (self.setting, str(self.next_id)))
        self.size = 0

    def count(self, *, after: int) -> int:
        """Return the number of records with an id above `after`."""
        return min(max(0, self.next_id - 1 - after), self.size)

    def rows(self, columns: str, window: Window, **equal: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the blocks that have records of a window, in its direction.

        Args:
            columns: what to read of them, the `first_id` first.
            window: which records.
            equal: values that columns must have; None for any.
        """
        order = "ASC" if window.is_forward else "DESC"
        last: int | None = None
        while True:
            conditions = Conditions()
            conditions.equal(**equal)
            if window.before is not None:
                conditions.add("first_id < ?", window.before)
            if window.after is not None:
                conditions.add("first_id + size > ?", window.after + 1)
            if last is not None:
                conditions.add("first_id > ?" if window.is_forward else "first_id < ?", last)
            where = f"{conditions.where} ORDER BY first_id {order} LIMIT {STEP}"
            rows = self.database.rows(f"SELECT {columns} FROM {self.table}{where}", *conditions.values)  # noqa: S608  # our own words
            yield from rows
            if len(rows) < STEP:
                return
            last = rows[-1][0]
