"""`omnivery doctor`: what it prints, for people and for programs, and its exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from omnivery.emulator import Emulator
from tests.support.cli import free_port, in_process, seen_in_process


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def settings(emulator: Emulator) -> Mapping[str, str]:
    return {**emulator.environment, "OMNIVERY_WEBHOOK_URL": emulator.webhook_url}


def test_json_for_programs(settings: Mapping[str, str]) -> None:
    result = in_process("doctor", environment=settings)
    found = json.loads(result.stdout)
    assert result.returncode == 0
    assert (found["ok"], found["problems"], found["warnings"]) == (True, 0, 0)
    assert {each["area"] for each in found["findings"]} == {
        "versions", "settings", "automations", "mailgun", "latency", "clock", "domain", "webhook",
    }  # fmt: skip
    assert all(set(each) == {"area", "level", "message", "next", "details"} for each in found["findings"])
    secrets = (value for name, value in settings.items() if name.endswith(("KEY", "TOKEN")))
    assert [secret for secret in secrets if secret in result.stdout.decode()] == []


def test_a_problem_is_exit_status_1_and_says_what_to_do(settings: Mapping[str, str]) -> None:
    closed = {"OMNIVERY_AUTOMATIONS_URL": f"http://127.0.0.1:{free_port()}", "OMNIVERY_API_KEY": "key-of-nobody"}
    result = in_process("doctor", "--json", environment={**settings, **closed})
    found = json.loads(result.stdout)
    assert result.returncode == 1
    problems = [each for each in found["findings"] if each["level"] == "problem"]
    assert [each["area"] for each in problems] == ["automations", "mailgun"]
    assert all(each["next"] for each in problems)


def test_another_domain_can_be_named(settings: Mapping[str, str]) -> None:
    result = in_process("doctor", "--domain", "nobody.example.org", environment=settings)
    [missing] = [each for each in json.loads(result.stdout)["findings"] if each["level"] == "problem"]
    assert missing["message"] == "The account has no domain nobody.example.org."


def test_headings_and_words_for_people(settings: Mapping[str, str]) -> None:
    status, shown = seen_in_process("doctor", environment={**settings, "OMNIVERY_SIGNING_KEY": "another"})
    assert status == 0, "a warning is no problem"
    for words in ("Versions", "Automations API", "mail.example.com is active", "0 problems, 1 warning."):
        assert words in shown
    assert "Next: If real calls are refused, too, copy it again" in shown
