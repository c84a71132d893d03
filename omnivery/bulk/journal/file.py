"""The file of a journal: its tables, and how it is opened by its only writer and by readers."""

from __future__ import annotations

import os
from pathlib import Path

from omnivery._sqlite.database import Database, Interruption
from omnivery._sqlite.files import open_file, open_to_read
from omnivery._sqlite.kind import FileKind, Upgrade, explained, refusal
from omnivery._sqlite.own_files import JOURNAL_ID, is_no_database
from omnivery._sqlite.paths import create_file, resolved
from omnivery.bulk.journal.lock import LockedError, WriterLock
from omnivery.errors import ConfigError

PAGE = 16 * 1024
"""Bytes. A batch is about 200 kB: with pages of 4 kB it takes half as long again to write it."""
WAL_PAGES = 1024
"""Pages in the write-ahead log before they go to the file. Most of them are bodies that are deleted by then."""
TIMEOUT = 30.0
"""Seconds to wait for a lock of SQLite's. Only other programs hold one for long, such as a backup."""

_SCHEMA = (
    """
    CREATE TABLE target (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        value TEXT NOT NULL,
        secret INTEGER NOT NULL     -- whether messages must not show it
    )
    """,
    """
    CREATE TABLE source (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,  -- as a BLOB if it is not Unicode
        identity TEXT NOT NULL,
        identity_checksum INTEGER NOT NULL,         -- CRC-32, as all checksums
        position TEXT NOT NULL,
        position_checksum INTEGER NOT NULL,
        read INTEGER NOT NULL DEFAULT 0,
        accepted INTEGER NOT NULL DEFAULT 0,
        rejected INTEGER NOT NULL DEFAULT 0,
        batches INTEGER NOT NULL DEFAULT 0,
        requests INTEGER NOT NULL DEFAULT 0,
        retries INTEGER NOT NULL DEFAULT 0,
        elapsed REAL NOT NULL DEFAULT 0,
        last_number INTEGER NOT NULL DEFAULT -1,    -- of its batches
        updated_at REAL NOT NULL
    )
    """,
    """
    CREATE TABLE batch (
        id INTEGER PRIMARY KEY,
        source INTEGER NOT NULL REFERENCES source,
        number INTEGER NOT NULL,    -- of the batch that was read; the parts of a split one share it
        state TEXT NOT NULL,        -- pending, sending, accepted, undelivered, or unknown
        counted INTEGER NOT NULL,   -- whether its batch is among the batches of its source, because a request has ended
        items INTEGER NOT NULL,
        place INTEGER NOT NULL,     -- index of its first item in the source
        attempts INTEGER NOT NULL,
        created_at REAL NOT NULL,
        settled_at REAL,            -- when it was accepted or given up
        error TEXT,                 -- why it is undelivered or unknown
        checksum INTEGER NOT NULL,  -- of places and body
        ids_checksum INTEGER NOT NULL,
        digest BLOB,                -- of what is sent for its one item, where no body is kept
        places TEXT,                -- index and line of each item in the source, and files; NULL once accepted
        ids TEXT NOT NULL,          -- the id of each item, as a JSON array
        body BLOB                   -- the bytes to send; NULL once accepted, or where a digest is kept instead
    )
    """,
    # A query uses a partial index only if it repeats the condition of the index in these words.
    "CREATE INDEX unsettled ON batch (state, number) WHERE state <> 'accepted'",
    "CREATE INDEX settled ON batch (settled_at) WHERE state = 'accepted'",
    "CREATE INDEX placed ON batch (source, place) WHERE digest IS NOT NULL",
    """
    CREATE TABLE rejection (
        id INTEGER PRIMARY KEY,
        source INTEGER NOT NULL REFERENCES source,
        place INTEGER NOT NULL,     -- index in the source
        line INTEGER,
        item_id TEXT,
        reason TEXT NOT NULL,
        digest BLOB,
        item BLOB,                  -- its bytes, where they can and may be kept
        rejected_at REAL NOT NULL
    )
    """,
    "CREATE INDEX rejected ON rejection (source, place) WHERE digest IS NOT NULL",
)

_ENTRIES = Upgrade(
    statements=(
        """
        CREATE TABLE position_entry (       -- what a batch has changed in a position that has many entries
            source INTEGER NOT NULL REFERENCES source,
            member TEXT NOT NULL,           -- of the position, which is a JSON object: "files"
            name BLOB NOT NULL,             -- in it; UTF-8, and more than that where a file's name is not Unicode
            value TEXT NOT NULL,            -- as JSON
            checksum INTEGER NOT NULL,      -- of member, name and value
            PRIMARY KEY (source, member, name)
        ) WITHOUT ROWID
        """,
        # How many rows of that table a source has; NULL where `position` is all of it.
        "ALTER TABLE source ADD COLUMN position_entries INTEGER",
    ),
    tables=frozenset({"position_entry"}),
)
"""A journal of version 1 has all of each position in `source.position`."""
_FILES = Upgrade(statements=("ALTER TABLE rejection ADD COLUMN file TEXT",))
"""A journal of version 2 does not say which file a rejected item is from, nor does `batch.places`."""

JOURNAL = FileKind(
    noun="journal",
    refused="Nothing was sent, and the file was not changed.",
    damaged=(
        "Nothing was sent that it does not have, and what it holds was left as it is. Copy its files, have "
        "`omnivery bots export` print what is not delivered, and go on with another journal."
    ),
    application_id=int.from_bytes(JOURNAL_ID),
    version=3,
    schema=_SCHEMA,
    tables=frozenset({"target", "source", "batch", "rejection"}),
    upgrades={2: _ENTRIES, 3: _FILES},
    layout=(f"page_size = {PAGE}", "auto_vacuum = INCREMENTAL"),
    settings=(
        # FULL: what was committed survives a power failure. A request leaves only after the commit that mentions it.
        "synchronous = FULL",
        # Some builds of SQLite overwrite all that is deleted, in the log as well: twice the writing for each batch.
        # Deleted bytes stay readable in the file for a while, which is its owner's alone.
        "secure_delete = FAST",
        f"wal_autocheckpoint = {WAL_PAGES}",
        "cache_size = -16000",
        # For each subquery of a transaction SQLite prepares a table, which it mostly leaves empty. To prepare one that
        # could become a file takes ten times as long.
        "temp_store = MEMORY",
        # A page is checked as it is read: nothing is written on what a damaged one says.
        "cell_size_check = ON",
    ),
)


def open_to_write(
    path: str | os.PathLike[str], *, interruption: Interruption | None = None
) -> tuple[Database, WriterLock]:
    """Open a journal, or create one, for its only writer.

    Raises:
        ConfigError: somebody else writes to it, or it is no journal, or one of a later version, or damaged, or it
            cannot be written here. It was not changed.
    """
    where = resolved(path, JOURNAL.noun)
    create_file(where, JOURNAL)
    lock = _locked(where)
    try:
        return open_file(where, JOURNAL, timeout=TIMEOUT, interruption=interruption), lock
    except BaseException:
        lock.discard() if is_no_database(where) else lock.release()
        raise


def open_for_reader(path: str | os.PathLike[str]) -> Database:
    """Open a journal to read it, also while somebody writes to it.

    Raises:
        ConfigError: there is none, or it is none, or one of a later version, or damaged.
    """
    return open_to_read(resolved(path, JOURNAL.noun), JOURNAL, timeout=TIMEOUT)


def _locked(path: Path) -> WriterLock:
    with explained(path, JOURNAL, ConfigError, JOURNAL.refused):
        try:
            return WriterLock.take(path)
        except LockedError:
            words = (
                "is being written by another run, in this process or another, and a journal has one writer: wait for "
                "it to end, or name another journal"
            )
            raise refusal(path, JOURNAL, words) from None
