"""Opens SQLite files. A file that is refused is not changed."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

from omnivery._sqlite.database import Connection, Database, Interruption, when_free
from omnivery._sqlite.kind import FileKind, explained, refusal
from omnivery._sqlite.own_files import NAMES
from omnivery._sqlite.paths import check_names, create_file, sync_directory
from omnivery.errors import ConfigError, OmniveryError

_IDENTIFY = """
SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master),
    (SELECT group_concat(name) FROM sqlite_master WHERE type = 'table')
FROM pragma_application_id, pragma_user_version
"""


def open_file(path: Path, kind: FileKind, *, timeout: float, interruption: Interruption | None = None) -> Database:
    """Open a file for reading and writing, in WAL mode. Create it with mode 0600 if it does not exist.

    Args:
        path: from `resolved`.
        kind: the expected kind of file.
        timeout: seconds to wait while another process has it locked.
        interruption: interrupts the opening, and later the statements on the file.

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
    """Open a file for reading, also while another process writes to it.

    Raises:
        ConfigError: it does not exist, is of another kind, damaged or empty, or was written by a newer release.
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


def upgrade(connection: sqlite3.Connection, kind: FileKind) -> None:
    """Bring the tables of an open file to the version of this release. Earlier releases refuse the file from then on.

    Opening it does not do that, so that a file in which something else turns out to be wrong is left as it was.
    """
    if _version_of(connection) == kind.version:
        return
    with connection:  # which commits or rolls back
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have been first.
        for statement in kind.statements_after(_version_of(connection)):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {kind.version}")


def _version_of(connection: sqlite3.Connection) -> int:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def open_temporary(kind: FileKind) -> Database:
    """Create a temporary file of SQLite, which no other process can open and which is deleted when it is closed.

    Raises:
        OmniveryError: it cannot be created.
    """
    return _create_unnamed("", Path("(temporary)"), kind)


def open_memory(kind: FileKind) -> Database:
    """Create a database in memory, which is gone when it is closed.

    Raises:
        OmniveryError: it cannot be created.
    """
    return _create_unnamed(":memory:", Path("(memory)"), kind)


def _create_unnamed(name: str, path: Path, kind: FileKind) -> Database:
    with explained(path, kind, OmniveryError, kind.refused):
        database = _connect(name, path, kind, None)
        try:
            with database.use(OmniveryError, kind.refused) as connection:
                for pragma in (*kind.layout, *kind.settings):
                    connection.execute(f"PRAGMA {pragma}")
                for statement in kind.statements_after(0):
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
    # Check before any pragma: even a change of mode would be written into a foreign file.
    if is_new := _is_empty(connection, path, kind):
        for pragma in kind.layout:
            connection.execute(f"PRAGMA {pragma}")
    [mode] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise refusal(path, kind, "needs a file system with shared memory: choose a local disk")
    for pragma in kind.settings:
        connection.execute(f"PRAGMA {pragma}")
    with connection:  # which commits or rolls back
        # In a transaction, so that one process creates all tables or none.
        connection.execute("BEGIN IMMEDIATE")
        if _is_empty(connection, path, kind):
            for statement in kind.statements_after(0):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {kind.application_id}")
            connection.execute(f"PRAGMA user_version = {kind.version}")
        # It fails at once on a read-only file, where `BEGIN IMMEDIATE` alone succeeds.
        connection.execute(f"DELETE FROM {min(kind.tables)} WHERE FALSE")  # noqa: S608  # our own words
    if is_new:
        sync_directory(path.parent)


def _is_empty(connection: sqlite3.Connection, path: Path, kind: FileKind) -> bool:
    """Return whether a file has no content yet.

    Raises:
        ConfigError: its content is not of this kind, or cannot be used.
    """
    # One statement, so that no other process creates the tables in between.
    application, version, count, tables = connection.execute(_IDENTIFY).fetchone()
    if not count and application in {0, kind.application_id}:
        return True
    if application != kind.application_id:
        found = NAMES.get(application.to_bytes(4, signed=True), "an SQLite file")
        raise refusal(path, kind, f"is {found}, but no {kind.noun}: name another file")
    if version > kind.version:
        words = f"its tables are version {version}, this release knows version {kind.version}"
        raise refusal(path, kind, f"was written by a newer release ({words}): upgrade omnivery, or name another file")
    if not kind.tables_of(version) <= {*(tables or "").split(",")}:
        raise refusal(path, kind, "is damaged: some of its tables are missing")
    return False
