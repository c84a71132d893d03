"""Example webhook calls: each kind is one that the SDK itself reads, and says what its name says."""

from __future__ import annotations

import pytest

from omnivery.emulator.examples import ALIASES, HAPPENINGS, KINDS, VERDICTS, example_call
from omnivery.errors import ConfigError
from omnivery.webhooks import BotVerdicts, DeliveryEvent, parse, sign

KEY = "key-of-the-test"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_by_the_sdk(kind: str) -> None:
    event = parse({**example_call(kind), "signature": sign(KEY)}, KEY)
    if kind in VERDICTS:
        assert isinstance(event, BotVerdicts)
        assert tuple(verdict.is_bot for verdict in event) == VERDICTS[kind]
        assert len({verdict.event_id for verdict in event}) == len(event)
    else:
        assert isinstance(event, DeliveryEvent)
        assert event.event == HAPPENINGS[kind].event
        assert event.severity == (HAPPENINGS[kind].severity or None)
        assert not event.extra


def test_aliases_lead_to_kinds() -> None:
    assert set(ALIASES.values()) <= set(KINDS)
    assert not set(ALIASES) & set(KINDS)
    assert example_call("Open")["event-data"]["event"] == "opened"
    assert example_call("permanent-fail")["event-data"]["severity"] == "permanent"


def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match=r"of the kind 'flown'; there are accepted, delivered, .*, verdicts$"):
        example_call("flown")


def test_fields_are_set_where_their_path_leads() -> None:
    fields = {"message.headers.subject": "Hi", "user-variables.order.no": 7, "timestamp": 5, "geolocation": None}
    data = example_call("opened", fields=fields)["event-data"]
    assert data["message"]["headers"]["subject"] == "Hi"
    assert data["user-variables"] == {"order": {"no": 7}}
    assert (data["timestamp"], data["geolocation"]) == (5, None)


def test_a_recipient_is_set_everywhere() -> None:
    """Receivers look for it in different places."""
    data = example_call("delivered", domain="mail.example.org", fields={"recipient": "bob@example.net"})["event-data"]
    assert data["recipient-domain"] == "example.net"
    assert data["envelope"]["targets"] == data["message"]["headers"]["to"] == "bob@example.net"
    assert "ann@" not in str(data)
    assert "mail.example.com" not in str(data)


def test_fields_are_set_in_every_event_that_has_a_verdict() -> None:
    events = example_call("verdicts", fields={"message_id": "m1", "own.key": True})["events"]
    assert [(event["message_id"], event["own"]) for event in events] == [("m1", {"key": True})] * 2


def test_a_path_through_a_text_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"event is not an object, so .event\.name. cannot be set"):
        example_call("opened", fields={"event.name": "x"})


def test_flags_can_be_set() -> None:
    assert example_call("opened", flags={"is-test-mode": True})["event-data"]["flags"] == {"is-test-mode": True}
