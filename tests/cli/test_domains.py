"""`omnivery domains`, as a shell meets it."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from omnivery.cli import domains
from omnivery.cli.dns import DomainView
from omnivery.emulator import Emulator
from omnivery.errors import ServerError
from omnivery.mailgun import Domains, Mailgun
from tests.cli.conftest import Command
from tests.support.cli import error_of, output_of, seen_in_process, settings_of


def test_list_shows_what_the_key_sees(command: Command, server: Emulator) -> None:
    command("domains", "create", "listed.example.org")
    names = {item["name"] for item in output_of(command("domains", "list"))["items"]}
    assert {server.domain, "listed.example.org"} <= names
    by_token = output_of(command("domains", "list", "--surface", "automations"))
    assert {item["name"] for item in by_token["items"]} == names
    assert by_token["more"] is False
    few = output_of(command("domains", "list", "--limit", "1"))
    assert (len(few["items"]), few["more"]) == (1, True)
    active = output_of(command("domains", "list", "--state", "active", "--surface", "automations"))
    assert {item["state"] for item in active["items"]} == {"active"}


@pytest.mark.parametrize("surface", ["mailgun", "automations"])
def test_show_says_what_is_wrong_with_each_record(command: Command, surface: str) -> None:
    name = f"wrong-{surface}.example.org"
    command("domains", "create", name)
    shown = output_of(command("domains", "show", name, "--surface", surface))
    assert (shown["name"], shown["state"] != "active") == (name, True)
    assert {record["use"] for record in shown["records"]} == {"sending", "receiving"}
    assert all("did not find" in record["problem"] for record in shown["records"])
    assert shown["next"]


def test_show_takes_the_domain_of_the_environment(command: Command, server: Emulator) -> None:
    shown = output_of(command("domains", "show"))
    assert (shown["name"], shown["next"]) == (server.domain, "Nothing is wrong with it.")
    result = command("domains", "show", environment={"OMNIVERY_DOMAIN": ""})
    assert (result.returncode, error_of(result)["type"]) == (2, "ConfigError")


def test_create_shows_the_records_that_are_needed(command: Command) -> None:
    made = output_of(command("domains", "create", "made.example.org", "--wildcard"))
    assert made["name"] == "made.example.org"
    assert {record["type"] for record in made["records"]} == {"TXT", "CNAME", "MX"}
    again = command("domains", "create", "made.example.org")
    assert (again.returncode, error_of(again)["type"]) == (1, "BadRequestError")


def test_a_password_is_no_argument(command: Command) -> None:
    result = command("domains", "create", "secret.example.org", "--smtp-password")
    assert (result.returncode, "OMNIVERY_SMTP_PASSWORD" in error_of(result)["message"]) == (2, True)
    result = command(
        "domains",
        "create",
        "secret.example.org",
        "--smtp-password",
        environment={"OMNIVERY_SMTP_PASSWORD": "Secret-123"},
    )
    assert result.returncode == 0
    assert b"Secret-123" not in result.stdout + result.stderr


def test_verify_makes_a_sound_domain_active(command: Command) -> None:
    command("domains", "create", "sound.example.org")
    result = command("domains", "verify", "sound.example.org", "--wait", "--every", "0.01s")
    assert (result.returncode, output_of(result)["state"]) == (0, "active")


def test_verify_waits_no_longer_than_it_may(command: Command) -> None:
    """The emulator never approves a domain of this name."""
    command("domains", "create", "pending.example.org")
    result = command("domains", "verify", "pending.example.org", "--wait", "--deadline", "0.05s", "--every", "0.02s")
    assert (result.returncode, output_of(result)["state"]) == (1, "pending")
    assert b"The deadline has passed" in result.stderr


def test_a_failure_in_between_does_not_end_the_wait(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command("domains", "create", "flaky.example.org")
    get, verified, calls, successes = Domains.get, domains._verified, count(1), count(1)

    def failing_once(self: Domains, name: str, **options: Any) -> Any:
        if next(calls) == 2:
            raise ServerError("out of order", status=500)
        return get(self, name, **options)

    def at_the_second_success(client: Mailgun, name: str) -> DomainView:
        view = DomainView.of_mailgun(client.domains.get(name), name)
        return verified(client, name) if next(successes) == 2 else view

    monkeypatch.setattr(Domains, "get", failing_once)
    monkeypatch.setattr(domains, "_verified", at_the_second_success)
    result = command("domains", "verify", "flaky.example.org", "--wait", "--every", "0.01s")
    assert (result.returncode, output_of(result)["state"]) == (0, "active")
    assert b"out of order" in result.stderr


def test_a_refused_domain_is_not_waited_for(command: Command) -> None:
    command("domains", "create", "rejected.example.org")
    result = command("domains", "verify", "rejected.example.org", "--wait")
    assert (result.returncode, output_of(result)["state"]) == (1, "rejected")


def test_delete_asks_or_is_told(command: Command) -> None:
    command("domains", "create", "gone.example.org")
    refused = command("domains", "delete", "gone.example.org")
    assert (refused.returncode, "--yes" in error_of(refused)["message"]) == (2, True)
    assert output_of(command("domains", "delete", "gone.example.org", "--yes")) == {"deleted": "gone.example.org"}
    gone = command("domains", "show", "gone.example.org")
    assert (gone.returncode, error_of(gone)["type"]) == (1, "NotFoundError")
    assert "domains list" in error_of(gone)["hint"]


def test_what_only_one_api_can_do_is_said(command: Command) -> None:
    result = command(
        "domains", "create", "x.example.org", environment={"OMNIVERY_API_KEY": "", "OMNIVERY_SENDING_KEY": ""}
    )
    error = error_of(result)
    assert result.returncode == 2
    assert "OMNIVERY_API_KEY" in error["message"]
    assert "web interface" in error["hint"]


def test_a_person_sees_a_table(server: Emulator) -> None:
    status, shown = seen_in_process("domains", "show", environment=settings_of(server))
    assert status == 0
    assert "Using the Mailgun-compatible API; --surface automations" in shown
    assert "Sending records" in shown
    assert "v=spf1" in shown
    assert "Nothing is wrong with it." in shown
