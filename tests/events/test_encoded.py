"""Events that a run gets as bytes: they are checked, sent and told of as the events that they stand for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery import codec
from omnivery.automations import BotEvent, EventLine
from omnivery.automations.batch import EventWork
from omnivery.bulk.target import RunTarget
from omnivery.events.encoded import CHECKED, LINE, CheckedBlock, all_decoded, decoded, is_encoded
from omnivery.events.encoding import encode_batch, item_bytes
from omnivery.events.validation import event_id_of, fault_of, faults_and_ids, faults_of
from tests.support.bots import WEBHOOK

LINES = [
    b'{"ip":"192.0.2.1","uas":"x","event_id":"e1"}',
    b'{"ip": "::FFFF:192.0.2.1", "uas": "x", "event_id": "e2", "n": 1.50}',
    b'{"ip":"192.0.2.1","uas":"","event_id":"e3"}',
    b'{"ip":"x","uas":"x","event_id":"e4"}',
    b'{"uas":"x"}',
    b"[]",
    b" ",
    b"\xff",
    b"{",
]
MADE = BotEvent(ip="2001:db8::1", uas='a "b" \x1b é', event_id="e9", ts=1, attributes={"url": "/:ffff:/", "line": 4})
CHECKED_EVENT = (CHECKED, codec.dumps(MADE.to_fields()), "e9")


def lines(*data: bytes) -> list[Any]:
    return [(LINE, line, number) for number, line in enumerate(data, 1)]


async def unsent(_: bytes) -> Any:
    raise AssertionError


def work() -> EventWork:
    return EventWork(send=unsent, target=RunTarget({"webhook_url": WEBHOOK}))


def test_it_stands_for_the_event_that_iteration_gives() -> None:
    assert decoded(lines(LINES[0])[0]) == EventLine(data=LINES[0], line=1)
    assert decoded(CHECKED_EVENT) == MADE
    assert decoded(MADE) is MADE


@pytest.mark.parametrize("line", LINES)
def test_a_line_has_the_faults_of_its_bytes(line: bytes) -> None:
    (item,) = lines(line)
    assert fault_of(item) == fault_of(line)
    assert faults_of([item, CHECKED_EVENT]) == [fault_of(line), None]  # type: ignore[list-item]
    assert event_id_of(item) == event_id_of(line)
    assert faults_and_ids([item, CHECKED_EVENT]) == ([fault_of(line), None], [event_id_of(line), "e9"])  # type: ignore[list-item]
    assert item_bytes(item) == line


class Mute:
    """A value of the caller's, whose own code fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


def test_an_event_with_a_value_that_cannot_be_shown_is_kept_without_it() -> None:
    """What raises here would stop the journal, and with it the run."""
    assert item_bytes({"ip": Mute(), "event_id": "e1"}) == b'{"ip":"<Mute>","event_id":"e1"}'
    assert item_bytes(Mute()) == b'"<Mute>"'


@given(st.lists(st.sampled_from([*lines(*LINES[:2]), CHECKED_EVENT, MADE]), min_size=1))
def test_a_body_is_what_it_is_for_the_decoded_events(items: list[Any]) -> None:
    assert encode_batch(items, WEBHOOK) == encode_batch([decoded(item) for item in items], WEBHOOK)


@pytest.mark.parametrize(
    "item", [(), (1,), (1, 2, 3), (None, LINES[0], 1), ("LINE", LINES[0], 1), (LINE, LINES[0]), (CHECKED, b"{}")]
)
def test_a_tuple_of_a_caller_s_is_no_event(item: Any) -> None:
    assert not is_encoded(item)
    for batch in [item], [item, CHECKED_EVENT], [item, *lines(LINES[0])]:
        for named in (False, True):
            [fault, *_] = work().screen(batch, named=named).faults or [None]
            assert "tuple is not an event" in (fault or "")
    assert decoded(item) is item


def test_a_journal_gets_ids_and_numbers_of_lines() -> None:
    found = work().screen([*lines(*LINES[:2]), CHECKED_EVENT, MADE], named=True)  # type: ignore[list-item]
    assert (found.ids, found.lines) == (["e1", "e2", "e9", "e9"], [1, 2, None, None])
    ids = work().screen([CHECKED_EVENT, CHECKED_EVENT], named=True).ids  # type: ignore[list-item]
    assert ids is not None
    assert [*ids] == ["e9", "e9"]
    rejection = work().rejection(lines(LINES[0])[0], 7, "why")
    assert (rejection.line, rejection.event_id) == (1, "e1")
    rejection = work().rejection(CHECKED_EVENT, 7, "why")  # type: ignore[arg-type]
    assert (rejection.line, rejection.event_id) == (None, "e9")


def test_a_block_is_a_sequence_of_its_events() -> None:
    """As which a part of a batch is halved, stored and shown."""
    events = [(CHECKED, codec.dumps({"ip": "192.0.2.1", "uas": "é", "event_id": name}), name) for name in "abcde"]
    block = CheckedBlock(texts=[data.decode() for _, data, _ in events], ids=list("abcde"))
    assert [*block] == events
    assert (len(block), block[1], [*block[1:3]], [*block[9:]]) == (5, events[1], events[1:3], [])
    assert all_decoded(block[2:]) == all_decoded(events[2:])
    found, single = work().screen(block, named=True), work().screen(events, named=True)  # type: ignore[arg-type]
    assert (found.body, list(found.ids or ()), found.lines) == (single.body, [*"abcde"], None)
    assert encode_batch(block[:2], WEBHOOK) == encode_batch(events[:2], WEBHOOK)  # type: ignore[arg-type]
