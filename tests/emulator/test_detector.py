"""The detector's rules, and their order: examples and tests of users rely on both."""

from __future__ import annotations

from typing import Any

import pytest

from omnivery.emulator.detector import Detector

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def event(**fields: Any) -> dict[str, Any]:
    """A human's event, unless the fields say otherwise."""
    return {"ip": "8.8.4.4", "uas": CHROME, "event_id": "e", "ts": 1_700_000_100, "message_ts": 1_700_000_000, **fields}


def verdict(**fields: Any) -> bool | None:
    (verdict,) = Detector().judge([event(**fields)])
    return verdict


def test_an_ordinary_event_is_a_humans() -> None:
    assert verdict() is False


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("192.0.2.1", True),
        ("192.0.2.255", True),
        ("198.51.100.7", False),
        ("203.0.113.9", None),
        ("192.0.20.1", False),
        ("::ffff:192.0.2.1", True),
        ("0:0:0:0:0:FFFF:192.0.2.1", True),
        ("::ffff:198.51.100.7", False),
    ],
)
def test_the_fixed_networks_have_fixed_verdicts(ip: str, expected: bool | None) -> None:
    assert verdict(ip=ip) is expected


def test_the_fixed_networks_outweigh_every_other_rule() -> None:
    """Tests of users must get the verdict that they ask for."""
    assert verdict(ip="198.51.100.1", uas=GOOGLEBOT, ts=1_700_000_000) is False
    assert verdict(ip="203.0.113.1", uas="-") is None


@pytest.mark.parametrize("agent", ["", "-", " ", GOOGLEBOT, "curl/8.5.0"])
def test_no_user_agent_and_a_crawlers_are_bots(agent: str) -> None:
    assert verdict(uas=agent) is True


def test_a_user_agent_that_was_not_told_says_nothing() -> None:
    """A single check may name the address alone: that is not the same as an empty User-Agent header."""
    (verdict,) = Detector().judge([{"ip": "8.8.4.4"}])
    assert verdict is False


@pytest.mark.parametrize(("seconds", "expected"), [(-1, False), (0, True), (1, True), (2, False)])
def test_too_soon_after_delivery_is_a_bot(seconds: int, expected: bool) -> None:
    assert verdict(ts=1_700_000_000 + seconds) is expected


def test_four_events_of_one_recipient_in_one_second_are_a_bots() -> None:
    three = [event(message_id="m", recipient_id="r", event_id=str(n)) for n in range(3)]
    assert Detector().judge(three) == [False] * 3
    fourth = event(message_id="m", recipient_id="r", event_id="3")
    other_second = {**fourth, "ts": fourth["ts"] + 1}
    other_recipient = {**fourth, "recipient_id": "s"}
    assert Detector().judge([*three, fourth, other_second, other_recipient]) == [True] * 4 + [False] * 2


def test_events_that_do_not_name_message_and_recipient_make_no_burst() -> None:
    """Otherwise all events without these fields would count as one recipient's."""
    assert Detector().judge([event(message_id="m")] * 10 + [event()] * 10) == [False] * 20


def test_fields_of_other_types_are_taken_for_missing() -> None:
    """Only ip, uas and event_id are checked on the way in, so the rest may be anything."""
    assert verdict(ts="soon", message_ts=None, message_id=["m"], recipient_id={"r": 1}) is False
