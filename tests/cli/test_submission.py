"""The report of a submission, where nobody takes it, and where a signal came early."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path
from unittest import mock

import pytest

from omnivery.automations import SubmitReport
from omnivery.cli.submission import Submission
from omnivery.cli.submission_report import print_totals
from omnivery.errors import ConfigError

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


def interrupted_after(read: int, journal: Path) -> Submission:
    run = Submission(concurrency=8, journal=str(journal))
    run._runs["a.log"] = mock.Mock(report=SubmitReport(read=read, undelivered=read))  # as a signal leaves it
    return run


def test_a_signal_while_the_journal_is_being_created_is_no_error_of_the_journal(tmp_path: Path) -> None:
    """Its file is there by then, and its tables are not."""
    (journal := tmp_path / "journal").touch()
    run = interrupted_after(0, journal)
    assert run.totals(interrupted=True)["stopped_by"] == "interrupted"
    assert run.all_accepted
    with pytest.raises(ConfigError, match="is empty"):
        interrupted_after(5, journal).totals(interrupted=True)
