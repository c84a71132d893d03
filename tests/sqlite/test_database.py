"""An open file: one process's, interrupted from another thread, and with errors in words."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from omnivery._sqlite.database import Database, Interruption
from omnivery._sqlite.files import open_file
from omnivery._sqlite.kind import FileKind
from omnivery.errors import ConfigError, JournalError

ENDLESS = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number) SELECT max(n) FROM number"
SLOW = f"SELECT sum(length(hex(zeroblob(5000000 + n)))) FROM ({ENDLESS.replace('max(n)', 'n')} LIMIT 500)"
"""Some seconds in steps that are few and long."""
SECRET = "alice@example.com"


@pytest.fixture
def database(tmp_path: Path, kind: FileKind) -> Iterator[Database]:
    made = open_file(tmp_path / "notes", kind, timeout=0.0)
    yield made
    made.close()


def count(database: Database) -> int:
    with database.use(JournalError) as connection:
        [found] = connection.execute("SELECT count(*) FROM note").fetchone()
    assert isinstance(found, int)
    return found


def test_errors_in_a_block_are_told_as_the_caller_s_own(database: Database) -> None:
    told = pytest.raises(JournalError, match=r"^notebook: .* failed: SQLITE_ERROR\. Go on\.$")
    with told, database.use(JournalError, "Go on.") as connection:
        connection.execute("SELECT 1 FROM nowhere")


def test_a_damaged_row_is_told_without_its_text(database: Database) -> None:
    with database.use(JournalError) as connection:
        connection.execute("INSERT INTO note (words) VALUES (CAST(x'ff' || ? AS TEXT))", (SECRET,))
    damaged = pytest.raises(JournalError, match="failed: OperationalError, as for damaged text")
    with damaged as told, database.use(JournalError) as connection:
        connection.execute("SELECT words FROM note").fetchall()
    assert SECRET not in str(told.value)


def test_a_lock_of_another_connection_is_told(database: Database) -> None:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        locked = pytest.raises(JournalError, match="failed: another process kept it locked")
        with locked, database.use(JournalError) as connection:
            connection.execute("DELETE FROM note")


def test_a_statement_waits_until_another_process_lets_go(tmp_path: Path, kind: FileKind) -> None:
    database = open_file(tmp_path / "notes", kind, timeout=30.0)
    with closing(sqlite3.connect(database.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.2, other.execute, ["ROLLBACK"]).start()
        with database.use(JournalError) as connection:
            connection.execute("INSERT INTO note (words) VALUES ('x')")
    assert count(database) == 1
    database.close()


def test_a_statement_that_waits_for_another_process_is_interrupted(tmp_path: Path, kind: FileKind) -> None:
    """SQLite itself would wait on, and Ctrl-C would wait with it."""
    database = open_file(tmp_path / "notes", kind, timeout=30.0)
    began = time.monotonic()
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.2, database.interruption.interrupt).start()
        interrupted = pytest.raises(JournalError, match="the operation was interrupted")
        with interrupted, database.use(JournalError) as connection:
            connection.execute("DELETE FROM note")
    assert time.monotonic() - began < 25
    database.close()


def test_a_closed_file_says_so_and_is_closed_twice(database: Database) -> None:
    database.close()
    database.close()
    with pytest.raises(ConfigError, match=r"^notebook: .* is closed$"):
        count(database)


def test_no_repr_shows_more_than_the_name(database: Database) -> None:
    assert "connection" not in repr(database)
    assert str(database.path) in repr(database)


# Interruption


@pytest.mark.parametrize("statement", [ENDLESS, SLOW])
def test_a_statement_is_ended_from_another_thread(database: Database, statement: str) -> None:
    threading.Timer(0.1, database.interruption.interrupt).start()
    interrupted = pytest.raises(JournalError, match="the operation was interrupted")
    with interrupted, database.use(JournalError) as connection:
        connection.execute(statement).fetchall()


def test_what_is_interrupted_between_two_statements_ends_with_the_next(database: Database) -> None:
    """SQLite's own interruption concerns what runs at that moment, and nothing later."""
    with database.use(JournalError) as connection:
        connection.execute("SELECT 1").fetchall()
        database.interruption.interrupt()
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            connection.execute(ENDLESS)


def test_once_interrupted_nothing_begins_until_it_is_cleared(database: Database) -> None:
    database.interruption.interrupt()
    assert database.interruption.is_interrupted()
    for _ in range(2):
        with pytest.raises(JournalError, match="the operation was interrupted"):
            count(database)
    database.interruption.clear()
    assert (database.interruption.is_interrupted(), count(database)) == (False, 0)


def test_an_interrupted_transaction_is_rolled_back(database: Database) -> None:
    def write_and_hang() -> None:
        with database.use(JournalError) as connection, connection:
            connection.execute("BEGIN")
            connection.execute("INSERT INTO note (words) VALUES ('x')")
            threading.Timer(0.1, database.interruption.interrupt).start()
            connection.execute(ENDLESS)

    with pytest.raises(JournalError, match="interrupted"):
        write_and_hang()
    database.interruption.clear()
    assert count(database) == 0


def test_an_interruption_may_come_before_there_is_a_connection_and_after_it_was_closed(
    tmp_path: Path, kind: FileKind
) -> None:
    interruption = Interruption()
    interruption.interrupt()
    with pytest.raises(ConfigError, match="interrupted"):
        open_file(tmp_path / "notes", kind, timeout=0.0, interruption=interruption)
    interruption.clear()
    open_file(tmp_path / "notes", kind, timeout=0.0, interruption=interruption).close()
    interruption.interrupt()


# Forks


def in_a_child(work: object) -> int:
    """The exit status of a forked child that does some work: 0 if that returns True."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # one that hangs is killed
        try:
            os._exit(0 if callable(work) and work() is True else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def connections() -> int:
    """How many there are in this process. One that nobody refers to is closed."""
    gc.collect()
    # By type: isinstance() asks lazy proxies of other libraries for their class, and these have their objects made.
    alive = [one for one in gc.get_objects() if issubclass(type(one), sqlite3.Connection)]
    for one in alive:
        assert one.total_changes >= 0, "it raises if it is closed"
    return len(alive)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_neither_uses_nor_closes_its_parent_s_file(database: Database) -> None:
    """SQLite's locks are the process's that opened it: in a child they protect nothing."""
    before = connections()

    def child() -> bool:
        said = ""
        try:
            count(database)
        except ConfigError as error:
            database.close()
            said = str(error)
        return "was opened before a fork" in said and not database.is_own and connections() == before

    assert in_a_child(child) == 0

    with database.use(JournalError) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert in_a_child(child) == 0
        locked = pytest.raises(sqlite3.OperationalError, match="locked")
        with closing(sqlite3.connect(database.path, timeout=0.0)) as other, locked:
            other.execute("DELETE FROM note")
        connection.execute("ROLLBACK")
    assert (database.is_own, count(database)) == (True, 0)
