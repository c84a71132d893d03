"""Stable ids: users keep them for years, so the very digits are part of the contract."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.automations import event_id_for, recipient_id_for
from omnivery.errors import ConfigError
from omnivery.events.ids import event_ids_for, hashed_texts

WHOLE: dict[str, Any] = {
    "ip": "192.0.2.1",
    "uas": "Mozilla/5.0",
    "ts": 1700000000,
    "action": "click",
    "message_id": "m-1",
    "recipient_id": "r-1",
    "url": "https://example.org/ü",
    "position": 7,
}

texts = st.none() | st.text(alphabet="ab1:-", max_size=4)
arguments = st.fixed_dictionaries(
    {name: texts for name in WHOLE if name != "ts"} | {"ts": st.none() | st.integers(0, 20)}
).filter(lambda found: any(value is not None for value in found.values()))


@pytest.mark.parametrize(
    ("given_arguments", "golden"),
    [
        (WHOLE, "03d67c681eb02d702b18b3f41a214473"),
        ({"ip": "192.0.2.1"}, "84ad49ad547341d41a6a1a2c8078df6e"),
        ({"uas": ""}, "4e04fa9063e70e16de10dfe5f94a893b"),
        ({"uas": "\ud800"}, "a35910a151bf390c7739abc25ca55ba1"),
    ],
)
def test_golden_ids(given_arguments: dict[str, Any], golden: str) -> None:
    """Worked out apart from this code; a change here makes every user's log yield new ids."""
    assert event_id_for(**given_arguments) == golden


@pytest.mark.parametrize("name", list(WHOLE))
@pytest.mark.parametrize("other", [None, "", "other"])
def test_the_id_differs_when_any_argument_differs(name: str, other: str | None) -> None:
    assert event_id_for(**{**WHOLE, name: other}) != event_id_for(**WHOLE)


def test_a_missing_argument_is_not_an_empty_one() -> None:
    assert event_id_for(ip="192.0.2.1", uas="") != event_id_for(ip="192.0.2.1", uas=None)


def test_the_same_text_in_another_argument_is_another_id() -> None:
    assert event_id_for(message_id="x") != event_id_for(recipient_id="x")


@given(arguments, arguments)
def test_two_interactions_never_share_an_id(one: dict[str, Any], two: dict[str, Any]) -> None:
    """Lengths stand before the parts, so that no text can run over into its neighbour."""
    assert (event_id_for(**one) == event_id_for(**two)) == (one == two)


@given(st.text(max_size=5), st.text(min_size=1, max_size=5))
def test_moving_a_border_between_arguments_changes_the_id(head: str, tail: str) -> None:
    assert event_id_for(message_id=head + tail, recipient_id="") != event_id_for(message_id=head, recipient_id=tail)


def test_many_texts_are_hashed_as_one_is() -> None:
    assert hashed_texts(["-" * 7 + "2:é", "-" * 7 + "1:7"]) == [
        event_id_for(position="é"),
        event_id_for(position=7),
    ]
    assert hashed_texts([]) == []


def test_ids_of_nothing_are_refused() -> None:
    """They would all be equal, and the service keys verdicts by them."""
    with pytest.raises(ConfigError, match="at least one argument"):
        event_id_for()


@pytest.mark.parametrize("key", ["secret", b"secret"])
@pytest.mark.parametrize("address", ["ann@example.com", "  Ann@EXAMPLE.com\n"])
def test_a_recipient_id_is_golden_whatever_case_and_blanks(address: str, key: str | bytes) -> None:
    assert recipient_id_for(address, key) == "beac5748fe881f214ea8b8f7b35dd2452f728e8939045499f8fbe659da95f40f"


def test_a_recipient_id_hangs_on_the_key() -> None:
    assert recipient_id_for("ann@example.com", "secret") != recipient_id_for("ann@example.com", "other")


@pytest.mark.parametrize(("address", "key"), [("", "secret"), (" \n", "secret"), ("a@example.com", ""), ("a@b.c", b"")])
def test_an_empty_address_or_key_is_refused(address: str, key: str | bytes) -> None:
    """A hash without a key could be reversed by trying addresses."""
    with pytest.raises(ConfigError, match="neither may be empty"):
        recipient_id_for(address, key)


def test_ids_of_columns_are_those_of_their_rows() -> None:
    """A column that is not there is one of None, and text is counted in bytes."""
    urls = ["/a", None, "/é", "\ud800"]
    found = event_ids_for(
        ips=["192.0.2.1"] * 4,
        uas=repeat(None),
        ts=[1, None, 3, 4],
        actions=repeat(None),
        message_ids=repeat(None),
        recipient_ids=repeat(None),
        urls=urls,
        positions=range(7, 11),
    )
    rows = zip([1, None, 3, 4], urls, range(7, 11), strict=True)
    assert found == [event_id_for(ip="192.0.2.1", ts=ts, url=url, position=position) for ts, url, position in rows]
