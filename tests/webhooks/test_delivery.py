"""Delivery events: every documented field, both vendors' spellings, and that no odd field loses a whole call."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from attrs import evolve

from omnivery import webhooks
from omnivery.errors import PayloadError, SignatureError
from omnivery.webhooks import DeliveryEvent, bare_message_id, same_message

KEY = "example-signing-key"
NOW = 1700000000
TOKEN = "0123456789abcdef0123456789abcdef"
SIGNATURE = {
    "timestamp": NOW,
    "token": TOKEN,
    "signature": "18cb982ef97ce58bd0a6526b18e34f7ce869919b376a6515074c2f64dd0682dc",
}
UUID = "0d9b7a4e-0000-11ee-8000-000000000001"
DELIVERED: dict[str, Any] = {
    "event": "delivered",
    "id": "MTI6MzQ6ZGVsaXZlcmVkOjE3MDAwMDAwMDA=",
    "timestamp": 1700000000.25,
    "recipient": "ann@example.com",
    "recipient-domain": "example.com",
    "tags": ["welcome"],
    "user-variables": {"order": {"no": 7}},
    "envelope": {
        "sender": f"bounce-{UUID}@news.example.org",
        "sending-ip": "192.0.2.1",
        "targets": "ann@example.com",
        "transport": "smtp",
    },
    "message": {
        "size": 1200,
        "headers": {"message-id": UUID, "from": "News <n@example.org>", "subject": "Hi", "x-TestID": "7"},
    },
    "delivery-status": {
        "code": 250,
        "message": ["Ok:", "queued"],
        "description": "250 2.0.0 Ok: queued",
        "mx-host": "mx.example.com",
        "mx-ip": "192.0.2.9",
        "tls": True,
    },
}
OPENED: dict[str, Any] = {
    "event": "opened",
    "timestamp": 1700000002,
    "ip": "192.0.2.33",
    "message": {"headers": {"message-id": UUID}},
    "client-info": {
        "suspected-bot": False,
        "client-name": "Thunderbird",
        "client-type": "Email client",
        "client-os": "Windows 10",
        "device-type": "Personal computer",
        "user-agent": "Mozilla/5.0",
    },
    "geolocation": {
        "country_code": "ES",
        "country_name": "Spain",
        "continent_code": "EU",
        "continent_name": "Europe",
        "city": "Madrid",
    },
}


def parse(data: Any, *, wrapper: str = "event-data", **more: Any) -> DeliveryEvent:
    event = webhooks.parse(json.dumps({wrapper: data, "signature": SIGNATURE, **more}).encode(), KEY, now=NOW)
    assert isinstance(event, DeliveryEvent)
    return event


@pytest.mark.parametrize("wrapper", ["event-data", "event_data"])
def test_a_delivered_event_is_read_with_every_field(wrapper: str) -> None:
    event = parse(DELIVERED, wrapper=wrapper)
    assert event.event == "delivered"
    assert event.id == "MTI6MzQ6ZGVsaXZlcmVkOjE3MDAwMDAwMDA="
    assert event.timestamp == 1700000000.25
    assert event.occurred_at == datetime(2023, 11, 14, 22, 13, 20, 250000, UTC)
    assert (event.recipient, event.recipient_domain) == ("ann@example.com", "example.com")
    assert event.tags == ("welcome",)
    assert event.user_variables == {"order": {"no": 7}}
    assert event.message_id == UUID
    assert event.message_size == 1200
    assert event.envelope == webhooks.Envelope(
        sender=f"bounce-{UUID}@news.example.org", sending_ip="192.0.2.1", targets="ann@example.com", transport="smtp"
    )
    status = event.delivery_status
    assert (status.code, status.description, status.tls) == (250, "250 2.0.0 Ok: queued", True)
    assert (status.mx_host, status.mx_ip) == ("mx.example.com", "192.0.2.9")
    assert (event.token, event.signed_at) == (TOKEN, NOW)
    assert event.extra == {}


def test_an_opened_event_is_read_with_every_field() -> None:
    event = parse(OPENED)
    assert event.timestamp == 1700000002
    assert event.ip == "192.0.2.33"
    assert event.client_info == webhooks.ClientInfo(
        client_name="Thunderbird",
        client_type="Email client",
        client_os="Windows 10",
        device_type="Personal computer",
        user_agent="Mozilla/5.0",
        suspected_bot=False,
    )
    assert event.geolocation == webhooks.Geolocation(
        country="ES", country_name="Spain", continent_code="EU", continent_name="Europe", city="Madrid"
    )
    # What an open does not have needs no question before it.
    assert event.delivery_status.text is None


def test_a_failure_says_whether_it_is_for_good() -> None:
    event = parse(
        {
            "event": "failed",
            "severity": "permanent",
            "reason": "bounce",
            "delivery-status": {"code": 550, "bounce-class": "bad-mailbox", "message": "User unknown", "attempt-no": 1},
        }
    )
    assert (event.severity, event.reason) == ("permanent", "bounce")
    assert (event.delivery_status.code, event.delivery_status.bounce_class) == (550, "bad-mailbox")
    assert event.delivery_status.extra == {"attempt-no": 1}


def test_the_rarer_parts_are_kept() -> None:
    parts: dict[str, Any] = {
        "flags": {"is-test-mode": True},
        "reject": {"reason": "policy"},
        "complaint": {"source": "isp"},
        "unsubscribe": {"by": "link"},
        "storage": {"url": "https://storage.example.net/1"},
    }
    event = parse({"event": "rejected", "url": "https://example.com/?r=1", "campaigns": [{"id": 1}], **parts})
    assert event.url == "https://example.com/?r=1"
    assert event.campaigns == ({"id": 1},)
    assert {name: getattr(event, name) for name in parts} == parts
    assert event.extra == {}


@pytest.mark.parametrize(
    ("message", "text"),
    [("Ok: queued", "Ok: queued"), (["Ok:", "queued"], "Ok: queued"), ([], None), ("", None), (None, None)],
)
def test_the_servers_reply_is_one_text_however_it_came(message: Any, text: str | None) -> None:
    """Live calls bring a text, the API's sample a list."""
    status = parse({"delivery-status": {"message": message}}).delivery_status
    assert status.text == text
    assert status.message == (tuple(message) or None if isinstance(message, list) else text)


@pytest.mark.parametrize(
    ("client_info", "bot"),
    [
        ({"suspected-bot": True}, True),
        ({"suspected-bot": False}, False),
        ({"bot": "apple"}, True),
        ({"bot": ""}, False),
        ({"suspected-bot": False, "bot": "apple"}, False),
        ({"suspected-bot": None, "bot": "gmail"}, True),
        ({"suspected-bot": "false"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_bot_flag_is_read_in_both_spellings(client_info: Any, bot: bool | None) -> None:
    """Omnivery sends a truth value, Mailgun a name; what is neither is unknown, and never False."""
    assert parse({"client-info": client_info}).suspected_bot is bot


@pytest.mark.parametrize(
    ("place", "country"),
    [
        ({"country_code": "ES", "country_name": "Spain"}, "ES"),
        ({"country": "US", "region": "CA", "city": "Paris"}, "US"),
        ({"country_code": "ES", "country": "Spain"}, "ES"),
        ({"country_code": None, "country": "US"}, "US"),
        ([], None),
    ],
)
def test_the_country_is_read_in_both_spellings(place: Any, country: str | None) -> None:
    assert parse({"geolocation": place}).country == country


def test_headers_are_found_in_any_case() -> None:
    """Nobody knows in which case a custom header comes back."""
    headers = parse(DELIVERED).message_headers
    assert headers["X-TestId"] == "7"
    assert headers.get("Subject") == "Hi"


@pytest.mark.parametrize("empty", [[], {}, None])
def test_no_variables_are_an_empty_mapping(empty: Any) -> None:
    """PHP writes an empty object as an empty list."""
    event = parse({"user-variables": empty})
    assert event.user_variables == {}
    assert event.extra == {}


def test_an_unknown_event_is_kept_as_text() -> None:
    event = parse({"event": "greylisted", "severity": "softbounce", "brand-new": [1]}, account="a1")
    assert (event.event, event.severity) == ("greylisted", "softbounce")
    assert event.extra == {"brand-new": [1]}


def test_an_event_without_any_field_is_still_an_event() -> None:
    """The API's own sample has neither `event` nor `id`."""
    event = parse({})
    assert event == DeliveryEvent(token=TOKEN, signed_at=NOW)
    assert (event.occurred_at, event.country, event.suspected_bot) == (None, None, None)


ODD = ["text", 5, 2.5, True, ["list"], [None], {"an": "object"}]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("name", [*DELIVERED, *OPENED, "severity", "reason", "url", "flags", "campaigns", "storage"])
def test_a_field_of_another_type_never_loses_the_call(name: str, odd: Any) -> None:
    """A call that gets 406 for its form is not sent again: whatever a field holds, it is kept."""
    event = parse({name: odd})
    if evolve(event, extra={}) == parse({}):  # nobody could read it
        assert event.extra == {name: odd}


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("delivery-status", "code"),
        ("delivery-status", "message"),
        ("delivery-status", "tls"),
        ("client-info", "suspected-bot"),
        ("client-info", "bot"),
        ("geolocation", "country_code"),
        ("envelope", "targets"),
        ("message", "headers"),
        ("message", "size"),
    ],
)
def test_nor_does_a_field_of_a_part(part: str, name: str, odd: Any) -> None:
    parse({part: {name: odd}})


def test_what_a_part_does_not_know_is_kept_with_the_event() -> None:
    data = {"message": {"size": "1200", "headers": {"message-id": UUID, "x-odd": 5}, "attachments": [1]}}
    event = parse(data)
    assert event.message_size == 1200
    assert event.message_headers == {"message-id": UUID}
    assert event.extra == {"message": {"attachments": [1], "headers": {"x-odd": 5}}}


@pytest.mark.parametrize("timestamp", ["soon", 1e300, True])
def test_a_time_that_is_none_is_none(timestamp: Any) -> None:
    assert parse({"timestamp": timestamp}).occurred_at is None


@pytest.mark.parametrize("queued", [f"<{UUID}@mail.example.com>", UUID, f" {UUID.upper()}@other.example "])
@pytest.mark.parametrize("reported", [UUID, UUID.upper(), f"<{UUID}@mail.example.com>"])
def test_a_message_is_known_again_by_its_id(queued: str, reported: str) -> None:
    """`send` returns the id with brackets and domain, webhooks bring it bare."""
    event = parse({"message": {"headers": {"Message-Id": reported}}})
    assert same_message(queued, event)
    assert not same_message(queued.replace("0d9b", "ffff").replace("0D9B", "FFFF"), event)


@pytest.mark.parametrize(("queued", "reported"), [("", ""), (None, ""), ("<>", ""), (None, UUID), ("", UUID)])
def test_no_id_is_no_messages_id(queued: str | None, reported: str) -> None:
    """Else every event without an id would belong to every message without one."""
    assert not same_message(queued, parse({"message": {"headers": {"message-id": reported}}}))


def test_bare_ids_are_fit_to_be_stored() -> None:
    assert bare_message_id("<ABC-1@Mail.example.com>") == bare_message_id("abc-1") == "abc-1"


LEGACY = {"event": "delivered", "recipient": "ann@example.com", **{k: str(v) for k, v in SIGNATURE.items()}}
MULTIPART = '--b\r\nContent-Disposition: form-data; name="token"\r\n\r\nt\r\n--b--\r\n'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(urlencode(LEGACY).encode(), id="url-encoded"),
        pytest.param(urlencode(LEGACY), id="url-encoded text"),
        pytest.param(MULTIPART.encode(), id="multipart"),
        pytest.param(LEGACY, id="parsed by a framework"),
    ],
)
def test_a_legacy_form_post_is_refused_with_what_to_switch(body: Any) -> None:
    """Silence would leave the user wondering why a webhook that exists brings nothing."""
    with pytest.raises(PayloadError, match="set the webhook to the format `mailgun`") as caught:
        webhooks.parse(body, KEY, now=NOW)
    assert "ann@" not in str(caught.value)


def test_other_text_is_not_taken_for_a_form() -> None:
    with pytest.raises(PayloadError, match="not a JSON object"):
        webhooks.parse(b"a=1&b=2", KEY, now=NOW)


def test_an_event_with_a_wrong_signature_is_not_read() -> None:
    with pytest.raises(SignatureError, match="wrong"):
        webhooks.parse({"event-data": DELIVERED, "signature": SIGNATURE}, "other-key", now=NOW)


def test_an_event_shows_what_happened_to_whom_and_no_secret() -> None:
    """The link of a click may be what a single reader alone may follow: to unsubscribe, or to reset a password."""
    click = {**DELIVERED, **OPENED, "url": "https://example.com/reset?who=hush", "unknown": "hush"}
    shown = repr(parse(click))
    for secret in ("hush", "reset", TOKEN):
        assert secret not in shown
    for asked_for in ("opened", "ann@", "192.0.2", "Mozilla", "https://example.com/…"):
        assert asked_for in shown


def test_events_survive_pickling() -> None:
    """Task queues carry them to other processes."""
    event = parse({**DELIVERED, **OPENED})
    copy = pickle.loads(pickle.dumps(event))
    assert copy == event
    assert copy.message_headers["MESSAGE-ID"] == UUID
