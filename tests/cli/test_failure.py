"""How errors end a command: for people and for programs, with the exit status that is documented."""

from __future__ import annotations

import json
import sys
from unittest import mock

import click
import pytest

from omnivery import errors
from omnivery.cli.failure import Failure, SettingError, failure_of, hint_for
from omnivery.cli.streams import OutputError
from tests.support.cli import error_of, in_process, seen_in_process


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (click.UsageError("No such option"), "UsageError", 2),
        (click.BadParameter("no place"), "UsageError", 2),
        (click.FileError("a.eml", "no such file"), "FileError", 1),
        (click.Abort(), "Interrupted", 130),
        (KeyboardInterrupt(), "Interrupted", 130),
        (errors.ConfigError("no token"), "ConfigError", 2),
        (SettingError("no key", hint="set it"), "ConfigError", 2),
        (errors.AuthenticationError("no", status=401), "AuthenticationError", 1),
        (errors.SourceError("cut off"), "SourceError", 1),
        (PermissionError(13, "Permission denied", "x"), "PermissionError", 1),
        (OutputError(28, "No space left on device"), "OutputError", 1),
        (ModuleNotFoundError("No module named 'rich'", name="rich"), "ConfigError", 2),
    ],
)
def test_each_kind_of_error_has_its_exit_status(error: BaseException, kind: str, status: int) -> None:
    failure = failure_of(error)
    assert failure is not None
    assert (failure.type, failure.status) == (kind, status)


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    assert failure_of(ZeroDivisionError()) is None
    assert failure_of(ModuleNotFoundError("No module named 'x'", name="x")) is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.AuthenticationError("no", status=401, operation="mailgun.domains.get"), "OMNIVERY_API_KEY"),
        (errors.AuthenticationError("no", status=401, operation="automations.domains.get"), "OMNIVERY_TOKEN"),
        (errors.NotSentError("refused", unreachable=True, operation="mailgun.stats.total"), "OMNIVERY_MAILGUN_URL"),
        (errors.NotSentError("refused", unreachable=True, operation="automations.bots.x"), "OMNIVERY_AUTOMATIONS_URL"),
        (errors.RateLimitError("slow down", status=429, retry_after=90.0), "in 90 s"),
        (errors.RateLimitError("slow down", status=429), "Wait"),
        (errors.AmbiguousError("lost"), "Look whether it took effect"),
    ],
)
def test_what_to_do_next_is_said(error: errors.OmniveryError, words: str) -> None:
    assert words in (hint_for(error) or "")


def test_an_error_without_advice_has_none() -> None:
    assert hint_for(errors.ConflictError("there", status=409)) is None


def test_a_wrong_command_line_is_reported_in_json_too() -> None:
    """The option `--json` is asked for though the command line could not be read."""
    result = in_process("bots", "status", "--nonsense", "--json")
    error = error_of(result)
    assert (result.returncode, result.stdout) == (2, b"")
    assert error["type"] == "UsageError"
    assert "--nonsense" in error["message"]
    assert error["hint"] == "Try 'omnivery bots status --help'."


def test_an_error_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Names and a server's words come from outside."""
    failure = Failure(type="X", message="a\x1b[2J\x9bb\nc", hint="d\x07")
    on_a_terminal = mock.patch.object(sys.stderr, "isatty", return_value=True)
    with mock.patch.object(sys, "argv", ["omnivery"]), on_a_terminal, pytest.raises(SystemExit):
        failure.report()
    shown = capsys.readouterr().err
    assert shown == "Error: a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}b c\n  d\N{REPLACEMENT CHARACTER}\n"
    with mock.patch.object(sys, "argv", ["omnivery", "--json"]), pytest.raises(SystemExit):
        failure.report()
    shown = capsys.readouterr().err
    assert json.loads(shown)["error"]["message"] == failure.message
    assert shown.rstrip("\n").isprintable()


def test_a_person_gets_text() -> None:
    status, shown = seen_in_process("bots", "status", "/nowhere/journal")
    assert (status, shown) == (2, "Error: journal: there is no file /nowhere/journal\n")
