"""Signed payloads: the SDK's own receiver takes them, and so does a check of the signature by hand."""

from __future__ import annotations

import time
from typing import Any, get_args

import pytest

from omnivery import webhooks
from omnivery.automations import Verdict, WebhookType
from omnivery.errors import ConfigError, SignatureError
from omnivery.mail.vocabulary import WebhookName
from omnivery.testing import bot_event, delivery_payload, verdicts_payload
from omnivery.webhooks import BotVerdicts, DeliveryEvent

KEY = "a-signing-key"
KINDS = [*WebhookType, "permanent_fail", "temporary_fail"]


def parse(payload: dict[str, Any]) -> Any:
    return webhooks.parse(payload, KEY)


@pytest.mark.parametrize("kind", KINDS)
def test_a_delivery_payload_of_each_kind_is_signed_and_read(kind: str) -> None:
    event = parse(delivery_payload(kind, signing_key=KEY))
    assert isinstance(event, DeliveryEvent)
    assert event.verified
    failures = {"hardbounced", "permanent_fail", "softbounced", "temporary_fail"}
    assert event.event == ("failed" if kind in failures else kind)
    assert (event.recipient, event.extra) == ("ann@example.com", {})


def test_the_kinds_are_those_of_the_vocabulary() -> None:
    assert set(get_args(get_args(WebhookName)[0])) <= {str(kind) for kind in KINDS}


def test_fields_are_set_also_within_objects() -> None:
    fields = {"recipient": "bob@example.com", "user-variables.order": "7", "message.headers.message-id": "m1"}
    event = parse(delivery_payload("clicked", fields=fields, domain="d.example.com", signing_key=KEY))
    assert (event.recipient, event.user_variables, event.message_id) == ("bob@example.com", {"order": "7"}, "m1")


def test_without_arguments_there_is_a_bot_s_verdict_and_a_human_s() -> None:
    verdicts = parse(verdicts_payload(signing_key=KEY))
    assert isinstance(verdicts, BotVerdicts)
    assert [verdict.is_bot for verdict in verdicts] == [True, False]


def test_events_and_verdicts_come_back_as_they_are() -> None:
    event = bot_event(attributes={"campaign": "spring"})
    given: list[Any] = [
        event,
        {"ip": "192.0.2.1", "event_id": "e2"},
        Verdict(is_bot=None, request=bot_event(event_id="e3")),
    ]
    found = list(parse(verdicts_payload(given, is_bot=False, signing_key=KEY)))
    assert [verdict.is_bot for verdict in found] == [False, False, None]
    assert found[0].request == event
    assert [verdict.event_id for verdict in found[1:]] == ["e2", "e3"]
    assert [verdict.is_bot for verdict in parse(verdicts_payload([event], signing_key=KEY))] == [True]


def test_the_key_is_the_environment_s_if_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's, where the fixture runs one."""
    monkeypatch.delenv("OMNIVERY_SIGNING_KEY", raising=False)
    with pytest.raises(ConfigError, match="pass signing_key=… or set OMNIVERY_SIGNING_KEY"):
        delivery_payload()
    monkeypatch.setenv("OMNIVERY_SIGNING_KEY", KEY)
    assert parse(delivery_payload()).event == "delivered"
    assert webhooks.verify(verdicts_payload(), KEY)


def test_each_payload_is_a_call_of_its_own() -> None:
    """A receiver refuses a token that it has seen."""
    first, second = (delivery_payload(signing_key=KEY)["signature"]["token"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("make", [delivery_payload, verdicts_payload])
def test_old_and_forged_payloads_can_be_made(make: Any) -> None:
    with pytest.raises(SignatureError, match="too old"):
        parse(make(signing_key=KEY, timestamp=int(time.time()) - 3600))
    with pytest.raises(SignatureError, match="wrong"):
        parse(make(signing_key="another-key"))


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ConfigError, match="'bounse'"):
        delivery_payload("bounse", signing_key=KEY)
