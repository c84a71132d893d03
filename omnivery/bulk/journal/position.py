"""A source's position as a journal stores it: one text, and a row for each entry of a position that has many."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from zlib import crc32

from attrs import evolve, frozen

from omnivery import codec
from omnivery.bulk.position import EntryKey, PositionDelta

_KEY = """
json_extract(value, '$[0]'), json_extract(value, '$[1]'),
substr(NEW.pieces, json_extract(value, '$[2]'), json_extract(value, '$[3]'))
"""
WRITE_ENTRIES = f"""
    DELETE FROM position_entry WHERE source IN (SELECT value FROM json_each(NEW.whole)) AND
        (source, member, name) NOT IN (SELECT {_KEY} FROM json_each(NEW.entries));
    DELETE FROM position_entry WHERE (source, member, name) IN
        (SELECT {_KEY} FROM json_each(NEW.entries) WHERE json_extract(value, '$[4]') IS NULL);
    INSERT INTO position_entry (source, member, name, value, checksum)
        SELECT {_KEY},
            CAST(substr(NEW.pieces, json_extract(value, '$[4]'), json_extract(value, '$[5]')) AS TEXT),
            json_extract(value, '$[6]')
        FROM json_each(NEW.entries) WHERE json_extract(value, '$[4]') IS NOT NULL
        ON CONFLICT (source, member, name) DO UPDATE SET value = excluded.value, checksum = excluded.checksum
            WHERE checksum <> excluded.checksum OR value <> excluded.value;
"""  # noqa: S608  # our own words
"""Statements of the trigger that takes a transaction. A row that stays as it is is not written."""
_ENTRIES = """
SELECT source, member, name, CAST(value AS BLOB), checksum FROM position_entry
WHERE source IN (SELECT value FROM json_each(?))
"""


@frozen(kw_only=True, eq=False)
class StoredPosition:
    """A position, or what has changed in it, as it is written."""

    text: str
    """What is written as a whole, in JSON."""
    entries: Mapping[EntryKey, bytes | None]
    """In JSON; None for one that is gone."""
    count: int | None
    is_whole: bool

    @classmethod
    def of(cls, delta: PositionDelta) -> StoredPosition:
        """Encode what a source says of its position.

        Raises:
            TypeError: it has no JSON form.
            ValueError: it has no JSON form.
        """
        return cls(
            text=codec.dumps(delta.rest).decode(),
            entries={key: None if value is None else codec.dumps(value) for key, value in delta.entries.items()},
            count=delta.count,
            is_whole=delta.is_whole,
        )

    def rows(self, source: int, add: Callable[[bytes | None], tuple[Any, Any]]) -> Iterator[tuple[Any, ...]]:
        """Yield the elements of `NEW.entries`.

        Args:
            source: the source's row.
            add: adds bytes to `NEW.pieces`, and returns where they are.
        """
        for key, value in self.entries.items():
            name = _name_bytes(key[1])
            yield (source, key[0], *add(name), *add(value), _checksum(key[0], name, value or b""))


def joined(positions: Iterable[StoredPosition]) -> StoredPosition | None:
    """Return one position for several that follow one another; None for none."""
    entries: dict[EntryKey, bytes | None] = {}
    is_whole, last = False, None
    for last in positions:
        if last.is_whole:
            entries.clear()
        entries.update(last.entries)
        is_whole = is_whole or last.is_whole
    return last and evolve(last, entries=entries, is_whole=is_whole)


class Entries:
    """The entries of the positions of some sources."""

    def __init__(self, db: sqlite3.Connection, sources: Iterable[int]) -> None:
        [version] = db.execute("PRAGMA user_version").fetchone()
        # A journal of version 1 that no run has gone on with has no such table.
        rows = db.execute(_ENTRIES, (json.dumps([*sources]),)).fetchall() if version > 1 else []
        self._of_source: dict[Any, list[tuple[Any, ...]]] = {}
        for source, *row in rows:
            self._of_source.setdefault(source, []).append(tuple(row))

    def of(self, source: int, count: object) -> dict[str, dict[str, Any]]:
        """Return the members of a source's position that are stored entry by entry.

        Raises:
            ValueError: they are not as they were written.
        """
        if count is None:
            return {}
        rows = self._of_source.get(source, [])
        if len(rows) != count or not all(_is_intact(*row) for row in rows):
            raise ValueError("its entries are not as they were written")
        return self.readable(source)

    def readable(self, source: int) -> dict[str, dict[str, Any]]:
        """Return what can be read of them."""
        members: dict[str, dict[str, Any]] = {}
        for member, name, value, checksum in self._of_source.get(source, ()):
            if _is_intact(member, name, value, checksum):
                members.setdefault(member, {})[name.decode("utf-8", "surrogatepass")] = json.loads(value)
        return members


def _name_bytes(name: str) -> bytes:
    # The name of a file need not be Unicode.
    return name.encode("utf-8", "surrogatepass")


def _checksum(member: str, name: bytes, value: bytes) -> int:
    return crc32(value, crc32(name, crc32(member.encode())))


def _is_intact(member: object, name: object, value: object, checksum: object) -> bool:
    if not isinstance(member, str) or not isinstance(name, bytes) or not isinstance(value, bytes):
        return False
    return _checksum(member, name, value) == checksum
