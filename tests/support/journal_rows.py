"""What the tests of the journal's blocking half share: parts, what is written of them, and a journal with all kinds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from omnivery import codec
from omnivery.bulk.journal.position import StoredPosition
from omnivery.bulk.journal.rows import source_values
from omnivery.bulk.journal.sql import JournalEntry
from omnivery.bulk.journal.store import JournalStore
from omnivery.bulk.journal.values import checksum_of
from omnivery.bulk.part import BatchDelta, Part, PartState, SettledPart
from omnivery.bulk.position import PositionDelta
from omnivery.bulk.report import Rejection
from omnivery.bulk.source import ResumePoint
from omnivery.bulk.target import RunTarget

TARGET = RunTarget({"hook": "https://example.com/secret", "server": "http://x"}, secret=frozenset({"hook"}))
SOURCE = ResumePoint(name="source", identity={"bytes": 3}, position={"items": 0})


@contextmanager
def store_of(path: Path, **options: Any) -> Iterator[JournalStore]:
    """A journal that is open, and is closed as a run closes it."""
    store = JournalStore.open(path, **options)
    try:
        yield store
    finally:
        store.close()


def cut(body: bytes) -> Iterator[bytes]:
    """The items of a body: here they are its lines."""
    return iter(body.splitlines())


def part(store: JournalStore, *ids: str | None, first: int = 0, **fields: Any) -> Part[Any]:
    """A part with a body of a line for each item."""
    body = b"\n".join(b"item %d" % (first + number) for number in range(len(ids)))
    values: dict[str, Any] = {
        "indices": range(first, first + len(ids)),
        "ids": list(ids),
        "body": body,
        "row": next(store.rows),
    }
    return Part(items=[None] * len(ids), **(values | fields))


def message(store: JournalStore, place: int, digest: bytes = b"digest") -> Part[Any]:
    """A part of which a journal keeps a digest."""
    return Part(items=[None], indices=[place], ids=[None], body=b"Dear Ann", digest=digest, row=next(store.rows))


def at(position: dict[str, Any], **fields: Any) -> StoredPosition:
    """A position, or what has changed in it."""
    return StoredPosition.of(PositionDelta(rest=position, **fields))


def read(store: JournalStore, source: int, *parts: Part[Any], number: int | None = None, **fields: Any) -> JournalEntry:
    """Parts that were read from the source, and that go out."""
    delta = BatchDelta(
        number=next(store.numbers) if number is None else number,
        source=source,
        counted=False,
        unfinished=True,
        opened=parts,
    )
    items = sum(len(one.items) for one in parts)
    values: dict[str, Any] = {"delta": delta, "read": items, "position": at({"items": items})}
    return JournalEntry(**(values | fields))


def settled(
    source: int,
    *ended: SettledPart,
    number: int = 0,
    rejected: Sequence[tuple[Rejection, bytes | None]] = (),
    opened: Sequence[Part[Any]] = (),
    **fields: Any,
) -> JournalEntry:
    """What became of parts, in one request for each."""
    known: dict[str, Any] = {"counted": True, "unfinished": False, "batches": 1, "requests": len(ended)}
    delta = BatchDelta(number=number, source=source, ended=ended, rejected=rejected, opened=opened, **(known | fields))
    return JournalEntry(delta=delta)


def ended(part: Part[Any], state: PartState, **fields: Any) -> SettledPart:
    given: dict[str, Any] = {"attempts": 1} | fields
    return SettledPart(part=part, state=state, **given)


def full(path: Path) -> None:
    """A journal that a crash has left, with everything in it that there can be: rows 1 to 5 and 11 hold items, 6 to 10
    messages."""
    for ending, content in _full().items():
        path.with_name(path.name + ending).write_bytes(content)


@cache
def _full() -> dict[str, bytes]:
    with TemporaryDirectory() as folder, store_of(Path(folder, "j")) as store:
        store.check_target(TARGET)
        source, _ = store.enter_source(SOURCE)
        parts = [part(store, *(f"e{4 * number + one}" for one in range(4)), first=4 * number) for number in range(5)]
        mails = [message(store, place) for place in range(20, 25)]
        entries = [read(store, source, one) for one in (*parts, *mails)]
        store.transact(entries)
        rejection = Rejection(index=16, line=17, event_id="e16", reason="wrong")
        store.transact(
            [
                settled(source, ended(parts[0], PartState.ACCEPTED), number=0),
                settled(source, ended(parts[1], PartState.UNDELIVERED, error="gone"), number=1),
                settled(source, ended(parts[2], PartState.PENDING), number=2),
                settled(
                    source,
                    ended(parts[4], PartState.REPLACED),
                    number=4,
                    rejected=[(rejection, b"item 16")],
                    opened=[part(store, "e17", "e18", "e19", first=17)],
                ),
                settled(source, ended(mails[0], PartState.ACCEPTED, ids=["<m@example.com>"]), number=5),
                settled(source, ended(mails[1], PartState.UNKNOWN, error="lost"), number=6),
                settled(source, ended(mails[2], PartState.PENDING), number=7),
                settled(source, ended(mails[3], PartState.UNDELIVERED, error="refused"), number=8),
            ]
        )
        return {ending: store.path.with_name("j" + ending).read_bytes() for ending in ("", "-wal")}


def rows(path: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What a query finds in a journal."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query, values).fetchall()


def states(path: Path) -> dict[int, str]:
    """The state of each batch, by its number."""
    return dict(rows(path, "SELECT number, state FROM batch ORDER BY id"))


def spoil(path: Path, statement: str, *values: object) -> int:
    """Damage a journal that nobody has open; return how many rows were."""
    with closing(sqlite3.connect(path)) as db, db:
        return db.execute(statement, values).rowcount


def drain(store: JournalStore) -> list[Any]:
    """All that it gives out to be sent."""
    return list(iter(store.claim_next, []))


def as_version_1(path: Path) -> None:
    """Make a journal that nobody has open one as releases wrote it that had all of a position in one text."""
    with store_of(path) as store:
        points = store.resume_points()
    with closing(sqlite3.connect(path)) as db, db:
        for point in points:
            name, _, _, position, checksum = source_values(point)
            db.execute(
                "UPDATE source SET position = ?, position_checksum = ? WHERE name = ?", (position, checksum, name)
            )
        _forget_files(db)
        db.execute("DROP TABLE position_entry")
        db.execute("ALTER TABLE source DROP COLUMN position_entries")
        db.execute("PRAGMA user_version = 1")


def as_version_2(path: Path) -> None:
    """Make a journal that nobody has open one as releases wrote it that did not keep the files of items."""
    with closing(sqlite3.connect(path)) as db, db:
        _forget_files(db)
        db.execute("PRAGMA user_version = 2")


def _forget_files(db: sqlite3.Connection) -> None:
    for row, places, body in db.execute("SELECT id, places, body FROM batch WHERE places IS NOT NULL").fetchall():
        without = codec.dumps(codec.loads(places)[:2])
        values = (without.decode(), checksum_of(without, body), row)
        db.execute("UPDATE batch SET places = ?, checksum = ? WHERE id = ?", values)
    db.execute("ALTER TABLE rejection DROP COLUMN file")
