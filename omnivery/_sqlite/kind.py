"""What a file has to be, and what is wrong with it in words. No message quotes what a file holds."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from omnivery.errors import ConfigError, OmniveryError

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


def refusal(path: Path, kind: FileKind, words: str) -> ConfigError:
    """Why a file is not used: the rest of a sentence that begins with its name."""
    return ConfigError(f"{kind.noun}: {path} {words}. {kind.refused}")


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


def checked_age(argument: str, seconds: float) -> float:
    """Return an age in seconds.

    Raises:
        ConfigError: it is none.
    """
    if not 0 <= seconds < math.inf:  # NaN must not pass
        raise ConfigError(f"{argument} must be a number of seconds from 0, not {seconds}")
    return seconds
