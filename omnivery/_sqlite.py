"""SQLite files of ours: opened or created, told apart from other files, and SQLite's errors in words.

A file that is refused is left as it was. No error quotes what a file holds.
"""

from __future__ import annotations

import math
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from attrs import define, field, frozen

from omnivery._fork import register_fork_reset
from omnivery.errors import ConfigError, OmniveryError

Identity: TypeAlias = tuple[int, int]
"""Device and inode: what a file is under all of its names."""

REASONS = {
    sqlite3.SQLITE_BUSY: "another process kept it locked",
    sqlite3.SQLITE_CANTOPEN: "it, or a file beside it, cannot be opened",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_FULL: "the disk is full, no room is left",
    sqlite3.SQLITE_INTERRUPT: "the operation was interrupted",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_NOMEM: "no memory is left",
    sqlite3.SQLITE_NOTADB: "it is no SQLite file, or damaged",
    sqlite3.SQLITE_READONLY: "it is read-only: it cannot be written here",
    sqlite3.SQLITE_TOOBIG: "a value is larger than SQLite can store",
}
"""SQLite's primary result codes in words, https://www.sqlite.org/rescode.html. Its own words may quote a row."""

_IDENTIFY = """
SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master),
    (SELECT group_concat(name) FROM sqlite_master WHERE type = 'table')
FROM pragma_application_id, pragma_user_version
"""
_STEPS = 100_000
"""Steps of SQLite's virtual machine between two looks at an interruption that came between two statements."""


@frozen(kw_only=True)
class FileKind:
    """One kind of file: how messages call it, what marks it as ours, and what stands in it."""

    noun: str
    refused: str
    """What holds when a file is refused, as a sentence."""
    application_id: int
    """In SQLite's header: whose file it is."""
    version: int
    """Of the tables, in SQLite's header as `user_version`. A file of a later one is refused."""
    schema: tuple[str, ...]
    """Statements that create the tables."""
    tables: frozenset[str]
    """Names of the tables."""
    layout: tuple[str, ...] = ()
    """Pragmas of a new file, which must come before its first table."""
    settings: tuple[str, ...] = ()
    """Pragmas of each connection that writes."""


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
            if self.interruption.is_interrupted():
                raise _interrupted()
            yield self._connection

    def close(self) -> None:
        """Close the file. A second time, or in a forked child, does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def reset_after_fork(self) -> None:
        """Keep the parent's connection without using it: to close it here would undo the parent's locks."""
        self._inherited, self._connection = self._connection, None


def resolved(path: str | os.PathLike[str], noun: str) -> Path:
    """Return the file that a path names, whatever the working directory will be: absolute, without symbolic links.

    Args:
        path: what the caller gave.
        noun: how messages call the file.

    Raises:
        ConfigError: it is empty, a directory, a name that SQLite takes for no file, or cannot be followed.
    """
    name = os.fspath(path)
    if not isinstance(name, str) or not name or "\0" in name:
        raise ConfigError(f"{noun}: expected the path of a file, not {name!r}")
    if name.startswith((":", "file:")):
        raise ConfigError(f"{noun}: {name!r} would be a database in memory, or a URI: name a file on disk")
    try:
        found = Path(os.path.realpath(name))
        if found.is_dir():
            raise ConfigError(f"{noun}: {found} is a folder: name a file in it")
    except OSError as error:
        raise ConfigError(f"{noun}: {name} cannot be found: {error.strerror}") from None
    return found


def create_file(path: Path, kind: FileKind) -> None:
    """Create an empty file, unless there is one, for its owner alone (mode 0600). `open_file` does it as well.

    Raises:
        ConfigError: it cannot be created, or what is there cannot be used.
    """
    try:
        # Not opened if it is there: to close it would undo the locks of this process's other connections to it.
        with suppress(FileExistsError):
            os.close(create_private(path, os.O_EXCL))
        if not stat.S_ISREG(path.stat().st_mode):
            raise refusal(path, kind, "is no regular file: name another")
    except OSError as error:
        raise refusal(path, kind, f"cannot be created: {error.strerror}") from None
    check_names(path, kind)


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
        database = _connect(str(path), path, kind, timeout, interruption)
        try:
            with database.use(ConfigError, kind.refused) as connection:
                _prepare(connection, path, kind, timeout)
        except BaseException:
            database.close()
            raise
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
        database = _connect(f"{path.as_uri()}?mode=ro", path, kind, timeout, interruption)
        try:
            with database.use(ConfigError, kind.refused) as connection:
                is_empty = _is_empty(connection, path, kind)
        except BaseException:
            database.close()
            raise
    if is_empty:
        database.close()
        raise refusal(path, kind, "is empty")
    return database


def open_temporary(kind: FileKind) -> Database:
    """Create a file of SQLite's own, which nobody else can open and which is gone when it is closed.

    Raises:
        OmniveryError: there is no room for it.
    """
    path = Path("(temporary)")
    with explained(path, kind, OmniveryError, kind.refused):
        database = _connect("", path, kind, 0.0, None)
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


@contextmanager
def explained(path: Path, kind: FileKind, error: type[OmniveryError], aftermath: str = "") -> Iterator[None]:
    """Turn SQLite's errors, and the system's, into one of ours, without their text: it may quote a row."""
    try:
        yield
    except (sqlite3.Error, OSError) as cause:
        words = f"{kind.noun}: {path} failed: {reason_of(cause)}"
        raise error(f"{words}. {aftermath}" if aftermath else words) from None


def reason_of(error: sqlite3.Error | OSError) -> str:
    """What is the matter, in words that hold nothing of a file's content."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    # The lower byte is the primary code. Errors of Python's own module have none, such as for text that is no UTF-8.
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return f"{type(error).__name__}, as for damaged text"
    primary = code & 0xFF
    words = REASONS.get(primary)
    if words is None:
        return str(error.sqlite_errorname)
    return f"{words} ({error.sqlite_errorname})" if primary == sqlite3.SQLITE_IOERR else words


def check_names(path: Path, kind: FileKind) -> None:
    """Make sure that a file has one name: SQLite looks for its log beside the name that it was given.

    Raises:
        ConfigError: it has another one.
    """
    with suppress(OSError):
        if path.stat().st_nlink > 1:
            raise refusal(
                path,
                kind,
                "has a second name, by a hard link, and two programs that open it by different names would damage it: "
                "remove one of the names, or copy the file",
            )


def refusal(path: Path, kind: FileKind, words: str) -> ConfigError:
    """Why a file is not used: the rest of a sentence that begins with its name."""
    return ConfigError(f"{kind.noun}: {path} {words}. {kind.refused}")


def checked_age(argument: str, seconds: float) -> float:
    """Return an age in seconds.

    Raises:
        ConfigError: it is none.
    """
    if not 0 <= seconds < math.inf:  # NaN must not pass
        raise ConfigError(f"{argument} must be a number of seconds from 0, not {seconds}")
    return seconds


def identity_of(path: Path) -> Identity:
    """Device and inode of a file.

    Raises:
        OSError: there is none, or it cannot be looked at.
    """
    found = path.stat()
    return found.st_dev, found.st_ino


def create_private(path: Path, flags: int) -> int:
    """Open a file that only its owner may read if it is created here, and return its descriptor.

    Raises:
        OSError: that is not possible.
    """
    return os.open(path, os.O_CREAT | os.O_RDWR | flags, 0o600)


def _connect(name: str, path: Path, kind: FileKind, timeout: float, interruption: Interruption | None) -> Database:
    connection = sqlite3.connect(
        name, timeout=timeout, isolation_level=None, check_same_thread=False, uri=name.startswith("file:")
    )
    interruption = interruption or Interruption()
    interruption.attach(connection)
    return Database(path=path, kind=kind, interruption=interruption, connection=connection)


def _prepare(connection: sqlite3.Connection, path: Path, kind: FileKind, timeout: float) -> None:
    # Asked before anything is set: even a change of mode would be written into somebody else's file.
    if is_new := _is_empty(connection, path, kind):
        for pragma in kind.layout:
            connection.execute(f"PRAGMA {pragma}")
    _use_wal(connection, path, kind, timeout)
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
        _sync_directory(path.parent)


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


def _use_wal(connection: sqlite3.Connection, path: Path, kind: FileKind, timeout: float) -> None:
    end = time.monotonic() + timeout
    while True:
        try:
            [mode] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            # When two connections change the mode of a new file, SQLite refuses one at once, whatever its timeout.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise refusal(path, kind, "needs a file system with shared memory: choose a local disk")


def _sync_directory(directory: Path) -> None:
    # Or a power failure takes the file's name, and with it everything.
    if os.name == "posix" and os.access(directory, os.R_OK):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _interrupted() -> sqlite3.Error:
    error = sqlite3.OperationalError("interrupted")
    error.sqlite_errorcode = sqlite3.SQLITE_INTERRUPT
    error.sqlite_errorname = "SQLITE_INTERRUPT"
    return error
