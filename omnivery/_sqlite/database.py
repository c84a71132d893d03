"""An open SQLite file: used by one process, interrupted from other threads, and with errors as messages."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field

from omnivery._fork import register_fork_reset
from omnivery._sqlite.kind import FileKind, explained
from omnivery._sqlite.own_files import OPEN
from omnivery.errors import ConfigError, OmniveryError

T = TypeVar("T")

PAUSE = 0.01
"""Seconds between two tries while another process has a file locked."""
_STEPS = 100_000
"""Steps of SQLite's virtual machine after which a statement checks whether it was interrupted before it began."""


class Interruption:
    """Interrupts a connection from another thread: its statement fails, and its transaction is rolled back."""

    def __init__(self) -> None:
        self._interrupted = False
        self._connection: sqlite3.Connection | None = None

    def interrupt(self) -> None:
        """End the statement that runs now, and every later one until `clear`. Safe in any thread."""
        self._interrupted = True
        if (connection := self._connection) is not None:
            with suppress(sqlite3.ProgrammingError):  # it was closed meanwhile
                connection.interrupt()

    def clear(self) -> None:
        """Allow statements again."""
        self._interrupted = False

    def is_interrupted(self) -> bool:
        """Whether `interrupt` was called since the last `clear`."""
        return self._interrupted

    def check(self) -> None:
        """Raise the error of an interrupted statement, if `interrupt` was called since the last `clear`."""
        if self._interrupted:
            error = sqlite3.OperationalError("interrupted")
            error.sqlite_errorcode = sqlite3.SQLITE_INTERRUPT
            error.sqlite_errorname = "SQLITE_INTERRUPT"
            raise error

    def attach(self, connection: sqlite3.Connection) -> None:
        """Use it for this connection."""
        self._connection = connection
        # SQLite interrupts only the running statement. The handler also ends one that begins just afterwards.
        connection.set_progress_handler(self.is_interrupted, _STEPS)

    def detach(self) -> None:
        """Let go of the connection, which was closed: each refers to the other."""
        self._connection = None


class Connection(sqlite3.Connection):
    """Waits for other processes' locks by itself: SQLite's own waiting is ended by no interruption, nor by Ctrl-C."""

    timeout: float = 0.0
    """Seconds for which a statement outside of a transaction waits. One inside waits for nothing: it has the lock."""
    interruption: Interruption

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.interruption = Interruption()

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """Execute a statement as soon as no other process is in its way."""
        return self._when_free(partial(super().execute, *arguments))

    def executescript(self, script: str, /) -> sqlite3.Cursor:
        """Execute a script of one statement as soon as no other process is in its way."""
        return self._when_free(partial(super().executescript, script))

    def _when_free(self, work: Callable[[], T]) -> T:
        return work() if self.in_transaction else when_free(work, self.timeout, self.interruption)


def when_free(work: Callable[[], T], timeout: float, interruption: Interruption) -> T:
    """Do some work again and again until no other process is in its way.

    Raises:
        sqlite3.OperationalError: one was for all the time, or the work was interrupted.
    """
    end = time.monotonic() + timeout
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", 0)
            if code & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        interruption.check()
        time.sleep(PAUSE)


@define(kw_only=True, eq=False)
class Database:
    """An open SQLite file, usable only in the process that opened it."""

    path: Path
    """Absolute, without symbolic links."""
    kind: FileKind
    interruption: Interruption = field(repr=False)
    _connection: Connection | None = field(alias="connection", repr=False)
    _process: int = field(init=False, factory=os.getpid, repr=False)
    _inherited: Connection | None = field(init=False, default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        register_fork_reset(self)
        OPEN[id(self)] = self.path

    @property
    def is_own(self) -> bool:
        """Whether this process opened it, and not the parent of a fork."""
        return self._process == os.getpid()

    def check_process(self) -> None:
        """Check that this process opened it.

        Raises:
            ConfigError: it was opened before a fork.
        """
        if not self.is_own:
            # SQLite's locks belong to the process that opened the file, and protect nothing in its children.
            raise ConfigError(
                f"{self.kind.noun}: {self.path} was opened before a fork: open it in each process that uses it"
            )

    def wait_for_locks(self, seconds: float) -> None:
        """Have statements wait for so long while another process has the file locked."""
        if self._connection is not None:
            self._connection.timeout = seconds

    @contextmanager
    def use(self, error: type[OmniveryError], aftermath: str = "") -> Iterator[sqlite3.Connection]:
        """Return a context manager that yields the connection, and converts SQLite's exceptions from its block.

        Args:
            error: the type of exception to raise instead.
            aftermath: the state of the file afterwards, as a sentence for the message.

        Raises:
            ConfigError: it was closed, or opened before a fork.
        """
        self.check_process()
        if self._connection is None:
            raise ConfigError(f"{self.kind.noun}: {self.path} is closed")
        with explained(self.path, self.kind, error, aftermath):
            self.interruption.check()
            yield self._connection

    def close(self) -> None:
        """Close the file. Idempotent; in a forked child it does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            OPEN.pop(id(self), None)
            self.interruption.detach()

    def reset_after_fork(self) -> None:
        """Keep the parent's connection, unused: closing it here would release the parent's locks."""
        self._inherited, self._connection = self._connection, None
