"""Queries for bot events: what the bytes of a batch rule out is what none of its events would match."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.emulator.records.bot_event_query import BotEventMatch, BotEventQuery

KELVIN = "\u212a"
"""Its lower case is an ASCII letter."""


def is_possible(query: BotEventQuery, body: str) -> bool:
    return BotEventMatch(query).is_possible(body.encode(), bytes([0]))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("none", "null"),
        ("on", "null"),
        ("true", "true"),
        ("1000.0", "1e3"),
        ("1, 2", "[1,2]"),
        (", 2", "[1,2]"),
        ("x': 'y", '{"x":"y"}'),
        ("inf", "1e999"),
        ("k", f'"{KELVIN}"'),
        ("a/b", r'"a\/b"'),
        ("bob", r'"\u0062ob"'),
        ('say "hi"', r'"say \"hi\""'),
        ("MIXED case", '"Mixed Case"'),
    ],
)
def test_a_batch_with_a_match_is_never_ruled_out(text: str, value: str) -> None:
    """JSON and the text of a value differ in more ways than one would think."""
    query = BotEventQuery(text=text)
    assert BotEventMatch(query)({"note": json.loads(value)}, 0)
    assert is_possible(query, f'{{"note":{value}}}')


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("aeknoĸK\u212a .,'\"/\\1\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=2),
    max_leaves=4,
)


@given(
    event=st.fixed_dictionaries({"ip": st.text(".:1a"), "uas": st.text("aK\u212a "), "note": VALUES}), data=st.data()
)
def test_nor_any_other(event: dict[str, Any], data: st.DataObject) -> None:
    shown = str(event["note"])
    begin = data.draw(st.integers(0, len(shown)))
    text = shown[begin : data.draw(st.integers(begin, len(shown)))]
    query = BotEventQuery(text=text, agent=event["uas"][1:], ip=event["ip"] or None)
    assert BotEventMatch(query)(event, 0)
    ascii_only = data.draw(st.booleans())
    body = json.dumps(event, ensure_ascii=ascii_only, separators=(",", ":"))
    assert is_possible(query, body)


@pytest.mark.parametrize(
    "query",
    [
        BotEventQuery(text="nothing"),
        BotEventQuery(text="Chrome 7"),
        BotEventQuery(agent="Safari"),
        BotEventQuery(ip="192.0.2.7"),
        BotEventQuery(ip="92."),
        BotEventQuery(message_id="m"),
        BotEventQuery(verdict="bot"),
    ],
)
def test_a_batch_without_a_match_is_not_decoded(query: BotEventQuery) -> None:
    """To decode 100,000 events takes a good part of a second."""
    assert not is_possible(query, '{"events":[{"ip":"192.0.2.77","uas":"Mozilla/5.0","event_id":"e1","n":42}]}')
