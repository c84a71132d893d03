"""The database of one emulator's records: in memory, or a file."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omnivery._sqlite.database import Database
from omnivery._sqlite.files import open_file, open_memory
from omnivery._sqlite.paths import resolved
from omnivery.emulator.records.schema import EMULATOR_FILE
from omnivery.errors import OmniveryError

LOCK_TIMEOUT = 1.0
"""Seconds to wait for another emulator that has the file. It has it until it stops, so longer is of no use."""


class RecordDatabase:
    """One connection to SQLite. Any thread may use it; their statements run one after the other.

    Args:
        path: the file, created if missing; None for a database in memory.

    Raises:
        ConfigError: the file cannot be used, or another emulator uses it.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path: Path | None = None if path is None else resolved(path, EMULATOR_FILE.noun)
        """The file; None in memory."""
        self.lock: threading.RLock = threading.RLock()
        """Held while several statements belong together."""
        self._open: Database | None = self._opened()
        self._released = False
        self._users = 0

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self.use() as connection:
            return connection.execute(statement, values).fetchall()

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Execute one statement, in a transaction of its own unless one is open."""
        with self.use() as connection:
            return connection.execute(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit all statements of the block, or none."""
        with self.use() as connection:
            if connection.in_transaction:
                yield connection
                return
            with connection:  # which commits or rolls back
                connection.execute("BEGIN IMMEDIATE")
                yield connection

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """Use the connection, while no other thread does.

        Raises:
            OmniveryError: the disk is full or failed, or the file is damaged.
        """
        with self.lock:
            if self._open is None:
                self._open = self._opened()
            self._users += 1
            try:
                with self._open.use(OmniveryError) as connection:
                    yield connection
            finally:
                self._users -= 1
                self._close_if_unused()

    def release(self) -> None:
        """Let another emulator have the file. A statement opens it again, for as long as it takes."""
        with self.lock:
            self._released = self.path is not None
            self._close_if_unused()

    def acquire(self) -> None:
        """Have the file again.

        Raises:
            ConfigError: the file cannot be used, or another emulator uses it.
        """
        with self.lock:
            self._released = False
            if self._open is None:
                self._open = self._opened()

    def _close_if_unused(self) -> None:
        if self._released and not self._users and self._open is not None:
            self._open.close()
            self._open = None

    def _opened(self) -> Database:
        if self.path is None:
            database = open_memory(EMULATOR_FILE)
        else:
            database = open_file(self.path, EMULATOR_FILE, timeout=LOCK_TIMEOUT)
        # Nobody closes an emulator that only stopped: its records can still be read.
        weakref.finalize(self, database.close)
        return database
