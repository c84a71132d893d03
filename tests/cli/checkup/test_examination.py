"""The examination as a whole: what it says where all is well, and where one thing is not."""

from __future__ import annotations

import time

import pytest

from omnivery.cli.checkup.finding import Area, Level
from omnivery.emulator import Emulator
from tests.cli.checkup.conftest import Examine
from tests.support.cli import free_port


def test_all_is_well_with_the_emulator(emulator: Emulator, look: Examine) -> None:
    found = look()
    assert found.worst() == []
    assert "OMNIVERY_TOKEN is accepted: a sending token of the domain mail.example.com." in found.text()
    assert "OMNIVERY_API_KEY is accepted: the account's primary key." in found.text()
    assert "OMNIVERY_SENDING_KEY is accepted: a sending key." in found.text()
    assert "mail.example.com is active: it can send." in found.text()
    assert "5 of 5 records are in place" in found.text()
    assert "OMNIVERY_SIGNING_KEY fits the signature of the API's sample." in found.text()
    assert "a receiver is there, and refuses strangers" in found.text()
    assert "agrees with the server's" in found.text()
    assert emulator.statistics.messages == emulator.statistics.bot_events == 0


def test_whatever_is_not_well_has_a_next_step(look: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIVERY_TOKEN", "my-token")
    monkeypatch.setenv("OMNIVERY_AUTOMATIONS_URL", f"http://127.0.0.1:{free_port()}")
    found = look()
    assert {each.area for each in found if each.level is Level.NOTE} >= {Area.SETTINGS, Area.CLOCK, Area.DOMAIN}
    assert [each.message for each in found if (each.level is Level.OK) == bool(each.next)] == []


def test_no_secret_is_in_it(emulator: Emulator, look: Examine) -> None:
    found = look()
    text = found.text() + repr(found)
    secrets = (emulator.token, emulator.api_key, emulator.sending_key, emulator.signing_key)
    assert [secret for secret in secrets if secret in text] == []
    assert emulator.webhook_url.removeprefix(emulator.page_url.rstrip("/")) not in text, "paths may be secrets"


def test_a_closed_port(emulator: Emulator, look: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("OMNIVERY_AUTOMATIONS_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OMNIVERY_MAILGUN_URL", f"http://127.0.0.1:{port}/v3")
    monkeypatch.setenv("OMNIVERY_WEBHOOK_URL", f"http://127.0.0.1:{port}/hook")
    found = look()
    for area, variable in ((Area.AUTOMATIONS, "OMNIVERY_AUTOMATIONS_URL"), (Area.MAILGUN, "OMNIVERY_MAILGUN_URL")):
        [failed] = found.of(area)
        assert failed.level is Level.PROBLEM
        assert f"127.0.0.1:{port}" in failed.message
        assert "connection refused" in failed.message
        assert failed.next == (
            f'Start the emulator, as with eval "$(omnivery emulator --export)", or unset {variable} to use the service.'
        )
    [hook] = found.of(Area.WEBHOOK, Level.PROBLEM)
    assert "cannot be reached" in hook.message
    assert "Start the receiver" in str(hook.next)


@pytest.mark.parametrize(
    ("variable", "area"),
    [
        ("OMNIVERY_TOKEN", Area.AUTOMATIONS),
        ("OMNIVERY_API_KEY", Area.MAILGUN),
        ("OMNIVERY_SENDING_KEY", Area.MAILGUN),
    ],
)
def test_a_wrong_key(
    variable: str, area: Area, emulator: Emulator, look: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "key-of-nobody")
    found = look()
    [failed] = found.of(area, Level.PROBLEM)
    assert failed.message == f"{variable} is refused (401): the server does not know this key."
    assert "Each run of the emulator has keys of its own" in str(failed.next)
    assert [each for each in found.worst() if each is not failed] == []
    assert "key-of-nobody" not in found.text()


def test_a_key_of_the_other_api(emulator: Emulator, look: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIVERY_TOKEN", emulator.api_key)
    monkeypatch.setenv("OMNIVERY_SENDING_KEY", emulator.token)
    found = look()
    [token] = found.of(Area.AUTOMATIONS, Level.PROBLEM)
    assert token.message == "OMNIVERY_TOKEN is refused here (401), and accepted by the Mailgun-compatible API."
    assert token.next == "Set it as OMNIVERY_API_KEY, and OMNIVERY_TOKEN to a key of this API."
    [key] = found.of(Area.MAILGUN, Level.PROBLEM)
    assert "accepted by the Automations API" in key.message


def test_keys_in_each_others_place(emulator: Emulator, look: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIVERY_API_KEY", emulator.sending_key)
    monkeypatch.setenv("OMNIVERY_SENDING_KEY", emulator.api_key)
    primary, sending = look().of(Area.MAILGUN)
    assert (primary.level, primary.message) == (Level.WARNING, "OMNIVERY_API_KEY is accepted: a sending key.")
    assert "Set it as OMNIVERY_SENDING_KEY" in str(primary.next)
    assert (sending.level, sending.details["kind"]) == (Level.WARNING, "primary")
    assert "Set it as OMNIVERY_API_KEY" in str(sending.next)


@pytest.mark.parametrize(
    ("ahead", "level", "words"),
    [
        (7_200, Level.PROBLEM, "about 2 hours ahead of the server's: every webhook call will be refused as too old"),
        (
            -7_200,
            Level.PROBLEM,
            "about 2 hours behind the server's: every webhook call will be refused as from the future",
        ),
        (90, Level.WARNING, "about 1 minute 30 seconds ahead of the server's; webhook calls bear 300 seconds"),
    ],
)
def test_a_skewed_clock(ahead: float, level: Level, words: str, emulator: Emulator, look: Examine) -> None:
    [found] = look(clock=lambda: time.time() + ahead).of(Area.CLOCK)
    assert found.level is level
    assert words in found.message
    assert "timedatectl set-ntp true" in str(found.next)
    assert abs(found.details["skew"] - ahead) <= 1.5


def test_a_domain_without_dns(emulator: Emulator, look: Examine) -> None:
    """Each record that is missing comes with what to publish."""
    from omnivery import Mailgun

    with Mailgun(emulator.api_key, base_url=emulator.mailgun_url) as client:
        client.domains.create("news.example.org")
    found = look(domain="news.example.org").of(Area.DOMAIN)
    state, *records = found
    assert state.level is Level.PROBLEM
    assert state.message == "news.example.org is unverified: it cannot send."
    assert "omnivery domains verify news.example.org --wait" in str(state.next)
    assert len(records) == 5
    dkim = records[0]
    assert dkim.level is Level.PROBLEM
    assert "the DKIM key, which signs the mail, is missing or has another value" in dkim.message
    assert "ov1._domainkey.news.example.org CNAME ov1.dkim.omnivery.example" in str(dkim.next)
    [mx] = [record for record in records if record.details["type"] == "MX"]
    assert mx.level is Level.WARNING, "mail can be sent without it"
    assert "news.example.org MX 10 mx.omnivery.example" in str(mx.next)


def test_a_domain_without_dns_is_seen_through_the_automations_api(
    emulator: Emulator, look: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omnivery import Mailgun

    with Mailgun(emulator.api_key, base_url=emulator.mailgun_url) as client:
        client.domains.create("news.example.org")
    for name in ("OMNIVERY_API_KEY", "OMNIVERY_SENDING_KEY"):
        monkeypatch.delenv(name)
    found = look(domain="news.example.org").of(Area.DOMAIN)
    assert "is unverified" in found[0].message
    assert len(found) == 6


def test_nothing_is_set(look: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after the installation. Nothing is sent anywhere."""
    for name in ("TOKEN", "API_KEY", "SENDING_KEY", "SIGNING_KEY", "DOMAIN", "AUTOMATIONS_URL", "MAILGUN_URL"):
        monkeypatch.delenv(f"OMNIVERY_{name}", raising=False)
    monkeypatch.delenv("OMNIVERY_WEBHOOK_URL", raising=False)
    found = look()
    [missing] = found.of(Area.SETTINGS)
    assert (missing.level, missing.message) == (Level.PROBLEM, "No key is set.")
    assert "OMNIVERY_TOKEN, OMNIVERY_API_KEY or OMNIVERY_SENDING_KEY" in str(missing.next)
    assert "omnivery emulator --export" in str(missing.next)
