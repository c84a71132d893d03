"""Placeholders in messages, filled in for each recipient."""

from __future__ import annotations

import pytest

from omnivery.emulator.placeholders import Placeholders
from tests.emulator.test_composition import stored


def filled(text: str, *fields: tuple[str, str], recipient: str | None = "ann@example.com") -> str:
    return Placeholders(stored(*fields), recipient=recipient).fill(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%recipient.name%", "Ann"),
        ("%recipient.n%", "7"),
        ("%recipient.list%", '["a","b"]'),
        ("%recipient.link.url%", "/1"),
        ("%recipient.dotted.name%", "direct"),
        ("%recipient.link.none%", "%recipient.link.none%"),
        ("%recipient.name.none%", "%recipient.name.none%"),
        ("%recipient.missing% 100%", "%recipient.missing% 100%"),
        ("%recipient%", "ann@example.com"),
        ("%recipient.name%%recipient.name%", "AnnAnn"),
    ],
)
def test_values_of_a_recipient(text: str, expected: str) -> None:
    own = '{"name": "Ann", "n": 7, "list": ["a", "b"], "link": {"url": "/1"}, "dotted.name": "direct"}'
    assert filled(text, ("recipient-variables", f'{{"ANN@example.com": {own}}}')) == expected


def test_a_value_is_not_filled_in_again() -> None:
    variables = '{"ann@example.com": {"a": "%recipient.b%", "b": "never"}}'
    assert filled("%recipient.a%", ("recipient-variables", variables)) == "%recipient.b%"


def test_without_a_recipient_placeholders_stay() -> None:
    variables = ("recipient-variables", '{"ann@example.com": {"a": "x"}}')
    assert filled("%recipient.a% %recipient%", variables, recipient=None) == "%recipient.a% %recipient%"


def test_substitutions_are_for_every_recipient_and_the_longest_key_wins() -> None:
    keys = ("substitutions", '{"{name}": "{other}", "{other}": "x", "{na": "no", "": "nothing"}')
    assert filled("{name} {other}", keys, recipient=None) == "{other} x"


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "7", '{"ann@example.com": 7}', '{"ann@example.com": null}'])
def test_variables_that_are_none_change_nothing(text: str) -> None:
    assert filled("%recipient.a%", ("recipient-variables", text), ("substitutions", text)) == "%recipient.a%"


def test_half_a_character_does_not_end_in_an_error() -> None:
    assert filled("%recipient.a%", ("recipient-variables", '{"ann@example.com": {"a": "\\ud83d"}}')).isascii()
