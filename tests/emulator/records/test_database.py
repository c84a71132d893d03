"""The database of the records: in memory, or a file that one emulator has at a time."""

from __future__ import annotations

import gc
import sqlite3
import threading
from pathlib import Path

import pytest

from omnivery.emulator.records.database import RecordDatabase
from omnivery.errors import ConfigError

INSERT = "INSERT INTO settings VALUES (?, ?)"


def test_a_transaction_is_whole_or_nothing(database: RecordDatabase) -> None:
    def half() -> None:
        with database.transaction():
            database.execute(INSERT, "a", "1")
            with database.transaction():
                database.execute(INSERT, "b", "2")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert database.rows("SELECT * FROM settings") == []


def test_threads_take_turns(database: RecordDatabase) -> None:
    def write(name: str) -> None:
        for number in range(50):
            with database.transaction():
                database.execute(INSERT, f"{name}{number}", "")

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.rows("SELECT count(*) FROM settings") == [(100,)]


def test_a_file_keeps_what_was_written(tmp_path: Path) -> None:
    one = RecordDatabase(tmp_path / "emulator.db")
    one.execute(INSERT, "a", "1")
    one.release()
    other = RecordDatabase(tmp_path / "emulator.db")
    assert other.rows("SELECT * FROM settings") == [("a", "1")]
    other.release()
    assert one.rows("SELECT * FROM settings") == [("a", "1")], "it is opened again when it is needed"
    assert other.rows("SELECT * FROM settings") == [("a", "1")], "and closed again"
    one.acquire()
    one.release()


def test_two_emulators_cannot_have_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnivery.emulator.records.database.LOCK_TIMEOUT", 0.02)
    one = RecordDatabase(tmp_path / "emulator.db")
    one.execute(INSERT, "a", "1")
    with pytest.raises(ConfigError, match="another emulator or program uses it"):
        RecordDatabase(tmp_path / "emulator.db")
    one.release()


def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE mine (x)")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"is an SQLite file, but no emulator.s file"):
        RecordDatabase(path)
    assert path.read_bytes() == before


def test_a_forgotten_database_is_closed() -> None:
    """An emulator is stopped, never closed: what it recorded can be read as long as someone has it."""
    connections = [RecordDatabase().execute("SELECT 1").connection]
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connections[0].execute("SELECT 1")
