"""Opening a file. One that is refused is left as it was."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

from omnivery._sqlite.database import Connection, Database, Interruption, when_free
from omnivery._sqlite.kind import FileKind, explained, refusal
from omnivery._sqlite.paths import check_names, create_file, sync_directory
from omnivery.errors import ConfigError, OmniveryError

_IDENTIFY = """
SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master),
    (SELECT group_concat(name) FROM sqlite_master WHERE type = 'table')
FROM pragma_application_id, pragma_user_version
"""


def open_file(path: Path, kind: FileKind, *, timeout: float, interruption: Interruption | None = None) -> Database:
    """Open a file to read and write, or create one for its owner alone (mode 0600), in WAL mode.

    Args:
        path: from `resolved`.
        kind: what it has to be.
        timeout: seconds to wait while another process has it locked.
        interruption: ends the opening, and later whatever the file is used for.

    Raises:
        ConfigError: it cannot be created or written, is of another kind, is damaged, or was written by a newer
            release. It was not changed.
    """
    create_file(path, kind)
    with explained(path, kind, ConfigError, kind.refused):
        database = _connect(str(path), path, kind, interruption)
        try:
            with database.use(ConfigError, kind.refused) as connection:
                when_free(partial(_prepare, connection, path, kind), timeout, database.interruption)
        except BaseException:
            database.close()
            raise
    database.wait_for_locks(timeout)
    return database


def open_to_read(path: Path, kind: FileKind, *, timeout: float, interruption: Interruption | None = None) -> Database:
    """Open a file to read it, also while another process writes.

    Raises:
        ConfigError: there is none, or it is of another kind, damaged, empty, or of a newer release.
    """
    if not path.is_file():
        raise ConfigError(f"{kind.noun}: there is no file {path}")
    check_names(path, kind)
    with explained(path, kind, ConfigError, kind.refused):
        database = _connect(f"{path.as_uri()}?mode=ro", path, kind, interruption)
        try:
            with database.use(ConfigError, kind.refused) as connection:
                is_empty = when_free(partial(_is_empty, connection, path, kind), timeout, database.interruption)
        except BaseException:
            database.close()
            raise
    if is_empty:
        database.close()
        raise refusal(path, kind, "is empty")
    database.wait_for_locks(timeout)
    return database


def open_temporary(kind: FileKind) -> Database:
    """Create a file of SQLite's own, which nobody else can open and which is gone when it is closed.

    Raises:
        OmniveryError: there is no room for it.
    """
    path = Path("(temporary)")
    with explained(path, kind, OmniveryError, kind.refused):
        database = _connect("", path, kind, None)
        try:
            with database.use(OmniveryError, kind.refused) as connection:
                for pragma in kind.settings:
                    connection.execute(f"PRAGMA {pragma}")
                for statement in kind.schema:
                    connection.execute(statement)
        except BaseException:
            database.close()
            raise
    return database


def _connect(name: str, path: Path, kind: FileKind, interruption: Interruption | None) -> Database:
    connection = sqlite3.connect(
        name,
        timeout=0.0,
        isolation_level=None,
        check_same_thread=False,
        uri=name.startswith("file:"),
        factory=Connection,
    )
    connection.interruption = interruption = interruption or Interruption()
    interruption.attach(connection)
    return Database(path=path, kind=kind, interruption=interruption, connection=connection)


def _prepare(connection: sqlite3.Connection, path: Path, kind: FileKind) -> None:
    # Asked before anything is set: even a change of mode would be written into somebody else's file.
    if is_new := _is_empty(connection, path, kind):
        for pragma in kind.layout:
            connection.execute(f"PRAGMA {pragma}")
    [mode] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise refusal(path, kind, "needs a file system with shared memory: choose a local disk")
    for pragma in kind.settings:
        connection.execute(f"PRAGMA {pragma}")
    with connection:  # which commits or rolls back
        # All tables or none are created, by one process.
        connection.execute("BEGIN IMMEDIATE")
        if _is_empty(connection, path, kind):
            for statement in kind.schema:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {kind.application_id}")
            connection.execute(f"PRAGMA user_version = {kind.version}")
        # It fails at once if the file is read-only, for which `BEGIN IMMEDIATE` only reads.
        connection.execute(f"DELETE FROM {min(kind.tables)} WHERE FALSE")  # noqa: S608  # our own words
    if is_new:
        sync_directory(path.parent)


def _is_empty(connection: sqlite3.Connection, path: Path, kind: FileKind) -> bool:
    """Say whether there is nothing in a file yet.

    Raises:
        ConfigError: it holds what is not ours to use.
    """
    # One statement, so that no other process creates the tables in between.
    application, version, count, tables = connection.execute(_IDENTIFY).fetchone()
    if not count and application in {0, kind.application_id}:
        return True
    if application != kind.application_id:
        raise refusal(path, kind, f"is no {kind.noun}, but another SQLite file: name another")
    if version > kind.version:
        words = f"its tables are version {version}, known here is {kind.version}"
        raise refusal(path, kind, f"was written by a newer release ({words}): upgrade omnivery, or name another file")
    if not kind.tables <= {*(tables or "").split(",")}:
        raise refusal(path, kind, "is damaged: some of its tables are not there")
    return False
