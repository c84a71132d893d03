"""What is wrong with a file, in words that quote nothing of it."""

from __future__ import annotations

import errno
import math
import os
import sqlite3
from pathlib import Path

import pytest

from omnivery._sqlite.kind import REASONS, FileKind, checked_age, explained, reason_of, refusal
from omnivery.errors import ConfigError, JournalError

SECRET = "alice@example.com"


def failed(code: int, name: str) -> sqlite3.OperationalError:
    """SQLite's own error, whose text may quote a row."""
    error = sqlite3.OperationalError(f"something with {SECRET}")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


def test_a_refusal_names_the_kind_the_file_and_what_holds_then(kind: FileKind) -> None:
    assert str(refusal(Path("/x/notes"), kind, "is empty")) == "notebook: /x/notes is empty. Nothing was written."


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize("extended", [0, 3, 14])
def test_sqlite_s_errors_are_told_by_their_primary_code(code: int, extended: int) -> None:
    words = reason_of(failed(code | extended << 8, "SQLITE_X"))
    assert words.startswith(REASONS[code])
    assert SECRET not in words


def test_a_failing_disk_is_told_with_sqlite_s_name_for_it() -> None:
    """There are thirty kinds, from a lock that failed to a file cut short under our hands."""
    assert reason_of(failed(sqlite3.SQLITE_IOERR | 12 << 8, "SQLITE_IOERR_NOMEM")).endswith("(SQLITE_IOERR_NOMEM)")
    assert "(" not in reason_of(failed(sqlite3.SQLITE_BUSY, "SQLITE_BUSY"))


def test_an_error_that_has_no_words_is_told_by_its_name() -> None:
    assert reason_of(failed(sqlite3.SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT")) == "SQLITE_CONSTRAINT"


def test_an_error_of_python_s_module_quotes_nothing() -> None:
    """It quotes text that is no UTF-8."""
    words = reason_of(sqlite3.OperationalError(f"Could not decode to UTF-8 column 'words' with text '{SECRET}'"))
    assert words == "OperationalError, as for damaged text"


def test_the_system_s_errors_are_told_in_the_system_s_words() -> None:
    assert reason_of(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) == "No space left on device"
    assert reason_of(TimeoutError()) == "TimeoutError"


@pytest.mark.parametrize(
    "cause", [failed(sqlite3.SQLITE_FULL, "SQLITE_FULL"), OSError(errno.EIO, "Input/output error")]
)
def test_errors_become_ours_and_nothing_of_their_text_is_in_them(kind: FileKind, cause: Exception) -> None:
    with pytest.raises(JournalError) as told, explained(Path("/x/notes"), kind, JournalError, "It is safe."):
        raise cause
    assert str(told.value).startswith("notebook: /x/notes failed: ")
    assert str(told.value).endswith(". It is safe.")
    assert SECRET not in str(told.value)
    assert (told.value.__cause__, told.value.__suppress_context__) == (None, True), "a traceback would print it"


def test_an_error_is_told_without_what_holds_then_where_nothing_does(kind: FileKind) -> None:
    with pytest.raises(ConfigError) as told, explained(Path("/x/notes"), kind, ConfigError):
        raise failed(sqlite3.SQLITE_FULL, "SQLITE_FULL")
    assert str(told.value) == "notebook: /x/notes failed: the disk is full"


def test_other_errors_pass(kind: FileKind) -> None:
    with pytest.raises(ZeroDivisionError), explained(Path("/x/notes"), kind, ConfigError):
        raise ZeroDivisionError


@pytest.mark.parametrize("seconds", [0, 0.0, 1, 1e12])
def test_an_age_is_any_number_of_seconds(seconds: float) -> None:
    assert checked_age("keep", seconds) == seconds


@pytest.mark.parametrize("seconds", [-1, -1e-9, math.inf, -math.inf, math.nan])
def test_what_is_no_age_is_refused_by_the_argument_s_name(seconds: float) -> None:
    """A NaN is before no time and after none: everything, or nothing, would be forgotten."""
    with pytest.raises(ConfigError, match=f"^keep must be a number of seconds from 0, not {seconds}$"):
        checked_age("keep", seconds)
