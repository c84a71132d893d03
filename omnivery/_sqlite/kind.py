"""Kinds of SQLite files, and messages about faulty ones. No message quotes a file's content."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from attrs import field, frozen

from omnivery.errors import ConfigError, OmniveryError

REASONS = {
    sqlite3.SQLITE_BUSY: "another process kept it locked",
    sqlite3.SQLITE_CANTOPEN: "it, or a file beside it, cannot be opened",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_INTERRUPT: "the operation was interrupted",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_NOMEM: "no memory is left",
    sqlite3.SQLITE_NOTADB: "it is not an SQLite file, or is damaged",
    sqlite3.SQLITE_READONLY: "it is read-only: it cannot be written here",
    sqlite3.SQLITE_TOOBIG: "a value is larger than SQLite can store",
}
"""Messages for SQLite's primary result codes (https://www.sqlite.org/rescode.html). Its own text may quote a row."""
DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""Result codes of a file that no repetition makes better."""


@frozen(kw_only=True)
class Upgrade:
    """What a version of the tables has, and the version before has not."""

    statements: tuple[str, ...]
    """Statements that make the difference."""
    tables: frozenset[str] = frozenset()
    """Names of the tables that are new."""


@frozen(kw_only=True)
class FileKind:
    """One kind of file: its name in messages, its marks in SQLite's header, and its tables."""

    noun: str
    refused: str
    """The consequence of refusing a file, as a sentence for the message."""
    application_id: int
    """The `application_id` in SQLite's header, which identifies the kind. It begins with `own_files.ID_PREFIX`."""
    version: int
    """Version of the tables: the `user_version` in SQLite's header. A file of a later version is refused."""
    schema: tuple[str, ...]
    """Statements that create the tables of version 1."""
    tables: frozenset[str]
    """Names of the tables of version 1."""
    upgrades: Mapping[int, Upgrade] = field(factory=dict[int, Upgrade])
    """What each later version has added, in their order. A file of an earlier version is opened as it is."""
    layout: tuple[str, ...] = ()
    """Pragmas of a new file, executed before its first table is created."""
    settings: tuple[str, ...] = ()
    """Pragmas of each connection that writes."""
    busy: str = ""
    """Who else has a file that is locked; another process, if left out."""
    damaged: str = ""
    """What to do once a file that was opened turns out to be damaged, as a sentence."""

    def tables_of(self, version: int) -> frozenset[str]:
        """Return the names of the tables that a version has."""
        return self.tables.union(*(one.tables for added, one in self.upgrades.items() if added <= version))

    def statements_after(self, version: int) -> tuple[str, ...]:
        """Return what makes the tables of this version of those of an earlier one; of 0, which are none, all of it."""
        later = (one.statements for added, one in self.upgrades.items() if added > version)
        return (*(() if version else self.schema), *chain.from_iterable(later))


def refusal(path: Path, kind: FileKind, words: str) -> ConfigError:
    """Return the error for a file that cannot be used.

    Args:
        path: the file.
        kind: the expected kind of file.
        words: the rest of a sentence that begins with the file's name.
    """
    return ConfigError(f"{kind.noun}: {path} {words}. {kind.refused}")


@contextmanager
def explained(path: Path, kind: FileKind, error: type[OmniveryError], aftermath: str = "") -> Iterator[None]:
    """Convert errors of SQLite and the operating system into our own, without SQLite's text: it may quote a row."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as cause:
        # Python cannot decode SQLite's own message where that quotes the damaged name of a table.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        reason = kind.busy if kind.busy and code == sqlite3.SQLITE_BUSY else reason_of(cause)
        words = f"{kind.noun}: {path} failed: {reason}"
        if kind.damaged and aftermath != kind.refused and code in DAMAGE:
            aftermath = kind.damaged
        raise error(f"{words}. {aftermath}" if aftermath else words) from None


def reason_of(error: sqlite3.Error | OSError | UnicodeDecodeError) -> str:
    """Return the reason of an error, without any of the file's content."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    # The low byte is the primary code. Errors of Python's own module have no code, such as for text that is not UTF-8.
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or isinstance(error, UnicodeDecodeError):
        return f"{type(error).__name__}, as for damaged text"
    primary = code & 0xFF
    words = REASONS.get(primary)
    if words is None:
        return str(error.sqlite_errorname)
    return f"{words} ({error.sqlite_errorname})" if primary == sqlite3.SQLITE_IOERR else words


def checked_age(argument: str, seconds: float) -> float:
    """Return an age in seconds.

    Raises:
        ConfigError: it is negative, infinite or not a number.
    """
    if not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:  # written so that it also refuses NaN
        raise ConfigError(f"{argument} must be a number of seconds from 0, not {seconds!r}")
    return seconds
