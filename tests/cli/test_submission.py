"""What is left of a report that nobody takes, and what a journal does with options that were wrong."""

from __future__ import annotations

import errno
import io
import sys

import pytest

from omnivery.cli.submission import print_totals

TOTALS = {"read": 1200, "accepted": 1100, "rejected": 90, "undelivered": 10, "batches": 3}


class Unwritable(io.StringIO):
    """Standard output on a full disk, or into a program that has ended."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def flush(self) -> None:
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "Broken pipe"),
    ],
)
def test_where_the_report_cannot_be_written_its_counts_are_told(
    error: OSError, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who sees an error alone sends everything again."""
    monkeypatch.setattr(sys, "stdout", Unwritable(error))
    assert not print_totals(TOTALS)
    assert capsys.readouterr().err == (
        f"Error: the report could not be written: {words}. "
        "In short: 1,200 read, 1,100 accepted, 90 rejected, 10 undelivered\n"
    )
    assert sys.stdout is None
