"""Bot results at the webhook: every form of the API's page is read, and nothing unverified is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery import BotEvent, webhooks
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
    assert event.verified is True
    (verdict,) = event
    assert verdict.is_bot is True
    assert verdict.event_id == "e1"
    assert verdict.request.to_fields() == {
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


def test_entries_may_have_the_form_of_a_check() -> None:
    """Nothing says how a batch's results are laid out: without its id, a verdict is lost."""
    checks: list[dict[str, Any]] = [
        {"is_bot": True, "request": without_verdict(BOT), "score": 9},
        {"is_bot": False, "request": "GET /"},
        {"is_bot": False, "event_id": "e5", "request": {"event_id": "of the user's own"}},
    ]
    first, second, third = parse(events=checks)
    assert (first.is_bot, first.event_id, (first.request.attributes or {})["score"]) == (True, "e1", 9)
    assert (second.is_bot, second.event_id, second.request.attributes) == (False, None, {"request": "GET /"})
    assert (third.event_id, third.request.attributes) == ("e5", {"request": {"event_id": "of the user's own"}})


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("sent", [{}, {"is_bot": None}, {"is_bot": "true"}, {"is_bot": 1}, {"is_bot": 0}])
def test_a_missing_or_odd_verdict_is_unknown_and_never_human(sent: dict[str, Any], single: bool) -> None:
    """Counting an unknown as a human would poison every statistic behind it."""
    (verdict,) = parse(request={"event_id": "e1"}, **sent) if single else parse(events=[{"event_id": "e1", **sent}])
    assert verdict.is_bot is None
    assert verdict.request == BotEvent(event_id="e1")
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
        pytest.param({"event-data": ["opened"]}, id="delivery event no object"),
    ],
)
def test_an_unknown_payload_is_refused_and_the_message_says_what_was_expected(body: dict[str, Any]) -> None:
    with pytest.raises(PayloadError, match=r"expected a delivery event|object"):
        parse(**body)


# Odd entries


@pytest.mark.parametrize(
    ("body", "readable", "unreadable"),
    [
        pytest.param({"events": [BOT, None, 5, "e3", [HUMAN], HUMAN]}, 2, [None, 5, "e3", [HUMAN]], id="not an object"),
        pytest.param({"events": {"e1": BOT, "e2": None}}, 1, [{"e2": None}], id="null in an object of objects"),
        pytest.param({"events": None}, 0, [None], id="events null"),
        pytest.param({"events": "e1"}, 0, ["e1"], id="events text"),
        pytest.param({"is_bot": True, "request": "e1"}, 0, ["e1"], id="request text"),
        pytest.param({"is_bot": True, "request": None}, 0, [None], id="request null"),
    ],
)
def test_an_entry_that_is_no_event_is_kept_and_costs_none_of_the_others(
    body: dict[str, Any], readable: int, unreadable: list[Any]
) -> None:
    """The service does not repeat a call that is refused for its form: the other 499 verdicts would be lost."""
    event = parse(**body)
    assert [verdict.request.to_fields() for verdict in event] == [without_verdict(BOT), without_verdict(HUMAN)][
        :readable
    ]
    assert list(event.unreadable) == unreadable


def test_the_names_in_an_object_of_events_are_their_ids_where_they_say_none() -> None:
    event = parse(
        events={"e1": {"is_bot": True, "ip": "192.0.2.1"}, "x": HUMAN, "e3": {"is_bot": False, "event_id": None}}
    )
    assert [(verdict.event_id, verdict.is_bot) for verdict in event] == [("e1", True), ("e2", False), ("e3", False)]


@pytest.mark.parametrize("action", ["hover", "", None, 5])
def test_an_unknown_action_is_an_event_like_any_other(action: Any) -> None:
    (verdict,) = parse(events=[{**BOT, "action": action}])
    assert (verdict.is_bot, verdict.event_id, verdict.request.action) == (True, "e1", action)


DAMAGE = [
    pytest.param(rb"\ud800", "\ufffd", id="half of a surrogate pair"),
    pytest.param(rb"\uDFFFx", "\ufffdx", id="the other half"),
    pytest.param(rb"\ud83d\ude00", "\U0001f600", id="a whole pair"),
    pytest.param(b"\xff", "\ufffd", id="not UTF-8"),
    pytest.param(b"a\nb\x00", "a\nb\x00", id="control characters"),
    pytest.param(rb"\\ud800", "\\ud800", id="an escaped backslash is no damage"),
]


def damaged(sent: bytes, name: bytes) -> bytes:
    """A signed call of three events, with some bytes in a field of the second."""
    entry = b'{"event_id": "e3", "is_bot": false, "uas": "x", "event_id": "e3", "%s": "%s"}' % (name, sent)
    return signed(events=[BOT, "HERE", HUMAN]).replace(b'"HERE"', entry)


@pytest.mark.parametrize(("sent", "read"), DAMAGE)
def test_damaged_text_is_marked_and_costs_no_verdict(sent: bytes, read: str) -> None:
    """orjson refuses such a body as a whole, and a log's user agents hold anything."""
    event = webhooks.parse(damaged(sent, b"uas"), KEY, now=NOW)
    assert isinstance(event, webhooks.BotVerdicts)
    assert [(verdict.event_id, verdict.is_bot) for verdict in event] == [("e1", True), ("e3", False), ("e2", False)]
    assert event.verdicts[1].request.uas == read
    assert event.unreadable == ()


@pytest.mark.parametrize("sent", [rb"\ud800", b"\xff"])
def test_an_id_that_is_damaged_names_no_event(sent: bytes) -> None:
    """Two different ids may be damaged into the same text: one would get the other's verdict."""
    event = webhooks.parse(damaged(sent, b"event_id"), KEY, now=NOW)
    assert isinstance(event, webhooks.BotVerdicts)
    assert [verdict.event_id for verdict in event] == ["e1", "e2"]
    assert [entry["event_id"] for entry in event.unreadable] == ["\ufffd"]


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1" * 5000, b"1e999"])
def test_numbers_beyond_json_cost_no_verdict(number: bytes) -> None:
    body = signed(events=[BOT, {**HUMAN, "my_key": "HERE"}]).replace(b'"HERE"', number)
    event = webhooks.parse(body, KEY, now=NOW)
    assert isinstance(event, webhooks.BotVerdicts)
    assert [verdict.event_id for verdict in event] == ["e1", "e2"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_other_encodings_of_json_are_read(encoding: str) -> None:
    event = webhooks.parse(signed(events=[BOT]).decode().encode(encoding), KEY, now=NOW)
    assert isinstance(event, webhooks.BotVerdicts)
    assert [verdict.event_id for verdict in event] == ["e1"]


def test_text_with_a_byte_order_mark_is_read() -> None:
    """A framework that hands over text has decoded the mark to a character."""
    event = webhooks.parse("\ufeff" + signed(events=[BOT]).decode(), KEY, now=NOW)
    assert isinstance(event, webhooks.BotVerdicts)
    assert [verdict.event_id for verdict in event] == ["e1"]


@given(st.binary(max_size=30))
def test_whatever_a_text_holds_the_other_verdicts_are_taken(junk: bytes) -> None:
    """A quote ends the text, and with it the JSON; anything else stays within it."""
    sent = junk.replace(b'"', b"").replace(b"\\", b"")
    event = webhooks.parse(damaged(sent, b"uas"), KEY, now=NOW)
    assert isinstance(event, webhooks.BotVerdicts)
    assert [verdict.event_id for verdict in event] == ["e1", "e3", "e2"]


NAMES = st.sampled_from(["event_id", "ip", "ts", "attributes", "is_bot", "request"]) | st.text(max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(events=st.lists(VALUES | st.dictionaries(NAMES, VALUES, max_size=6), max_size=4))
def test_every_entry_is_a_verdict_or_unreadable_whatever_it_is(events: list[Any]) -> None:
    event = parse(events=events)
    objects = [entry for entry in events if isinstance(entry, dict)]
    assert (len(event), len(event.unreadable)) == (len(objects), len(events) - len(objects))
    for verdict, entry in zip(event, objects, strict=True):
        assert verdict.is_bot is (entry["is_bot"] if isinstance(entry.get("is_bot"), bool) else None)


# Without a signature of ours


def test_parse_unverified_reads_without_a_signature() -> None:
    """The page leaves `signature` optional."""
    event = webhooks.parse_unverified(json.dumps({"events": [BOT]}), now=NOW + 0.5)
    assert isinstance(event, webhooks.BotVerdicts)
    assert [verdict.is_bot for verdict in event] == [True]
    assert (event.verified, event.timestamp) == (False, NOW)
    assert event.token.startswith("sha256:")


def test_parse_unverified_reads_what_is_signed_in_another_way() -> None:
    event = webhooks.parse_unverified(signed(events=[BOT]).replace(b"t0k3n", b"other"))
    assert isinstance(event, webhooks.BotVerdicts)
    assert (event.token, event.timestamp, event.verified) == ("other", NOW, False)
    delivery = webhooks.parse_unverified({"event-data": {"event": "opened"}})
    assert isinstance(delivery, webhooks.DeliveryEvent)
    assert (delivery.event, delivery.verified, delivery.signed_at) == ("opened", False, None)


def test_equal_bodies_without_a_signature_have_equal_tokens() -> None:
    one, same, other = (webhooks.parse_unverified({"events": [{"event_id": name}]}).token for name in ("a", "a", "b"))
    assert one == same != other


def test_parse_unverified_refuses_what_it_cannot_read() -> None:
    for body in (b"not JSON", b"[]", b'{"hello": 1}'):
        with pytest.raises(PayloadError):
            webhooks.parse_unverified(body)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"\xff", "[" * 100_000])
def test_what_is_no_json_object_is_a_payload_error(body: bytes | str) -> None:
    with pytest.raises(PayloadError, match="JSON object"):
        webhooks.parse(body, KEY)


@pytest.mark.parametrize(
    ("keys", "late", "words", "reason"),
    [
        ((KEY,), 0, None, None),
        (("other",), 0, "wrong", "signature wrong"),
        (("other",), 9999, "wrong", "signature wrong"),  # a forger learns nothing about the clock
        ((KEY,), 312, "authentic, but too old by 12 s", "signature too old"),
        ((KEY,), -400, "authentic, but 400 s in the future", "signature in the future"),
    ],
)
def test_a_refused_signature_says_why(keys: tuple[str, ...], late: int, words: str | None, reason: str | None) -> None:
    """A wrong key, a slow queue and a clock that is off are fixed in three different places."""
    body = signed(events=[])
    assert webhooks.verify(body, *keys, now=NOW + late) is (reason is None)
    if reason is None:
        webhooks.parse(body, *keys, now=NOW + late)
        return
    with pytest.raises(SignatureError, match=words) as refused:
        webhooks.parse(body, *keys, now=NOW + late)
    assert refused.value.reason == reason


def test_without_a_tolerance_any_age_is_accepted_and_a_forgery_is_not() -> None:
    body = signed(events=[BOT])
    for late in (-(10**9), 10**9):
        assert webhooks.verify(body, KEY, tolerance=None, now=NOW + late)
        webhooks.parse(body, KEY, tolerance=None, now=NOW + late)
    assert not webhooks.verify(body, "other", tolerance=None, now=NOW)


def test_a_missing_signature_is_said_to_be_missing() -> None:
    with pytest.raises(SignatureError, match="missing"):
        webhooks.parse({"events": [BOT]}, KEY)


def test_a_missing_key_comes_before_anything_in_the_body() -> None:
    with pytest.raises(ConfigError, match="key"):
        webhooks.parse(b"not JSON")


def test_errors_show_nothing_personal_and_nothing_shows_a_secret() -> None:
    """Exception texts end in logs; a repr is for the one who asked, and shows the events, but no token."""
    event = parse(events=[BOT], batch={"mail": "ann@example.com"}, more="ann@example.com")
    with pytest.raises(SignatureError) as wrong:
        webhooks.parse(signed(events=[BOT]), "other-key", now=NOW)
    with pytest.raises(PayloadError) as unreadable:
        webhooks.parse(b"192.0.2.1 curl/8", KEY)
    errors = f"{wrong.value!r} {unreadable.value!r}"
    assert not any(personal in errors for personal in ("192.0.2.1", "curl/8", "ann@example.com"))
    assert not any(secret in f"{event!r} {errors}" for secret in ("t0k3n", KEY, "other-key"))
    # A JSON error carries the whole body along, and tracebacks show what an error was raised from.
    assert unreadable.value.__context__ is None


def test_the_facade_is_sorted_and_complete() -> None:
    assert dir(webhooks) == sorted(dir(webhooks))
    assert all(getattr(webhooks, name) is not None for name in dir(webhooks))
