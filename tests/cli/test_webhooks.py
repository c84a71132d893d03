"""`omnivery webhooks`."""

from __future__ import annotations

import json

import pytest

from omnivery.emulator import Emulator
from tests.cli.conftest import Command
from tests.support.cli import error_of, output_of


def urls_of(command: Command, kind: str) -> list[str]:
    found = output_of(command("webhooks", "list"))["items"]
    return next((item["urls"] for item in found if item["name"] == kind), [])


@pytest.mark.parametrize("surface", ["mailgun", "automations"])
def test_a_webhook_is_made_and_removed(command: Command, server: Emulator, surface: str) -> None:
    made = command("webhooks", "set", "opened", server.webhook_url, "--surface", surface)
    assert output_of(made)["urls"] == [server.webhook_url]
    assert urls_of(command, "opened") == [server.webhook_url]
    assert command("webhooks", "remove", "opened", "--yes", "--surface", surface).returncode == 0
    assert urls_of(command, "opened") == []


def test_setting_replaces_what_there_is(command: Command, server: Emulator) -> None:
    other = f"{server.webhook_url}?other"
    command("webhooks", "set", "clicked", server.webhook_url)
    assert command("webhooks", "set", "clicked", other, server.webhook_url).returncode == 0
    assert set(urls_of(command, "clicked")) == {other, server.webhook_url}


def test_removing_asks_and_names_what_is_not_there(command: Command) -> None:
    assert "--yes" in error_of(command("webhooks", "remove", "rejected"))["message"]
    result = command("webhooks", "remove", "rejected", "--yes")
    assert (result.returncode, error_of(result)["type"]) == (1, "NotFoundError")


def test_a_sample_is_a_signed_call(command: Command) -> None:
    result = command("webhooks", "sample", "opened")
    body = json.loads(result.stdout.splitlines()[0])
    assert {"event-data", "signature"} <= set(body)


@pytest.mark.parametrize("urls", [["no-url"], ["https://a.example/"] * 4])
def test_urls_that_are_none_are_refused(command: Command, urls: list[str]) -> None:
    result = command("webhooks", "set", "opened", *urls)
    assert (result.returncode, error_of(result)["type"]) == (2, "ConfigError")
