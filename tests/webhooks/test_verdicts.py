"""Bot results at the webhook: every form of the API's page is read, and nothing unverified is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from omnivery import webhooks
from omnivery.automations import Verdict
from omnivery.errors import ConfigError, PayloadError, SignatureError

KEY = "example-signing-key"
NOW = 1700000000
HUMAN = {"event_id": "e2", "ip": "192.0.2.2", "uas": "Mozilla/5.0", "is_bot": False}
BOT = {"event_id": "e1", "ip": "192.0.2.1", "uas": "curl/8", "my_key": {"deep": [5]}, "is_bot": True}


def signed(**body: Any) -> bytes:
    return json.dumps({"signature": webhooks.sign(KEY, timestamp=NOW, token="t0k3n"), **body}).encode()


def parse(**body: Any) -> webhooks.BotVerdicts:
    event = webhooks.parse(signed(**body), KEY, now=NOW)
    assert isinstance(event, webhooks.BotVerdicts)
    return event


def without_verdict(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "is_bot"}


def test_the_documented_call_is_read() -> None:
    """The sample of the wire facts, its golden signature included."""
    body = (
        b'{"signature": {"timestamp": 1700000000, "token": "0123456789abcdef0123456789abcdef",'
        b' "signature": "18cb982ef97ce58bd0a6526b18e34f7ce869919b376a6515074c2f64dd0682dc"}, "batch": {},'
        b' "events": [{"event_id": "e1", "ip": "192.0.2.1", "uas": "Mozilla/5.0", "action": "click",'
        b' "ts": 1700000000, "my_key": 5, "is_bot": true}]}'
    )
    event = webhooks.parse(body, KEY, now=NOW)
    assert isinstance(event, webhooks.BotVerdicts)
    assert event.token == "0123456789abcdef0123456789abcdef"
    assert event.timestamp == NOW
    assert event.batch == {}
    assert event.extra == {}
    (verdict,) = event
    assert verdict.is_bot is True
    assert verdict.event_id == "e1"
    assert verdict.request == {
        "event_id": "e1",
        "ip": "192.0.2.1",
        "uas": "Mozilla/5.0",
        "action": "click",
        "ts": NOW,
        "my_key": 5,
    }


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([BOT, HUMAN], id="list"),
        pytest.param({"e1": BOT, "e2": HUMAN}, id="object of objects"),
        pytest.param({"domain": BOT, "is_bot": HUMAN}, id="object of objects under names of fields"),
    ],
)
def test_several_events_are_read_in_their_order(events: Any) -> None:
    """The API's table says object, its prose says array."""
    event = parse(events=events)
    assert len(event) == 2
    assert list(event) == [
        Verdict(is_bot=True, request=without_verdict(BOT)),
        Verdict(is_bot=False, request=without_verdict(HUMAN)),
    ]


@pytest.mark.parametrize("sent", [BOT, without_verdict(BOT), {"is_bot": True}])
def test_one_event_may_stand_alone(sent: dict[str, Any]) -> None:
    """An own attribute that is an object does not make an event an object of objects."""
    (verdict,) = parse(events=sent)
    assert verdict == Verdict(is_bot=sent.get("is_bot"), request=without_verdict(sent))


@pytest.mark.parametrize("events", [[], {}])
def test_no_events_are_no_verdicts(events: Any) -> None:
    assert len(parse(events=events)) == 0


def test_the_result_of_a_single_check_is_read() -> None:
    event = parse(is_bot=True, request=without_verdict(BOT), request_id="r1")
    assert event.verdicts == (Verdict(is_bot=True, request=without_verdict(BOT)),)
    assert event.extra == {"request_id": "r1"}


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("sent", [{}, {"is_bot": None}, {"is_bot": "true"}, {"is_bot": 1}, {"is_bot": 0}])
def test_a_missing_or_odd_verdict_is_unknown_and_never_human(sent: dict[str, Any], single: bool) -> None:
    """Counting an unknown as a human would poison every statistic behind it."""
    (verdict,) = parse(request={"event_id": "e1"}, **sent) if single else parse(events=[{"event_id": "e1", **sent}])
    assert verdict.is_bot is None
    assert verdict.request == {"event_id": "e1"}
    # The odd value is kept.
    assert verdict.extra == {name: value for name, value in sent.items() if value is not None}


def test_the_batch_and_unknown_fields_are_kept_as_they_came() -> None:
    event = parse(events=[], batch={"id": 7, "parts": [1]}, account="a1")
    assert event.batch == {"id": 7, "parts": [1]}
    assert event.extra == {"account": "a1"}


def test_a_batch_of_another_type_is_not_lost() -> None:
    event = parse(events=[], batch="b7")
    assert event.batch == {}
    assert event.extra == {"batch": "b7"}


def test_a_body_that_is_parsed_already_is_taken() -> None:
    """Frameworks hand over a mapping as readily as bytes."""
    event = webhooks.parse(json.loads(signed(events=[BOT])), KEY, now=NOW)
    assert isinstance(event, webhooks.BotVerdicts)
    assert len(event) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"hello": 1}, id="unknown"),
        pytest.param({"batch": {}}, id="batch alone"),
        pytest.param({"is_bot": True}, id="verdict on nothing"),
        pytest.param({"is_bot": True, "request": "e1"}, id="request no object"),
        pytest.param({"event-data": ["opened"]}, id="delivery event no object"),
        pytest.param({"events": None}, id="events null"),
        pytest.param({"events": "e1"}, id="events text"),
        pytest.param({"events": [BOT, 5]}, id="an entry that is no object"),
        pytest.param({"events": {"e1": BOT, "e2": None}}, id="an entry that is null"),
    ],
)
def test_an_unknown_payload_is_refused_and_the_message_says_what_was_expected(body: dict[str, Any]) -> None:
    with pytest.raises(PayloadError, match=r"expected a delivery event|object"):
        parse(**body)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"\xff", "[" * 100_000])
def test_what_is_no_json_object_is_a_payload_error(body: bytes | str) -> None:
    with pytest.raises(PayloadError, match="JSON object"):
        webhooks.parse(body, KEY)


@pytest.mark.parametrize(
    ("keys", "late", "reason"),
    [
        ((KEY,), 0, None),
        (("other",), 0, "wrong"),
        (("other",), 9999, "wrong"),  # a forger learns nothing about the clock
        ((KEY,), 312, "too old by 12 s"),
        ((KEY,), -400, "400 s in the future"),
    ],
)
def test_a_refused_signature_says_why(keys: tuple[str, ...], late: int, reason: str | None) -> None:
    """A wrong key, a slow queue and a clock that is off are fixed in three different places."""
    body = signed(events=[])
    assert webhooks.verify(body, *keys, now=NOW + late) is (reason is None)
    if reason is None:
        webhooks.parse(body, *keys, now=NOW + late)
    else:
        with pytest.raises(SignatureError, match=reason):
            webhooks.parse(body, *keys, now=NOW + late)


def test_a_missing_signature_is_said_to_be_missing() -> None:
    with pytest.raises(SignatureError, match="missing"):
        webhooks.parse({"events": [BOT]}, KEY)


def test_a_missing_key_comes_before_anything_in_the_body() -> None:
    with pytest.raises(ConfigError, match="key"):
        webhooks.parse(b"not JSON")


def test_nothing_personal_and_no_secret_is_shown() -> None:
    """Reprs and exception texts end in logs."""
    event = parse(events=[BOT], batch={"mail": "ann@example.com"}, more="ann@example.com")
    with pytest.raises(SignatureError) as wrong:
        webhooks.parse(signed(events=[BOT]), "other-key", now=NOW)
    with pytest.raises(PayloadError) as unreadable:
        webhooks.parse(b"192.0.2.1 curl/8", KEY)
    shown = f"{event!r} {wrong.value!r} {unreadable.value!r}"
    for secret in ("192.0.2.1", "curl/8", "ann@example.com", "t0k3n", KEY, "other-key"):
        assert secret not in shown
    # A JSON error carries the whole body along, and tracebacks show what an error was raised from.
    assert unreadable.value.__context__ is None


def test_the_facade_is_sorted_and_complete() -> None:
    assert dir(webhooks) == sorted(dir(webhooks))
    assert all(getattr(webhooks, name) is not None for name in dir(webhooks))
