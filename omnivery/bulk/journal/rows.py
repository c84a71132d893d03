"""Rows of a journal as values, and the other way round. What is damaged is named, and never guessed at."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from omnivery import codec
from omnivery._sqlite.kind import refusal
from omnivery.bulk.journal.file import JOURNAL
from omnivery.bulk.journal.position import Entries
from omnivery.bulk.journal.values import checksum_of, storable, unpacked
from omnivery.bulk.part import StoredPart
from omnivery.bulk.report import Rejection
from omnivery.bulk.source import ResumePoint
from omnivery.errors import ConfigError

_SOURCES = """
SELECT id, name, read, accepted, rejected, last_number, batches, requests, retries, typeof(elapsed) FROM source
ORDER BY id
"""
_UNSETTLED = """
SELECT source, sum(items), min(CASE WHEN typeof(number) <> 'integer' OR typeof(items) <> 'integer'
    OR items < 1 OR state NOT IN ('pending', 'sending', 'undelivered', 'unknown') THEN id END)
FROM batch WHERE state <> 'accepted' GROUP BY source
"""


def check_sound(db: sqlite3.Connection, path: Path) -> None:
    """Make sure that a journal adds up.

    It reads the sources, and the rows that are not accepted: what a run goes on with. Their content is checked when it
    is claimed. Accepted rows are left alone: there may be millions.

    Raises:
        ConfigError: it does not.
    """
    open_items: dict[int, int] = {}
    for source, items, damaged in db.execute(_UNSETTLED):
        if damaged is not None:
            raise _damaged(path, f"row {damaged} of its batches holds a state or a number that none can have")
        open_items[source] = items
    for row, name, *numbers, kind in db.execute(_SOURCES):
        if kind not in {"integer", "real"} or not all(type(number) is int for number in numbers):
            raise _damaged(path, f"row {row} of its sources, {shown(name)}, holds what is no number")
        read, accepted, rejected = numbers[:3]
        accounted = accepted + rejected + open_items.pop(row, 0)
        if read != accounted:
            words = f"of {shown(name)} {read:,} items were read, and it accounts for {accounted:,}"
            raise _damaged(path, words)
    if open_items:
        raise _damaged(path, "it has batches of a source that it does not know")


def part_of(row: tuple[Any, ...]) -> StoredPart:
    """A part that was claimed.

    Raises:
        ValueError: it is not as it was written. The words say what is wrong, and quote nothing of it.
    """
    row_id, source, number, counted, items, checksum, ids_checksum, places, ids, body = row
    if type(items) is not int:
        raise ValueError("its number of items is none")
    if not isinstance(body, bytes):
        raise ValueError("the bytes to send are missing")
    if not isinstance(places, bytes) or checksum_of(places, body) != checksum:
        raise ValueError("the bytes to send, or their places in the source, are not as they were written")
    if not isinstance(ids, bytes) or ids_checksum != crc32(ids):
        raise ValueError("the ids of its items are not as they were written")
    indices, lines, *files = codec.loads(places)
    return StoredPart(
        row=row_id,
        source=source,
        number=number,
        counted=bool(counted),
        indices=unpacked(indices, items),
        lines=None if lines is None else unpacked(lines, items),
        ids=unpacked(codec.loads(ids), items),
        body=body,
        files=[(place, file) for place, file in files[0]] if files else (),
    )


def damage_in(row: object, items: object, damage: ValueError) -> str:
    """What is said of a row of batches that is damaged, instead of its items."""
    return f"row {row} of the journal's batches is damaged, with {items} items: {damage}"


def ids_of(row: int, ids: object, checksum: object) -> tuple[str, ...]:
    """The ids of those items of a part that have one.

    Raises:
        ValueError: they are not as they were written.
    """
    if not isinstance(ids, bytes) or crc32(ids) != checksum:
        raise ValueError(f"row {row} of its batches is damaged: the ids of its items are not as they were written")
    return tuple(one for one in codec.loads(ids) if one is not None)


def point_of(row: tuple[Any, ...], entries: Entries, path: Path) -> ResumePoint:
    """A source, and how far it was read.

    Raises:
        ConfigError: the row is damaged.
    """
    row_id, name, identity, identity_checksum, position, position_checksum, count = row
    known, reached = _object_in(identity, identity_checksum), _object_in(position, position_checksum)
    try:
        members = entries.of(row_id, count)
    except ValueError:
        members = None
    if known is None or reached is None or members is None or not isinstance(name, str | bytes):
        raise _damaged(path, f"row {row_id} of its sources, {shown(name)}, does not say how far it was read")
    return ResumePoint(name=name_of(name), identity=known, position={**reached, **members})


def source_values(point: ResumePoint) -> tuple[str | bytes, str, int, str, int]:
    """Name, identity and position as they are stored, with their checksums."""
    try:
        point.name.encode()
    except UnicodeEncodeError:
        # The name of a file that is not UTF-8. A BLOB is another value than any text.
        name: str | bytes = point.name.encode("utf-8", "surrogatepass")
    else:
        name = point.name
    # Python's own module, since orjson refuses half a surrogate pair, which such a name has.
    identity, position = json.dumps(dict(point.identity)), json.dumps(dict(point.position))
    return name, identity, crc32(identity.encode()), position, crc32(position.encode())


def name_of(stored: object) -> str:
    """The name of a source."""
    if not isinstance(stored, bytes):
        return str(stored)
    try:
        return stored.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # it is damaged
        return stored.decode("utf-8", "backslashreplace")


def shown(stored: object) -> str:
    """The name of a source, for people."""
    return storable(name_of(stored))


def rejection_columns(db: sqlite3.Connection) -> str:
    """The columns of a rejection, for `rejection_of`."""
    [version] = db.execute("PRAGMA user_version").fetchone()
    # A journal of version 2 that no run has gone on with has no such column.
    return f"rejection.id, place, line, item_id, reason, {'file' if version > 2 else 'NULL'}"  # noqa: PLR2004


def rejection_of(row: tuple[Any, ...]) -> Rejection:
    """A rejection: of its `rejection_columns`. What is damaged says so in its reason."""
    row_id, place, line, item_id, reason, file = row
    texts = isinstance(item_id, str | None) and isinstance(file, str | None)
    whole_row = type(place) is int and isinstance(line, int | None) and texts
    if not whole_row or not isinstance(reason, str):
        reason = f"row {row_id} of the journal's rejections is damaged"
    return Rejection(
        index=place if type(place) is int else -1,
        line=line if isinstance(line, int) else None,
        file=file if isinstance(file, str) else None,
        event_id=item_id if isinstance(item_id, str) else None,
        reason=reason,
    )


def object_of(text: str | bytes) -> Mapping[str, Any] | None:
    """The JSON object in a text; None if there is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _object_in(text: object, checksum: object) -> Mapping[str, Any] | None:
    return object_of(text) if isinstance(text, bytes) and crc32(text) == checksum else None


def _damaged(path: Path, words: str) -> ConfigError:
    advice = "`omnivery bots export` prints what it holds and is not delivered"
    return refusal(path, JOURNAL, f"is damaged: {words}; {advice}")
