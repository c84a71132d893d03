"""How commands make their clients: keys from the environment, errors that say what to set."""

from __future__ import annotations

import sys
from unittest import mock

import pytest

from omnivery.cli.clients import Clients
from omnivery.cli.surface import AUTOMATIONS, EITHER, PRIMARY
from omnivery.errors import ConfigError
from tests.support.cli import error_of, free_port, in_process, on_terminal


def test_the_choice_is_made_and_said_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OMNIVERY_TOKEN", "t")
    monkeypatch.setenv("OMNIVERY_API_KEY", "k")
    monkeypatch.setattr(sys, "argv", ["omnivery"])
    clients = Clients(keys=EITHER)
    with mock.patch.object(sys.stderr, "isatty", return_value=True):
        assert (clients.choose(), clients.choose()) == ("mailgun", "mailgun")
    assert capsys.readouterr().err.count("--surface automations") == 1


def test_a_program_is_not_told_of_the_choice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMNIVERY_TOKEN", "t")
    monkeypatch.setenv("OMNIVERY_API_KEY", "k")
    Clients(keys=EITHER).choose()
    assert capsys.readouterr().err == ""


def test_a_preview_needs_no_key() -> None:
    assert Clients(keys=EITHER).likely() == "mailgun"
    assert Clients(keys=EITHER, surface="automations").likely() == "automations"
    assert Clients(keys=AUTOMATIONS).likely() == "automations"


def test_without_a_terminal_nobody_is_asked_for_a_key() -> None:
    with mock.patch.object(sys, "stdin", None), pytest.raises(ConfigError, match="OMNIVERY_API_KEY"):
        Clients(keys=PRIMARY).choose()


@pytest.mark.parametrize(
    "arguments",
    [
        "send --to a@b.example --from a@b.example -",
        "bots check -",
        "suppressions import bounces -",
        "addresses parse -",
    ],
)
def test_a_closed_standard_input_is_said(arguments: str) -> None:
    settings = {"OMNIVERY_API_KEY": "k", "OMNIVERY_TOKEN": "t", "OMNIVERY_DOMAIN": "mail.example.com"}
    result = in_process(*arguments.split(), stdin=None, environment=settings)
    assert (result.returncode, "standard input is closed" in error_of(result)["message"]) == (2, True)


def test_a_key_is_no_part_of_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIVERY_API_KEY", "very-secret")
    clients = Clients(keys=PRIMARY)
    clients.choose()
    assert "very-secret" not in repr(clients)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--base-url", "nowhere"), "--base-url: "),
        (("--base-url", "https://a.example", "--region", "eu"), "region"),
        (("--ca", "/nowhere/ca.pem"), "/nowhere/ca.pem"),
        (("--surface", "smtp"), "smtp"),
        (("--region", "mars"), "mars"),
    ],
)
def test_a_wrong_setting_is_named(arguments: tuple[str, ...], word: str) -> None:
    result = in_process("domains", "list", *arguments, environment={"OMNIVERY_API_KEY": "k"})
    assert (result.returncode, word in error_of(result)["message"]) == (2, True)


def test_a_closed_port_is_named_with_what_to_do() -> None:
    url = f"http://127.0.0.1:{free_port()}/v3"
    status, shown = on_terminal("domains", "list", environment={"OMNIVERY_API_KEY": "k", "OMNIVERY_MAILGUN_URL": url})
    assert status == 1
    assert f"Cannot connect to {url}: trying again. Ctrl-C ends it." in shown
    assert "It did not take effect" in shown
    assert "OMNIVERY_MAILGUN_URL" in shown
