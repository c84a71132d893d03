"""`omnivery bots check`."""

from __future__ import annotations

import pytest

from omnivery.emulator import Emulator
from tests.cli.conftest import Command
from tests.support.cli import error_of, output_of, seen_in_process, settings_of


@pytest.mark.parametrize(("ip", "is_bot"), [("192.0.2.1", True), ("198.51.100.1", False)])
def test_one_interaction_gets_its_verdict(command: Command, ip: str, is_bot: bool) -> None:
    result = command("bots", "check", "--ip", ip, "--uas", "x", "--attribute", "campaign=a=b")
    found = output_of(result)
    assert (result.returncode, found["is_bot"]) == (0, is_bot)
    assert found["request"] == {"ip": ip, "uas": "x", "campaign": "a=b"}


def test_a_verdict_that_comes_later_can_be_fetched_later(command: Command) -> None:
    """The emulator never judges this network."""
    result = command("bots", "check", "--ip", "203.0.113.7", "--no-wait")
    pending = output_of(result)
    assert (result.returncode, pending["pending"]) == (1, True)
    waited = command("bots", "check", "--ip", "203.0.113.7", "--deadline", "0.05s")
    assert (waited.returncode, output_of(waited)["pending"]) == (1, True)
    fetched = command("bots", "check", "--result", pending["request_id"])
    assert (fetched.returncode, error_of(fetched)["type"]) == (1, "NotFoundError")


def test_an_event_comes_from_standard_input(command: Command) -> None:
    result = command("bots", "check", "-", "--uas", "y", stdin=b'{"ip": "192.0.2.9", "uas": "x", "n": 1}')
    assert output_of(result)["request"]["uas"] == "y"


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("-",), ("--attribute", "x")])
def test_wrong_usage_says_what_is_missing(command: Command, arguments: tuple[str, ...]) -> None:
    result = command("bots", "check", *arguments)
    assert (result.returncode, error_of(result)["type"]) == (2, "UsageError")


def test_a_wrong_token_is_said_and_not_shown(command: Command) -> None:
    result = command("bots", "check", "--ip", "192.0.2.1", environment={"OMNIVERY_TOKEN": "wrong-and-secret"})
    error = error_of(result)
    assert (result.returncode, error["type"]) == (1, "AuthenticationError")
    assert "OMNIVERY_TOKEN" in error["hint"]
    assert b"wrong-and-secret" not in result.stdout + result.stderr


def test_a_person_reads_a_sentence(server: Emulator) -> None:
    status, shown = seen_in_process("bots", "check", "--ip", "192.0.2.1", environment=settings_of(server))
    assert status == 0
    assert "It was a bot." in shown
