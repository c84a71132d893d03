"""Which API a command talks to."""

from __future__ import annotations

import pytest

from omnivery.cli.surface import (
    API_KEY,
    EITHER,
    MAILGUN,
    PRIMARY,
    SENDING_KEY,
    SENDING_OR_TOKEN,
    TOKEN,
    Choice,
    Keys,
    Surface,
    choose_surface,
)
from omnivery.errors import ConfigError


@pytest.mark.parametrize(
    ("keys", "set_there", "surface"),
    [
        (EITHER, {TOKEN}, "automations"),
        (EITHER, {API_KEY}, "mailgun"),
        (EITHER, {SENDING_KEY}, "mailgun"),
        (SENDING_OR_TOKEN, {API_KEY, TOKEN}, "automations"),
        (PRIMARY, {API_KEY, TOKEN}, "mailgun"),
    ],
)
def test_the_key_that_is_there_decides(keys: Keys, set_there: set[str], surface: Surface) -> None:
    assert choose_surface(keys, None, dict.fromkeys(set_there, "secret")) == Choice(surface=surface)


def test_where_both_can_the_choice_is_said() -> None:
    choice = choose_surface(EITHER, None, {TOKEN: "t", API_KEY: "k"})
    assert choice.surface == "mailgun"
    assert choice.note == "Using the Mailgun-compatible API; --surface automations uses the Automations API."


def test_who_asks_for_one_gets_it_with_whatever_key_there_is() -> None:
    assert choose_surface(EITHER, "automations", {TOKEN: "t", API_KEY: "k"}) == Choice(surface="automations")
    assert choose_surface(SENDING_OR_TOKEN, "mailgun", {API_KEY: "k"}) == Choice(surface="mailgun")
    assert choose_surface(EITHER, "automations", {API_KEY: "k"}).missing == TOKEN


def test_a_key_that_is_missing_is_named_with_where_it_comes_from() -> None:
    assert choose_surface(MAILGUN, None, {TOKEN: "t", API_KEY: " "}).missing == API_KEY
    with pytest.raises(ConfigError) as refusal:
        choose_surface(EITHER, None, {})
    assert all(name in str(refusal.value) for name in (API_KEY, SENDING_KEY, TOKEN))
    assert "web interface" in getattr(refusal.value, "hint", "")


def test_an_api_that_cannot_do_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="the Automations API cannot do this"):
        choose_surface(PRIMARY, "automations", {TOKEN: "t"})
