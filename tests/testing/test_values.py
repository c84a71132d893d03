"""Events and messages that are valid as they are."""

from __future__ import annotations

import pytest

from omnivery.events.validation import fault_of
from omnivery.testing import bot_event, message


def test_an_event_is_valid_and_like_no_other() -> None:
    events = [bot_event() for _ in range(3)]
    assert [fault_of(event) for event in events] == [None] * 3
    assert len({event.event_id for event in events}) == 3
    assert None not in [value for name, value in events[0].to_fields().items()]


def test_fields_of_an_event_can_be_set_and_left_out() -> None:
    event = bot_event(ip="192.0.2.1", uas=None, attributes={"campaign": "spring"})
    assert (event.ip, event.uas, event.attributes) == ("192.0.2.1", None, {"campaign": "spring"})
    with pytest.raises(TypeError, match="evnt_id"):
        bot_event(evnt_id="e1")


def test_a_message_is_valid_and_can_be_changed() -> None:
    assert message(subject="Hi", tags="a").subject == "Hi"
    with pytest.raises(TypeError, match="subjekt"):
        message(subjekt="Hi")
