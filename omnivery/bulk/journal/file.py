"""The file of a journal: made, locked, told from what is none, and never harmed when it is refused."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

from omnivery.errors import ConfigError, JournalError

APPLICATION_ID = 0x6F76_6A6C  # "ovjl"
VERSION = 1
"""Of the tables below. A journal of a later one is refused."""
PAGE = 16 * 1024
"""Bytes. A batch is about 200 kB: with pages of 4 kB it takes half as long again to write it."""
WAL_PAGES = 1024
"""Pages in the write-ahead log before they go to the file. Most of them are bodies that are gone by then."""

_TABLES = """
CREATE TABLE target (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    value TEXT NOT NULL,
    secret INTEGER NOT NULL     -- whether messages must not show it
);
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    identity TEXT NOT NULL,
    position TEXT NOT NULL,
    read INTEGER NOT NULL DEFAULT 0,
    accepted INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    batches INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    retries INTEGER NOT NULL DEFAULT 0,
    elapsed REAL NOT NULL DEFAULT 0,
    last_number INTEGER NOT NULL DEFAULT -1,    -- of its batches
    updated_at REAL NOT NULL
);
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source,
    number INTEGER NOT NULL,    -- of the batch that was read; the parts of a split one share it
    state TEXT NOT NULL,        -- pending, sending, accepted, undelivered; what is rejected has a row of its own
    counted INTEGER NOT NULL,   -- whether its batch is among the source's batches: a request with it has ended
    items INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    created_at REAL NOT NULL,
    settled_at REAL,            -- when it was accepted or given up
    error TEXT,                 -- why it is not delivered
    places TEXT,                -- each item's index and line in the source; NULL once accepted
    ids TEXT NOT NULL,          -- each item's own id, as a JSON array
    body BLOB                   -- the very bytes to send; NULL once accepted
);
-- Every query that is to use it has to say so in these very words, whatever else it says of the state.
CREATE INDEX unsettled ON batch (state, number) WHERE state <> 'accepted';
CREATE TABLE rejection (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source,
    place INTEGER NOT NULL,     -- index in the source, from 0
    line INTEGER,
    item_id TEXT,
    reason TEXT NOT NULL,
    item BLOB,                  -- its bytes, where they can be written
    rejected_at REAL NOT NULL
);
"""


def open_to_write(path: Path) -> tuple[sqlite3.Connection, IO[bytes]]:
    """Open a journal, or make one, for its only writer.

    Returns:
        The connection, and a file that is locked: closing it, or the end of the process however it comes, unlocks.

    Raises:
        ConfigError: somebody else writes to it, or it is no journal, or one of a later version, or damaged, or it
            cannot be written here. Nothing was changed.
    """
    if path.is_dir():
        raise ConfigError(f"journal: {path} is a directory; name a file in it")
    lock = _locked(path)
    try:
        with telling_config(path):
            return _opened(path), lock
    except BaseException:
        lock.close()
        raise


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a journal to look at it, also while somebody writes to it.

    Raises:
        ConfigError: there is none, or it is none, or one of a later version, or damaged.
    """
    if not path.is_file():
        raise ConfigError(f"journal: there is no file {path}")
    with telling_config(path):
        _check_begin(path)
        db = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, isolation_level=None, timeout=30)
        try:
            _check_used(db, path)
        except BaseException:
            db.close()
            raise
        return db


@contextmanager
def telling_config(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say about a journal that cannot be used into words about it."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(f"journal: {_words(path, error)}. Nothing was sent, and the file was not changed.") from error


@contextmanager
def telling_journal(path: Path) -> Iterator[None]:
    """The same for a journal that was good when it was opened."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"journal: {_words(path, error)}. What it holds is safe; submit again with it.") from error


def _words(path: Path, error: Exception) -> str:
    code = getattr(error, "sqlite_errorname", "")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return f"{path} is damaged ({error})"
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")) or isinstance(error, PermissionError):
        return f"{path} cannot be written: check that file and directory exist and are yours to write"
    if code.startswith("SQLITE_FULL"):
        return f"no room is left to write {path}"
    return f"{path}: {error.strerror or error}" if isinstance(error, OSError) else f"{path}: {error}"


def _locked(path: Path) -> IO[bytes]:
    """Take the lock. A file beside the journal has it: to open and close the journal itself would undo SQLite's."""
    name = path.with_name(path.name + "-lock")
    with telling_config(path):
        file = os.fdopen(_private(name, os.O_RDWR), "rb+")
    try:
        _lock(file)
    except OSError:
        file.close()
        raise ConfigError(
            f"journal: {path} is being written by another run, in this process or another: a journal has one writer. "
            "Wait for it to end, or name another journal. Nothing was sent."
        ) from None
    return file


if sys.platform == "win32":

    def _lock(file: IO[bytes]) -> None:
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def _lock(file: IO[bytes]) -> None:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _private(path: Path, flags: int) -> int:
    # What a journal holds are addresses and user agents.
    return os.open(path, os.O_CREAT | flags, 0o600)


def _opened(path: Path) -> sqlite3.Connection:
    _check_begin(path)
    if not path.exists():
        os.close(_private(path, os.O_EXCL | os.O_RDWR))
    elif not os.access(path, os.W_OK):
        raise PermissionError
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    try:
        ours = _is_ours(db, path)
        if ours:
            _check_sound(db, path)
        _set_up(db)
        if not ours:
            _fill(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _check_begin(path: Path) -> None:
    with suppress(FileNotFoundError), path.open("rb") as file:
        begin = file.read(16)
        if begin and begin != b"SQLite format 3\0":
            raise ConfigError(f"journal: {path} is another kind of file. Nothing was sent, and it was not changed.")


def _is_ours(db: sqlite3.Connection, path: Path) -> bool:
    """Whether a database is a journal; False if it is empty, as one is whose making was cut short."""
    found, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not tables and found in {0, APPLICATION_ID}:
        return False
    if found != APPLICATION_ID:
        raise ConfigError(
            f"journal: {path} is a database of another program. Nothing was sent, and it was not changed."
        )
    if version > VERSION:
        raise ConfigError(
            f"journal: {path} was written by a newer version of omnivery (its tables are version {version}, known here "
            f"is {VERSION}): update omnivery, or name another journal. Nothing was sent, and it was not changed."
        )
    return True


def _check_used(db: sqlite3.Connection, path: Path) -> None:
    if not _is_ours(db, path):
        raise ConfigError(f"journal: {path} is empty: nothing was submitted with it")


def _check_sound(db: sqlite3.Connection, path: Path) -> None:
    [fault] = db.execute("PRAGMA quick_check(1)").fetchone()
    if fault != "ok":
        raise ConfigError(f"journal: {path} is damaged ({fault}). Nothing was sent, and the file was not changed.")


def _set_up(db: sqlite3.Connection) -> None:
    # The first two hold for a database without tables, and are without effect later.
    db.execute(f"PRAGMA page_size = {PAGE}")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    # Some builds of SQLite overwrite all that is deleted, in the log as well: twice the writing for each batch. What is
    # gone stays readable in the file for a while, which is its owner's alone.
    db.execute("PRAGMA secure_delete = FAST")
    db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    db.execute("PRAGMA cache_size = -16000")


def _fill(db: sqlite3.Connection, path: Path) -> None:
    # In one transaction: a journal is there as a whole or not at all.
    db.executescript(
        f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {_TABLES} COMMIT;"
    )
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # or a power failure takes the file's name, and with it everything
        finally:
            os.close(folder)
