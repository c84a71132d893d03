"""An open file: for one process, interrupted from another thread, and with errors in words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define, field

from omnivery._fork import register_fork_reset
from omnivery._sqlite.kind import FileKind, explained
from omnivery.errors import ConfigError, OmniveryError

_STEPS = 100_000
"""Steps of SQLite's virtual machine between two looks at an interruption that came between two statements."""


class Interruption:
    """Ends what a connection is doing, from another thread: its statement fails, and its transaction is rolled back."""

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
        """Let statements run again."""
        self._interrupted = False

    def is_interrupted(self) -> bool:
        """Whether `interrupt` was called since the last `clear`."""
        return self._interrupted

    def check(self) -> None:
        """Fail as an interrupted statement does, if `interrupt` was called since the last `clear`."""
        if self._interrupted:
            error = sqlite3.OperationalError("interrupted")
            error.sqlite_errorcode = sqlite3.SQLITE_INTERRUPT
            error.sqlite_errorname = "SQLITE_INTERRUPT"
            raise error

    def attach(self, connection: sqlite3.Connection) -> None:
        """Have it concern this connection."""
        self._connection = connection
        # SQLite interrupts only what runs at that moment: a statement that began just after it must end as well.
        connection.set_progress_handler(self.is_interrupted, _STEPS)


@define(kw_only=True, eq=False)
class Database:
    """An open file, for the process that opened it."""

    path: Path
    """Absolute, without symbolic links."""
    kind: FileKind
    interruption: Interruption = field(repr=False)
    _connection: sqlite3.Connection | None = field(alias="connection", repr=False)
    _process: int = field(init=False, factory=os.getpid, repr=False)
    _inherited: sqlite3.Connection | None = field(init=False, default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        register_fork_reset(self)

    @property
    def is_own(self) -> bool:
        """Whether this process opened it, and not one that it was forked from."""
        return self._process == os.getpid()

    def check_process(self) -> None:
        """Make sure that this process opened it.

        Raises:
            ConfigError: one did that it was forked from.
        """
        if not self.is_own:
            # SQLite's locks belong to the process that opened the file, and protect nothing in its children.
            raise ConfigError(
                f"{self.kind.noun}: {self.path} was opened before a fork: open it in each process that uses it"
            )

    @contextmanager
    def use(self, error: type[OmniveryError], aftermath: str = "") -> Iterator[sqlite3.Connection]:
        """Have the connection for a block, and turn what SQLite raises in it into words.

        Args:
            error: what to raise then.
            aftermath: what holds then, as a sentence.

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
        """Close the file. A second time, or in a forked child, does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def reset_after_fork(self) -> None:
        """Keep the parent's connection without using it: to close it here would undo the parent's locks."""
        self._inherited, self._connection = self._connection, None
