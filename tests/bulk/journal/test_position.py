"""Positions with many entries: a batch writes those that it has changed, and all others are as they were."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from omnivery.bulk.journal.reader import JournalReader
from omnivery.bulk.journal.sql import JournalEntry
from omnivery.bulk.journal.store import JournalStore
from omnivery.bulk.position import EntryKey
from omnivery.bulk.source import ResumePoint
from omnivery.errors import ConfigError
from tests.support.journal_rows import SOURCE, TARGET, as_version_1, at, part, read, rows, spoil, store_of

SCHEMA_1 = Path(__file__).parent / "version_1.sql"
"""The tables of a journal as a release wrote them that knew version 1."""


def named(**values: int) -> dict[EntryKey, Any]:
    return {("files", name): {"line": value} for name, value in values.items()}


def whole(**values: int) -> Any:
    return at({}, entries=named(**values), count=len(values))


def changed(count: int, entries: dict[EntryKey, Any]) -> Any:
    return at({}, entries=entries, count=count, is_whole=False)


def write(store: JournalStore, *positions: Any) -> None:
    """One transaction with a batch at each of these positions."""
    source, _ = store.enter_source(SOURCE)
    store.transact([read(store, source, part(store, "e"), position=one) for one in positions])


def position(path: Path) -> dict[str, Any]:
    with store_of(path) as store, JournalReader.open(path) as reader:
        [point], [state] = store.resume_points(), reader.state().sources
    assert point.position == state.position
    return dict(point.position)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal whose source stands in three files."""
    with store_of(tmp_path / "j") as store:
        store.check_target(TARGET)
        write(store, whole(a=1, b=2, c=3))
    return tmp_path / "j"


def test_a_batch_writes_what_it_has_changed_and_the_rest_stays(path: Path) -> None:
    before = rows(path, "SELECT * FROM position_entry WHERE name <> CAST('b' AS BLOB)")
    with store_of(path) as store:
        write(store, changed(4, named(b=7, d=1)))
    assert position(path) == {"files": {"a": {"line": 1}, "b": {"line": 7}, "c": {"line": 3}, "d": {"line": 1}}}
    kept = "SELECT * FROM position_entry WHERE name IN (CAST('a' AS BLOB), CAST('c' AS BLOB))"
    assert rows(path, kept) == before


def test_what_is_written_does_not_grow_with_the_files(path: Path) -> None:
    """Of 5,000 files each batch wrote 1.3 MB."""
    with store_of(path) as store:
        write(store, whole(**{f"file{n}": n for n in range(5000)}))
        rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        write(store, changed(5000, named(file2500=7)))
        assert path.with_name("j-wal").stat().st_size < 6 * 16_500
    assert position(path)["files"]["file2500"] == {"line": 7}


def test_a_run_that_begins_says_everything_and_writes_what_is_new(path: Path) -> None:
    with store_of(path) as store:
        write(store, whole(b=2, c=9))
    assert position(path) == {"files": {"b": {"line": 2}, "c": {"line": 9}}}


def test_of_several_batches_in_a_transaction_the_last_word_on_each_entry_counts(path: Path) -> None:
    with store_of(path) as store:
        write(
            store,
            changed(4, named(a=2, d=1)),
            whole(b=5, c=6, e=1),
            changed(3, {**named(b=7), ("past", "0"): {"line": 9}, ("files", "c"): None}),
            changed(3, named(b=8)),
        )
    assert position(path) == {"files": {"b": {"line": 8}, "e": {"line": 1}}, "past": {"0": {"line": 9}}}


def test_an_entry_that_is_gone_is_deleted_and_may_come_back(path: Path) -> None:
    gone: dict[EntryKey, Any] = {("files", "a"): None, ("files", "never"): None}
    with store_of(path) as store:
        write(store, changed(2, gone))
    assert position(path) == {"files": {"b": {"line": 2}, "c": {"line": 3}}}
    with store_of(path) as store:
        write(store, changed(3, named(a=5)))
    assert position(path)["files"]["a"] == {"line": 5}


def test_sources_keep_their_entries_apart(path: Path) -> None:
    with store_of(path) as store:
        other, _ = store.enter_source(ResumePoint(name="other"))
        entry = read(store, other, part(store, "e"), position=whole(a=9))
        store.transact([entry, read(store, 1, part(store, "e"), position=changed(3, named(c=4)))])
        first, second = store.resume_points()
    assert first.position == {"files": {"a": {"line": 1}, "b": {"line": 2}, "c": {"line": 4}}}
    assert second.position == {"files": {"a": {"line": 9}}}


@pytest.mark.parametrize("name", ["caf\udce9.log", "ü€𝄞", "nul\x00byte", "", "it's", 'quote"\\', "a" * 5000])
def test_any_name_and_any_text_is_kept(path: Path, name: str) -> None:
    value = {"text": f"{name.encode('utf-8', 'replace').decode()}\x00", "list": [1, None]}
    with store_of(path) as store:
        write(store, changed(4, {("files", name): value}))
    assert position(path)["files"][name] == value


def test_a_source_that_says_all_in_one_text_has_no_entries(path: Path) -> None:
    with store_of(path) as store:
        write(store, at({"files": {"b": 1}, "items": 7}))
        [point] = store.resume_points()
    assert point.position == {"files": {"b": 1}, "items": 7}


def test_what_goes_with_the_batch_goes_without_it_too(path: Path) -> None:
    """A position of a batch that is not written would pass over its items."""
    with store_of(path) as store:
        source, _ = store.enter_source(SOURCE)
        entry = read(store, source, part(store, "e"), position=changed(3, named(a=100)))
        poisoned = read(store, source, part(store, "e", row="no number"), position=changed(3, named(b=100)))
        with pytest.raises(Exception, match="journal"):
            store.transact([entry, poisoned])
    assert position(path) == {"files": {"a": {"line": 1}, "b": {"line": 2}, "c": {"line": 3}}}


DAMAGE = {
    "an entry is gone": "DELETE FROM position_entry WHERE name = CAST('b' AS BLOB)",
    "an entry is another": "UPDATE position_entry SET value = '{\"line\":1}' WHERE name = CAST('b' AS BLOB)",
    "an entry is no JSON": "UPDATE position_entry SET value = '{' WHERE name = CAST('b' AS BLOB)",
    "an entry has another name": "UPDATE position_entry SET name = CAST('x' AS BLOB) WHERE name = CAST('b' AS BLOB)",
    "a name is text": "UPDATE position_entry SET name = 'b' WHERE name = CAST('b' AS BLOB)",
    "an entry is of another member": "UPDATE position_entry SET member = 'past' WHERE name = CAST('b' AS BLOB)",
    "an entry is of another source": "UPDATE position_entry SET source = 2 WHERE name = CAST('b' AS BLOB)",
    "the count is another": "UPDATE source SET position_entries = 4",
    "the count is no number": "UPDATE source SET position_entries = 'x'",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_position_that_is_not_as_it_was_written_is_refused(path: Path, damage: str) -> None:
    """Without the place in a file, all of it would be read and sent again."""
    spoil(path, damage)
    words = r"row 1 of its sources, source, does not say how far it was read"
    with store_of(path) as store, pytest.raises(ConfigError, match=words):
        store.resume_points()
    with JournalReader.open(path) as reader:
        [source] = reader.state().sources
    assert source.position["files"]["a"] == {"line": 1}


# Journals of version 1


def tables(db: sqlite3.Connection) -> set[str]:
    """The statements that have made them, without comments and layout."""
    found = db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {re.sub(r"\s+", "", re.sub("--.*", "", sql)) for [sql] in found}


def test_a_journal_of_version_1_is_read_and_gone_on_with(path: Path) -> None:
    expected = position(path)
    as_version_1(path)
    with closing(sqlite3.connect(path)) as db, closing(sqlite3.connect(":memory:")) as first:
        first.executescript(SCHEMA_1.read_text())
        assert tables(db) == tables(first)
    with JournalReader.open(path) as reader:
        [state] = reader.state().sources
        assert (state.position, state.read) == (expected, 1)
    assert rows(path, "PRAGMA user_version") == [(1,)], "to look at it leaves it to the release that wrote it"
    with store_of(path) as store:
        [point] = store.resume_points()
        assert point.position == expected
        write(store, whole(a=1, b=5, c=3))
    assert position(path) == {"files": {"a": {"line": 1}, "b": {"line": 5}, "c": {"line": 3}}}
    assert rows(path, "SELECT position, position_entries FROM source") == [("{}", 3)]


def test_a_journal_of_version_1_that_nothing_was_added_to_keeps_its_position(path: Path) -> None:
    """A run may find nothing new, or be killed before its first batch."""
    expected = position(path)
    as_version_1(path)
    for _ in range(2):
        with store_of(path) as store:
            store.enter_source(SOURCE)
            store.transact([JournalEntry(delta=read(store, 1).delta)])
            [point] = store.resume_points()
            assert point.position == expected


def test_a_journal_of_version_1_that_is_refused_is_left_as_it_is(path: Path) -> None:
    as_version_1(path)
    spoil(path, "UPDATE source SET read = read + 1")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is damaged"):
        JournalStore.open(path)
    assert path.read_bytes() == before
    assert rows(path, "PRAGMA user_version") == [(1,)]
