"""The sources that a journal knows, and how far each was read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from attrs import define, field

from omnivery.bulk.journal.position import Entries
from omnivery.bulk.journal.rows import point_of, source_values
from omnivery.bulk.source import ResumePoint

_ENTER = """
INSERT INTO source (name, identity, identity_checksum, position, position_checksum, updated_at)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET identity = excluded.identity, identity_checksum = excluded.identity_checksum
RETURNING id, read
"""
_POINTS = """
SELECT id, name, CAST(identity AS BLOB), identity_checksum, CAST(position AS BLOB), position_checksum, position_entries
FROM source WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id
"""


@define(kw_only=True, eq=False)
class KnownSources:
    """Reads those again that have changed, for the journal's only writer.

    Where each of thousands of files is a run, to read all of them for each would take longer than to send.
    """

    path: Path
    """The journal's."""
    _points: dict[int, ResumePoint] = field(init=False, factory=dict[int, ResumePoint])
    """Sources as they were read last, by their rows."""
    _changed: set[int] | None = field(init=False, default=None)
    """Rows of sources that have changed since; None before the first time."""

    def points(self, db: sqlite3.Connection) -> list[ResumePoint]:
        """Return every source, and how far it was read.

        Raises:
            ConfigError: the row of one is damaged.
        """
        rows = self._changed
        if rows is None:
            rows = {row for [row] in db.execute("SELECT id FROM source")}
        found, entries = db.execute(_POINTS, (json.dumps([*rows]),)).fetchall(), Entries(db, rows)
        self._points |= {row[0]: point_of(row, entries, self.path) for row in found}
        self._changed = set()
        return list(self._points.values())

    def enter(self, db: sqlite3.Connection, point: ResumePoint, now: float) -> tuple[int, int]:
        """Enter a source, or what it looks like now, and return its row and how many items of it were read."""
        row, read = db.execute(_ENTER, (*source_values(point), now)).fetchone()
        self.note_changed([row])
        return row, read

    def note_changed(self, rows: Iterable[int]) -> None:
        """Remember which sources have to be read again."""
        if self._changed is not None:
            self._changed.update(rows)
