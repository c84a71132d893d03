"""Verdicts: the event comes back as the event that it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import dictionaries, integers, none, one_of, sampled_from, text

from omnivery import BotEvent
from omnivery.automations import Verdict
from omnivery.codec import structure
from omnivery.events.event import FIELDS

VALUES = one_of(none(), text(max_size=5), integers(-5, 5))


def test_the_request_is_the_event_with_its_own_attributes() -> None:
    found = structure(
        {"is_bot": True, "request": {"event_id": "e", "ip": "192.0.2.1", "ts": 5, "campaign": "c", "line": None}},
        Verdict,
    )
    assert found.request == BotEvent(event_id="e", ip="192.0.2.1", ts=5, attributes={"campaign": "c", "line": None})
    assert (found.event_id, found.attributes["campaign"], found.extra) == ("e", "c", {})


def test_a_verdict_without_a_request_has_an_empty_one() -> None:
    found = structure({"is_bot": False}, Verdict)
    assert (found.request, found.event_id, found.attributes) == (BotEvent(), None, {})


@pytest.mark.parametrize("odd", ["e1", 5, [1]])
def test_an_odd_request_is_kept_beside_the_verdict(odd: Any) -> None:
    found = structure({"is_bot": True, "request": odd}, Verdict)
    assert (found.is_bot, found.request, found.extra) == (True, BotEvent(), {"request": odd})


def test_an_odd_field_costs_no_verdict() -> None:
    """What comes back is what was sent, and nothing of it is checked again."""
    found = structure({"is_bot": True, "request": {"event_id": [7], "ts": "soon", "ip": None}}, Verdict)
    assert (found.is_bot, found.event_id, str(found.request.ts)) == (True, None, "soon")


@given(dictionaries(one_of(text(max_size=4), sampled_from(FIELDS)), VALUES))
def test_fields_come_out_as_they_went_in(fields: dict[str, Any]) -> None:
    """But for the API's own fields that are null, which is as good as missing."""
    expected = {name: value for name, value in fields.items() if not (name in FIELDS and value is None)}
    assert BotEvent.from_fields(fields).to_fields() == expected


@pytest.mark.parametrize(("sent", "name"), [("7", "7"), (7, "7"), (-7, "-7"), (True, None), (7.5, None)])
def test_an_id_that_comes_back_as_a_number_is_the_text_that_was_sent(sent: Any, name: str | None) -> None:
    """Else the verdict matches no event, and a store of verdicts leaves it out."""
    found = structure({"is_bot": True, "request": {"event_id": sent}}, Verdict)
    assert (found.event_id, found.request.to_fields()) == (name, {"event_id": sent})


def test_a_mapping_becomes_the_event() -> None:
    assert Verdict(is_bot=True, request={"event_id": "e", "x": 1}).request == BotEvent(
        event_id="e", attributes={"x": 1}
    )
