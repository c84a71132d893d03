"""Calls in a few words: how many of what, and nothing where nothing can be read."""

from __future__ import annotations

import json

import pytest

from omnivery.cli.call_summary import summary_of, words
from omnivery.emulator.examples import example_call


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (example_call("opened"), "opened ann@example.com"),
        (example_call("softbounced"), "failed (temporary) ann@example.com"),
        (example_call("bot"), "1 verdict: 1 bot"),
        (
            {"events": [{"is_bot": True}, {"is_bot": True}, {"is_bot": None}, 5]},
            "3 verdicts: 2 bots, 1 unknown, 1 unreadable",
        ),
        ({"events": []}, "0 verdicts: none"),
        ({"event-data": {}}, "event"),
        ({"other": 1}, "no call that can be read"),
    ],
)
def test_every_call_in_words(call: object, expected: str) -> None:
    assert words(summary_of(json.dumps(call).encode())) == expected


def test_values_for_programs() -> None:
    fields = summary_of(json.dumps(example_call("verdicts")).encode())
    assert fields == {"kind": "verdicts", "verdicts": 2, "bots": 1, "humans": 1, "unknown": 0, "unreadable": 0}
    assert summary_of(b"") == {"kind": None}
