"""From a delivery webhook's open or click to a bot event."""

from __future__ import annotations

from typing import Any

import pytest

from omnivery import BotEvent
from omnivery.automations import event_id_for, recipient_id_for
from omnivery.errors import ConfigError
from omnivery.events.validation import fault_of
from omnivery.webhooks.delivery import DeliveryEvent, read

CLICK: dict[str, Any] = {
    "event": "clicked",
    "id": "click-1",
    "timestamp": 1_700_000_002.75,
    "recipient": "Ann@Example.com",
    "recipient-domain": "example.com",
    "ip": "::ffff:198.51.100.7",
    "url": "https://example.org/?to=ann@example.com",
    "message": {"headers": {"message-id": "0d9b7a4e-0000-11ee-8000-000000000001"}},
    "client-info": {"user-agent": "Mozilla/5.0"},
    "user-variables": {"campaign": "spring", "order": {"no": 7}, "to": "ann@example.com"},
}
KEY = "a secret of your own"


def delivery(**changed: Any) -> DeliveryEvent:
    """What a receiver hands to its handler."""
    data = {name: value for name, value in {**CLICK, **changed}.items() if value is not None}
    return read({"event-data": data})


def test_a_click_becomes_an_event() -> None:
    """Everything that the API has a name for, and nothing that shows who the recipient is."""
    assert BotEvent.from_delivery(delivery()) == BotEvent(
        ip="198.51.100.7",
        uas="Mozilla/5.0",
        event_id="click-1",
        action="click",
        domain="example.com",
        message_id="0d9b7a4e-0000-11ee-8000-000000000001",
        ts=1_700_000_002,
    )


def test_an_open_becomes_an_event() -> None:
    assert BotEvent.from_delivery(delivery(event="opened", url=None)).action == "open"


@pytest.mark.parametrize("event", ["delivered", "failed", "complained", "unsubscribed", None])
def test_what_is_neither_open_nor_click_is_refused(event: str | None) -> None:
    """A bounce has no client: sent as a click, it would be judged as one."""
    with pytest.raises(ConfigError, match="expected an opened or clicked one"):
        BotEvent.from_delivery(delivery(event=event))


def test_the_recipient_travels_as_a_keyed_hash_or_not_at_all() -> None:
    with_key = BotEvent.from_delivery(delivery(), recipient_key=KEY)
    assert with_key.recipient_id == recipient_id_for("ann@example.com", KEY)
    for event in (with_key, BotEvent.from_delivery(delivery())):
        assert "ann" not in str([event.ip, event.recipient_id, event.attributes, event.event_id]).lower()


def test_own_attributes_travel_by_name_alone() -> None:
    """Dots lead into nested variables; the link is one more name; what is not there is left out."""
    event = BotEvent.from_delivery(delivery(), attributes=("campaign", "order.no", "url", "none", "order.none.deep"))
    assert event.attributes == {
        "campaign": "spring",
        "order.no": 7,
        "url": "https://example.org/?to=ann@example.com",
    }


def test_a_variable_named_url_is_not_the_link() -> None:
    event = BotEvent.from_delivery(delivery(**{"user-variables": {"url": "mine"}}), attributes=["url"])
    assert event.attributes == {"url": "mine"}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"attributes": ("domain",)}, "attributes: 'domain' is a field of the event itself"),
        ({"attributes": "campaign"}, "attributes: expected a sequence of names, such as"),
        ({"recipient_key": ""}, "recipient_key: must not be empty"),
        ({"recipient_key": b""}, "recipient_key: must not be empty"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        BotEvent.from_delivery(delivery(), **arguments)


@pytest.mark.parametrize("missing", [name for name in CLICK if name != "event"])
def test_no_field_is_needed_to_make_an_event(missing: str) -> None:
    """What cannot be sent without it is for the run to reject, with a reason."""
    event = BotEvent.from_delivery(delivery(**{missing: None}), recipient_key=KEY, attributes=("campaign",))
    assert event.event_id
    assert (fault_of(event) is None) == (missing not in {"ip", "client-info"})


def test_an_agent_that_sent_no_name_is_told_from_one_that_is_not_known() -> None:
    """`-` says that the client sent none; None, that nobody wrote it down."""
    assert BotEvent.from_delivery(delivery(**{"client-info": {"user-agent": ""}})).uas == "-"
    assert BotEvent.from_delivery(delivery(**{"client-info": {}})).uas is None


def test_an_event_without_an_id_gets_the_same_one_at_each_repetition() -> None:
    """Providers repeat webhook calls; two clicks in one second are two."""
    first, again, later = (BotEvent.from_delivery(delivery(id=None, timestamp=moment)) for moment in (1.25, 1.25, 1.75))
    assert first == again
    assert first.event_id != later.event_id
    assert first.event_id == event_id_for(
        ip="198.51.100.7",
        uas="Mozilla/5.0",
        ts=1,
        action="click",
        message_id="0d9b7a4e-0000-11ee-8000-000000000001",
        url="https://example.org/?to=ann@example.com",
        position="1.25",
    )


def test_the_domain_is_the_recipients_own() -> None:
    """Of a display form too; and without a recipient there is none."""
    named = delivery(recipient="Ann Smith <ann@Example.org>", **{"recipient-domain": None})
    assert BotEvent.from_delivery(named).domain == "example.org"
    assert BotEvent.from_delivery(named, recipient_key=KEY).recipient_id == recipient_id_for("ann@example.org", KEY)
    assert BotEvent.from_delivery(delivery(recipient=None, **{"recipient-domain": None})).domain is None
