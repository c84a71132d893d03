"""Damage: a row that is not as it was written is named, the rest goes on or is refused whole, and nothing is harmed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.bulk.journal.reader import JournalReader
from omnivery.bulk.journal.store import JournalStore
from omnivery.bulk.part import PartState
from omnivery.bulk.report import Rejection
from omnivery.bulk.source import ResumePoint
from omnivery.errors import ConfigError, JournalError, OmniveryError
from tests.support.journal_rows import SOURCE, cut, drain, ended, full, part, read, rows, settled, spoil, store_of

TEXTS = ("state", "places", "ids", "body", "error")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with pending batches 2, 3 and 4, an undelivered one, and messages."""
    full(tmp_path / "j")
    return tmp_path / "j"


DAMAGED_PART = {
    "the body is other bytes": "body = x'00'",
    "the body is missing": "body = NULL",
    "the body is cut short": "body = substr(body, 1, 3)",
    "the body is text": "body = CAST(body AS TEXT)",
    "one byte of the body is another": "body = CAST(replace(CAST(body AS TEXT), 'item 8', 'item 7') AS BLOB)",
    "the places are no JSON": "places = '{'",
    "the places are missing": "places = NULL",
    "the places are of another part": "places = '[12,null]'",
    "the ids are no JSON": "ids = 'nothing'",
    "the ids are of another kind": "ids = '{}'",
    "the ids are too few": """ids = '["e8"]'""",
    "the ids are no Unicode": "ids = CAST(x'ff' AS TEXT)",
    "an id is another": "ids = replace(ids, 'e8', 'e7')",
    "a checksum is another": "checksum = 1",
    "a checksum is no number": "ids_checksum = 'x'",
}


@pytest.mark.parametrize("damage", DAMAGED_PART.values(), ids=DAMAGED_PART.keys())
def test_a_damaged_part_is_named_and_set_aside_and_the_rest_goes_on(path: Path, damage: str) -> None:
    assert spoil(path, f"UPDATE batch SET {damage} WHERE number = 2") == 1
    before = rows(path, "SELECT places, CAST(ids AS BLOB), body FROM batch WHERE number = 2")
    with store_of(path) as store:
        claimed = drain(store)
        [failure] = store.take_damaged()
        assert store.take_damaged() == []
        known = store.totals().failures
    assert [one.number for parts in claimed for one in parts] == [3, 4]
    assert (failure.batch, failure.events) == (2, 4)
    [row] = rows(path, "SELECT id FROM batch WHERE number = 2")[0]
    assert f"row {row} of the journal's batches is damaged, with 4 items" in str(failure.error)
    assert str(failure.error) in [str(one.error) for one in known]
    assert rows(path, "SELECT places, CAST(ids AS BLOB), body FROM batch WHERE number = 2") == before
    with JournalReader.open(path) as reader:
        told = [one.reason for one in reader.undelivered(cut) if one.item is None and one.index is None]
        assert told == [str(failure.error)]
        # The law holds: it counts among what is undelivered.
        state = reader.state()
    assert (state.read, state.accepted, state.rejected) == (25, 5, 1)
    assert (state.undelivered, state.pending) == (4 + 4 + 1, 4 + 3 + 1)


REFUSED = {
    "a state that is none": "UPDATE batch SET state = 'odd' WHERE number = 2",
    "a state that is a number": "UPDATE batch SET state = 5 WHERE number = 2",
    "no number of items": "UPDATE batch SET items = 'many' WHERE number = 2",
    "fewer than no items": "UPDATE batch SET items = -4 WHERE number = 2",
    "a number that is text": "UPDATE batch SET number = 'two' WHERE number = 2",
    "other items than were read": "UPDATE batch SET items = 3 WHERE number = 2",
    "a batch that is gone": "DELETE FROM batch WHERE number = 2",
    "a batch of an unknown source": "UPDATE batch SET source = 99 WHERE number = 2",
    "a count that is no number": "UPDATE source SET accepted = 'x'",
    "a count that is another": "UPDATE source SET read = read + 1",
    "a count that nobody needs and that is no number": "UPDATE source SET requests = 'x'",
    "a time that is none": "UPDATE source SET elapsed = 'x'",
    "a table that is gone": "DROP TABLE rejection",
    "a table that is gone since version 2": "DROP TABLE position_entry",
}


@pytest.mark.parametrize("damage", REFUSED.values(), ids=REFUSED.keys())
def test_a_journal_that_does_not_add_up_is_refused_whole(path: Path, damage: str) -> None:
    """Whatever a run made of it would be wrong. Nothing is written, and what it holds can be printed."""
    spoil(path, damage)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"is damaged|failed: SQLITE_ERROR") as caught:
        JournalStore.open(path)
    assert "Nothing was sent" in str(caught.value)
    assert path.read_bytes() == before
    if "DROP" not in damage:
        with JournalReader.open(path) as reader:
            assert [one.item for one in reader.undelivered(cut)].count(b"item 12") == 1


@pytest.mark.parametrize("column", ["position", "identity"])
@pytest.mark.parametrize("value", ["{", "[]", '{"offset":-5}', "nothing", "", b"\xff", 7])
def test_a_source_whose_place_is_damaged_is_refused(path: Path, column: str, value: object) -> None:
    """To read on at a wrong place would lose events or send them twice."""
    spoil(path, f"UPDATE source SET {column} = ?", value)
    words = r"row 1 of its sources, source, does not say how far it was read"
    with store_of(path) as store, pytest.raises(ConfigError, match=words):
        store.resume_points()
    with JournalReader.open(path) as reader:
        assert reader.state().read == 25


def test_a_rejection_that_is_damaged_is_named(path: Path) -> None:
    spoil(path, "UPDATE rejection SET reason = x'00', line = 'seven', place = 'first', item_id = x'05', item = 'text'")
    with JournalReader.open(path) as reader:
        [problem] = reader.rejected()
    with store_of(path) as store:
        [rejection] = store.totals().rejections
    assert problem.reason == rejection.reason == "row 1 of the journal's rejections is damaged"
    assert (problem.item, problem.index, problem.line, problem.item_id) == (None, -1, None, None)


@pytest.mark.parametrize("damage", ["ids = 'x'", "ids = x'ff'", "ids_checksum = NULL + 1", "settled_at = 'x'"])
def test_acceptances_that_are_damaged_are_named(path: Path, damage: str) -> None:
    if "NULL" in damage:
        damage = "ids_checksum = 1"
    spoil(path, f"UPDATE batch SET {damage} WHERE number = 0")
    with JournalReader.open(path) as reader, pytest.raises(ConfigError, match="row 1 of its batches"):
        list(reader.accepted())


# Whatever else may be wrong with it

VALUES: list[Any] = [None, 0, -1, 2**63 - 1, 1.5, float("inf"), "", "x", "{", "[]", "\x00", b"", b"\xff\x00", b"{}"]
TABLES = ("source", "batch", "rejection", "target", "position_entry")


def everything(path: Path) -> None:
    """What a run, and each command, does with a journal."""
    with JournalReader.open(path) as reader:
        looks: list[Callable[[], object]] = [
            reader.target,
            reader.state,
            reader.totals,
            lambda: list(reader.accepted()),
            lambda: list(reader.rejected()),
            lambda: list(reader.unknown()),
            lambda: list(reader.undelivered(cut)),
        ]
        for look in looks:
            told(look)
    with store_of(path) as store:
        told(store.resume_points)
        told(lambda: store.enter_source(ResumePoint(name="source")))
        told(store.totals)
        told(lambda: store.items_at(1, 0, 100))
        told(lambda: drain(store))
        told(store.requeue_undelivered)
        told(lambda: store.prune(0))


def told(work: Callable[[], object]) -> None:
    with suppress(OmniveryError):
        work()


@given(table=st.sampled_from(TABLES), column=st.integers(0, 16), value=st.sampled_from(VALUES))
@settings(max_examples=60, deadline=None)
def test_no_value_in_any_column_comes_out_as_a_foreign_error(
    tmp_path_factory: pytest.TempPathFactory, table: str, column: int, value: object
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "j"
    full(path)
    names = [row[1] for row in rows(path, f"PRAGMA table_info({table})")]
    with suppress(sqlite3.IntegrityError):  # NOT NULL and UNIQUE say no to some
        spoil(path, f"UPDATE {table} SET {names[column % len(names)]} = ?", value)
    told(lambda: everything(path))


@pytest.mark.parametrize("seed", range(40))
def test_no_damaged_page_comes_out_as_a_foreign_error(path: Path, seed: int) -> None:
    """Bytes as a failing disk gives them back, anywhere in the file."""
    random = Random(seed)
    told(lambda: store_of(path).__enter__().close())
    data = bytearray(path.read_bytes())
    for _ in range(random.choice((1, 8, 64))):
        start = random.randrange(len(data))
        length = random.choice((1, 16, 4096))
        data[start : start + length] = random.randbytes(min(length, len(data) - start))
    path.write_bytes(data)
    told(lambda: everything(path))


def damage_of_the_free_pages(path: Path) -> None:
    """Have the list of free pages name a page that is in use: nothing that an opening reads shows it."""
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[16:18])
    trunk = int.from_bytes(data[32:36])
    assert trunk, "there is no free page"
    start = (trunk - 1) * size + 8
    data[start : start + 40] = (3).to_bytes(4) * 10
    path.write_bytes(data)


def test_damage_that_no_opening_sees_stops_what_meets_it_and_harms_nothing(path: Path) -> None:
    """SQLite would have to read the whole file to find it, and an opening must be quick."""
    store = JournalStore.open(path)
    source, _ = store.enter_source(SOURCE)
    large = part(store, *map(str, range(3000)), body=b"x" * 500_000)
    store.transact([read(store, source, large, number=100)])
    store.transact([settled(source, ended(large, PartState.ACCEPTED), number=100)])
    # As a kill leaves it: a close of its own would give the free pages back.
    store._file.close()
    store._lock.release()
    damage_of_the_free_pages(path)
    kept = "SELECT id, state, items, CAST(ids AS BLOB), body FROM batch ORDER BY id"
    before = rows(path, kept)
    store = JournalStore.open(path)
    source, _ = store.enter_source(SOURCE)

    def read_on() -> None:
        for _ in range(60):
            one = part(store, *map(str, range(500)), body=b"x" * 50_000)
            store.transact([read(store, source, one)])
            before.append(rows(path, kept)[-1])

    with pytest.raises(JournalError, match="failed: it is damaged") as told_so:
        read_on()
    with suppress(JournalError):
        store.close()
    assert "go on with another journal" in str(told_so.value), "to submit again with it would never get further"
    assert rows(path, kept) == before
    with JournalReader.open(path) as reader:
        assert sum(len(batch.item_ids) for batch in reader.accepted()) > 3000
        assert list(reader.undelivered(cut))


def test_a_reader_that_is_slow_holds_up_no_writer(path: Path) -> None:
    """A transaction that is open keeps the write-ahead log from being used again: it grew by all that was written."""
    with store_of(path) as store, JournalReader.open(path) as reader:
        source, _ = store.enter_source(SOURCE)
        wrong = [(Rejection(index=0, reason="wrong"), b"y")] * 5
        store.transact([settled(source, rejected=wrong, number=next(store.numbers))])
        for iterator in (reader.rejected(), reader.accepted(), reader.undelivered(cut)):
            assert next(iterator) is not None  # and the reader does something else for hours
            for _ in range(60):
                one = part(store, *map(str, range(500)), body=b"x" * 1_000_000)
                store.transact([read(store, source, one, number=next(store.numbers))])
                store.transact([settled(source, ended(one, PartState.ACCEPTED))])
            assert path.with_name("j-wal").stat().st_size < 40_000_000
