"""The file of a verdict store: its tables, how it is opened or created, and SQLite's errors in our words."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from omnivery.errors import ConfigError, OmniveryError

APPLICATION_ID = int.from_bytes(b"ovvs")
"""What SQLite's header says about whose file it is: "ovvs", an Omnivery verdict store."""
VERSION = 1
"""Of the tables below."""
SETTINGS = ("synchronous=FULL", "cache_size=-65536", "wal_autocheckpoint=32768")
"""Of each connection: the promise of `add`; up to 64 MiB of cache; and 128 MiB that the write-ahead log grows to. Ids
without an order spread over the whole index: the more of its pages stay at hand, and the longer they are gathered, the
fewer are read and written. With SQLite's own sizes, `add` was measured at little more than half the speed."""

# A forgotten call keeps its row: its token tells a repeat, and its verdicts without an id stay counted. `body` and
# `request` come last, so that reading the rest does not read them.
TABLES = """
CREATE TABLE calls (
    seq INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, received_at REAL NOT NULL, without_id INTEGER NOT NULL,
    body BLOB
);
CREATE INDEX calls_with_body ON calls (received_at) WHERE body IS NOT NULL;
CREATE TABLE verdicts (
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, is_bot INTEGER, signed_at INTEGER NOT NULL,
    first_received_at REAL NOT NULL, received_at REAL NOT NULL, repeats INTEGER NOT NULL DEFAULT 0,
    request TEXT NOT NULL
);
"""
IDENTIFY = """
SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)
FROM pragma_application_id, pragma_user_version
"""

REASONS = {
    sqlite3.SQLITE_BUSY: "another process kept it locked",
    sqlite3.SQLITE_CANTOPEN: "it, or a file beside it, cannot be opened",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_NOTADB: "it is no SQLite file, or damaged",
    sqlite3.SQLITE_READONLY: "it is read-only",
}
"""SQLite's primary result codes in words, https://www.sqlite.org/rescode.html. Its own words may quote a row."""


def open_file(path: Path, timeout: float) -> sqlite3.Connection:
    """Open a store's file, or create one; whatever else is found there is left as it was.

    Raises:
        ConfigError: it cannot be created or written, is no verdict store, is damaged, or is of a newer release.
    """
    if path.is_dir():
        raise ConfigError(f"the verdict store {path} is a folder: name a file")
    try:
        # Not opened when it is there: closing it would take away the locks that another store of this process holds.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise ConfigError(f"the verdict store {path} cannot be created: {error.strerror}") from None
    with explained(path, ConfigError):
        database = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
        try:
            _prepare(database, path, timeout)
        except BaseException:
            database.close()
            raise
    return database


@contextmanager
def explained(path: Path, kind: type[OmniveryError]) -> Iterator[None]:
    """Turn SQLite's errors into one of ours, without their text: it may quote a row."""
    try:
        yield
    except sqlite3.Error as error:
        # The lower byte is the primary code. Errors of Python's module itself have none.
        code = getattr(error, "sqlite_errorcode", None)
        reason = type(error).__name__ if code is None else REASONS.get(code & 0xFF, error.sqlite_errorname)
        raise kind(f"the verdict store {path} failed: {reason}") from None


def _prepare(database: sqlite3.Connection, path: Path, timeout: float) -> None:
    # Asked before anything is set: even a change of mode would be written into somebody else's file.
    _is_empty(database, path)
    _use_wal(database, path, timeout)
    for setting in SETTINGS:
        database.execute(f"PRAGMA {setting}")
    with database:
        database.execute("BEGIN IMMEDIATE")
        if _is_empty(database, path):
            for statement in TABLES.split(";"):
                database.execute(statement)
        # Written in any case: it shows at once whether the file can be.
        database.execute(f"PRAGMA application_id={APPLICATION_ID}")
        database.execute(f"PRAGMA user_version={VERSION}")


def _is_empty(database: sqlite3.Connection, path: Path) -> bool:
    """Say whether there is nothing in a file yet.

    Raises:
        ConfigError: it holds what is not ours to use.
    """
    # One statement, so that no other process makes the store between two answers.
    application, version, tables = database.execute(IDENTIFY).fetchone()
    if application == version == tables == 0:
        return True
    if application != APPLICATION_ID:
        raise ConfigError(f"{path} is no verdict store, but another SQLite file: name another")
    if version > VERSION:
        raise ConfigError(f"the verdict store {path} was written by a newer release: upgrade omnivery")
    return False


def _use_wal(database: sqlite3.Connection, path: Path, timeout: float) -> None:
    end = time.monotonic() + timeout
    while True:
        try:
            mode = database.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            # When two connections change the mode of a new file, SQLite refuses one at once, whatever its timeout.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise ConfigError(f"the verdict store {path} needs a file system with shared memory: choose a local disk")
