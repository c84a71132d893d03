"""`omnivery trigger`: a call of each kind, from the emulator or from here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
import respx

from omnivery.cli.failure import SettingError
from omnivery.cli.trigger import read_settings
from omnivery.emulator import Emulator
from omnivery.emulator.examples import KINDS, VERDICTS
from omnivery.webhooks import BotVerdicts, DeliveryEvent, parse, parse_unverified, verify
from tests.support.cli import error_of, free_port, in_process, seen_in_process

KEY = "key-of-the-test"
ENVIRONMENT = {"OMNIVERY_SIGNING_KEY": KEY, "OMNIVERY_DOMAIN": ""}
TARGET = "http://127.0.0.1:8000/hooks"


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=(0.01,)) as emulator:
        yield emulator


@pytest.fixture
def settings(running: Emulator) -> Mapping[str, str]:
    running.reset()
    return running.environment


@pytest.mark.parametrize("kind", KINDS)
@respx.mock
def test_every_kind_is_signed_and_posted(kind: str) -> None:
    route = respx.post(TARGET).respond(200)
    result = in_process("trigger", kind, "--to", TARGET, environment=ENVIRONMENT)
    event = parse(route.calls.last.request.content, KEY)
    assert result.returncode == 0
    assert isinstance(event, BotVerdicts if kind in VERDICTS else DeliveryEvent)
    shown = json.loads(result.stdout)
    assert (shown["kind"], shown["status"], shown["url"]) == (kind, 200, TARGET)


@respx.mock
def test_fields_and_domain_can_be_set() -> None:
    route = respx.post(TARGET).respond(200)
    options = ("--set", "recipient=bob@example.net", "--set", "user-variables.order=7", "--domain", "news.example.org")
    in_process("trigger", "click", "--to", TARGET, *options, environment=ENVIRONMENT)
    event = parse_unverified(route.calls.last.request.content)
    assert isinstance(event, DeliveryEvent)
    assert (event.event, event.recipient, event.user_variables) == ("clicked", "bob@example.net", {"order": 7})
    assert "news.example.org" in str(event.message_headers["from"])


@pytest.mark.parametrize("status", [406, 500, 302])
@respx.mock
def test_a_receiver_that_refuses_is_exit_status_1(status: int) -> None:
    respx.post(TARGET).respond(status)
    result = in_process("trigger", "opened", "--to", TARGET, environment=ENVIRONMENT)
    assert (result.returncode, json.loads(result.stdout)["status"]) == (1, status)


@respx.mock
def test_a_receiver_that_is_not_there_is_exit_status_1() -> None:
    respx.post(TARGET).mock(side_effect=httpx.ConnectError)
    result = in_process("trigger", "opened", "--to", TARGET, environment=ENVIRONMENT)
    assert result.returncode == 1
    assert "no connection could be made" in json.loads(result.stdout)["error"]


@respx.mock
def test_without_a_key_it_says_that_the_call_is_not_signed() -> None:
    route = respx.post(TARGET).respond(406)
    result = in_process("trigger", "opened", "--to", TARGET, environment={"OMNIVERY_SIGNING_KEY": ""})
    assert b"THE CALL IS NOT SIGNED" in result.stderr
    assert "signature" not in json.loads(route.calls.last.request.content)


def test_the_body_can_be_printed_alone() -> None:
    result = in_process("trigger", "bot", "--print", environment=ENVIRONMENT)
    assert result.returncode == 0
    assert verify(result.stdout, KEY)


def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    result = in_process("trigger", "flown", "--to", TARGET, environment=ENVIRONMENT)
    assert result.returncode == 2
    assert "there are accepted, delivered, opened" in error_of(result)["message"]


def test_kinds_are_listed() -> None:
    listed = json.loads(in_process("trigger").stdout)
    assert tuple(listed["kinds"]) == KINDS
    assert listed["aliases"]["click"] == "clicked"


@pytest.mark.parametrize("setting", ["recipient", "=x", "a..b=1", ".a=1"])
def test_a_setting_without_a_field_is_refused(setting: str) -> None:
    with pytest.raises(SettingError, match="is not of the form FIELD=VALUE"):
        read_settings([setting])


def test_values_are_json_or_text() -> None:
    given = ["a=1", "b=one", 'c="1"', "d=", "e=x=y", 'f={"g": null}', "h=true"]
    expected: dict[str, Any] = {"a": 1, "b": "one", "c": "1", "d": "", "e": "x=y", "f": {"g": None}, "h": True}
    assert read_settings(given) == expected


def test_the_emulator_sends_it_to_its_own_receiver(running: Emulator, settings: Mapping[str, str]) -> None:
    result = in_process("trigger", "human", "--set", "event_id=click-1", environment=settings)
    shown = json.loads(result.stdout)
    assert result.returncode == 0
    assert (shown["state"], shown["status"], shown["attempts"]) == ("delivered", 200, 1)
    assert [(verdict.event_id, verdict.is_bot) for verdict in running.verdicts] == [("click-1", False)]


def test_the_emulator_sends_it_to_the_domains_webhook(running: Emulator, settings: Mapping[str, str]) -> None:
    """Also where nobody is there: the outcome says so."""
    from omnivery import Mailgun

    target = f"http://127.0.0.1:{free_port()}/hooks"
    with Mailgun(running.api_key, base_url=running.mailgun_url, domain=running.domain) as client:
        client.webhooks.create("opened", target)
    result = in_process("trigger", "open", environment=settings)
    shown = json.loads(result.stdout)
    assert (result.returncode, shown["url"], shown["state"]) == (1, target, "given up")
    assert "connection refused" in shown["error"]


def test_the_service_has_no_such_operation() -> None:
    result = in_process("trigger", "opened", environment={"OMNIVERY_TOKEN": "token"})
    error = error_of(result)
    assert result.returncode == 2
    assert "the service has no operation" in error["message"]
    assert "--to URL" in error["hint"]


@respx.mock
def test_a_server_that_is_no_emulator_is_named() -> None:
    respx.post("http://127.0.0.1:8025/_/trigger/opened").respond(404, html="<h1>Not here</h1>")
    result = in_process("trigger", "opened", environment={"OMNIVERY_AUTOMATIONS_URL": "http://127.0.0.1:8025"})
    assert result.returncode == 2
    assert "is no emulator's: 404" in error_of(result)["message"]


def test_a_domain_that_the_emulator_does_not_have_is_refused(settings: Mapping[str, str]) -> None:
    result = in_process("trigger", "opened", "--domain", "nobody.example.org", environment=settings)
    assert result.returncode == 2
    assert "the emulator refuses the call" in error_of(result)["message"]


def test_an_emulator_that_is_not_there_is_exit_status_1() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = in_process("trigger", "opened", environment={"OMNIVERY_AUTOMATIONS_URL": url})
    assert (result.returncode, error_of(result)["type"]) == (1, "NotSentError")
    assert "connection refused" in error_of(result)["message"]


def test_words_for_people(settings: Mapping[str, str]) -> None:
    status, shown = seen_in_process("trigger", "verdicts", environment=settings)
    assert status == 0
    assert "verdicts to http://127.0.0.1" in shown
    assert "delivered (200)" in shown
