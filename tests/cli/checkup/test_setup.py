"""The environment's settings: what cannot be one is named, and nothing of a secret is said."""

from __future__ import annotations

import pytest

from omnivery.cli.checkup.finding import Level
from omnivery.cli.checkup.setup import Setup, is_loopback, read_setup


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("OMNIVERY_SIGNING_KEY", raising=False)
    return monkeypatch


def test_a_key_with_quotes_is_not_used(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OMNIVERY_TOKEN", '"my-token"')
    environment.setenv("OMNIVERY_API_KEY", "my-key")
    setup, findings = read_setup()
    assert (setup.token, setup.api_key) == (None, "my-key")
    [bad] = [found for found in findings if found.level is Level.PROBLEM]
    assert bad.message.startswith("OMNIVERY_TOKEN is no key: it has blanks, quotes")
    assert "my-token" not in repr(findings)
    assert "my-key" not in repr((setup, findings))


@pytest.mark.parametrize("name", ["OMNIVERY_TOKEN", "OMNIVERY_API_KEY"])
def test_a_signing_key_that_is_another_key_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "the-same")
    environment.setenv("OMNIVERY_SIGNING_KEY", "the-same")
    [bad] = [found for found in read_setup()[1] if found.level is Level.PROBLEM]
    assert bad.message == f"OMNIVERY_SIGNING_KEY is the same as {name}, so every webhook call will be refused."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OMNIVERY_DOMAIN", "not a domain"),
        ("OMNIVERY_WEBHOOK_URL", "hooks.example.com/x"),
        ("OMNIVERY_AUTOMATIONS_URL", "ftp://example.com"),
        ("OMNIVERY_MAILGUN_URL", "https://example.com/v3?x=1"),
        ("OMNIVERY_REGION", "mars"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv("OMNIVERY_TOKEN", "my-token")
    environment.setenv(name, value)
    [bad] = [found for found in read_setup()[1] if found.level is Level.PROBLEM]
    assert name in bad.message
    assert "cannot be used: " in bad.message
    assert "Nothing was sent" not in bad.message


def test_keys_in_the_clear_are_warned_of(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OMNIVERY_TOKEN", "my-token")
    environment.setenv("OMNIVERY_AUTOMATIONS_URL", "http://api.example.com")
    note, warned = read_setup()[1][1:]
    assert (note.level, warned.level, warned.next) == (Level.NOTE, Level.WARNING, "Use https.")


@pytest.mark.parametrize(
    ("automations", "mailgun", "together"),
    [
        ("https://zap-api.omnivery.net", "https://eu.mg-api.omnivery.net/v3", True),
        ("https://zap-api.omnivery.net", "http://127.0.0.1:8025/v3", False),
        ("http://127.0.0.1:8025", "http://127.0.0.1:8025/v3", True),
        ("http://127.0.0.1:8025", "http://127.0.0.1:8026/v3", False),
    ],
)
def test_a_key_is_tried_on_the_other_api_of_the_same_owner_alone(
    automations: str, mailgun: str, together: bool
) -> None:
    """A real key must not go to somebody's test server."""
    assert Setup(automations_url=automations, mailgun_url=mailgun).is_one_owner is together


def test_loopback_addresses_are_known() -> None:
    assert all(map(is_loopback, ("http://127.0.0.2:1", "http://[::1]:1", "http://localhost", "http://x.localhost/y")))
    assert not any(map(is_loopback, ("http://192.0.2.1", "http://example.com", "http://127.example.com")))
