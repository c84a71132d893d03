"""The writer's buffer: when a batch is due, who is woken, and what is full."""

from __future__ import annotations

import logging
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import define

from omnivery import BotEvent
from omnivery.automations import EventLine, UnreadableLine
from omnivery.automations.writer.buffer import (
    MEMBER,
    EventBuffer,
    PutResult,
    size_of,
)
from omnivery.automations.writer.options import WriterOptions
from omnivery.errors import BulkError, ConfigError
from omnivery.events.encoding import encode_batch
from omnivery.events.event import EventLike
from tests.support.bots import event, ids
from tests.support.writer import (
    buffer_of,
    read_into,
    refused,
    taken,
)


@define
class Clock:
    """A clock that goes when it is told to."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_due_before_a_batch_is_full() -> None:
    buffer = buffer_of(max_events=3)
    assert buffer.take([], 500) == math.inf
    read_into(buffer, 2)
    assert buffer.take([], 500) == math.inf
    read_into(buffer, 3, start=2)
    assert taken(buffer) == ["e0", "e1", "e2"]
    assert taken(buffer) == []
    assert len(buffer) == 2


def test_the_reader_s_own_limit_holds_too() -> None:
    buffer = buffer_of(max_events=3)
    read_into(buffer, 3)
    assert taken(buffer, 2) == ["e0", "e1"]


def test_a_batch_is_due_when_its_oldest_event_has_lingered() -> None:
    """The oldest one counts: a trickle that never pauses must not put the batch off for ever."""
    clock = Clock()
    buffer = EventBuffer(options=WriterOptions(linger=1.0), now=clock)
    buffer.open()
    read_into(buffer, 1)
    clock.now += 0.75
    read_into(buffer, 1, start=1)
    assert buffer.take([], 500) == 0.25
    assert buffer.oldest_age == 0.75
    clock.now += 0.25
    assert taken(buffer) == ["e0", "e1"]
    assert buffer.oldest_age == 0.0


def test_bytes_fill_a_batch_to_the_last_one() -> None:
    one = size_of(event(0))
    for spare, batches in ((0, [["e0", "e1"], ["e2", "e3"]]), (-1, [["e0"], ["e1"]])):
        buffer = buffer_of(max_bytes=2 * one + spare)
        read_into(buffer, 1)
        assert buffer.take([], 500) == math.inf
        read_into(buffer, 3, start=1)
        assert [taken(buffer), taken(buffer)] == batches


def test_a_flush_counts_from_the_first_event_and_not_from_what_is_there() -> None:
    buffer = buffer_of(max_events=3)
    read_into(buffer, 4)
    assert taken(buffer) == ["e0", "e1", "e2"]
    buffer.flush()
    assert taken(buffer) == ["e3"]
    read_into(buffer, 1, start=4)
    assert taken(buffer) == []


def test_what_a_full_batch_leaves_behind_lingers_from_when_it_was_put() -> None:
    clock = Clock()
    buffer = EventBuffer(options=WriterOptions(linger=1.0, max_events=2), now=clock)
    buffer.open()
    read_into(buffer, 2)
    clock.now += 0.5
    read_into(buffer, 1, start=2)
    assert taken(buffer) == ["e0", "e1"]
    assert buffer.take([], 500) == 1.0


def test_a_batch_is_due_at_so_many_bytes_and_no_larger() -> None:
    big = [event(number, attributes={"text": "x" * 600}) for number in range(5)]
    buffer = buffer_of(max_bytes=2_000)
    for one in big:
        buffer.put_nowait(one)
    batches = [taken(buffer), taken(buffer)]
    assert batches == [["e0", "e1"], ["e2", "e3"]]
    assert buffer.take([], 500) == math.inf


def test_an_event_beyond_the_bytes_goes_alone() -> None:
    """It is the run that rejects it: kept here it would block all that come after it."""
    buffer = buffer_of(max_bytes=100)
    read_into(buffer, 2)
    assert taken(buffer) == ["e0"]


@pytest.mark.parametrize(
    "item",
    [
        event(0),
        event(0, domain="example.com", recipient_id="r" * 64, message_id="m" * 40, ts=1_790_000_000, message_ts=1),
        event(0, attributes={"campaign": "spring", "n": 5, "long": "x" * 5_000}),
        {"ip": "203.0.113.7", "uas": "Mozilla/5.0", "event_id": "e0", "own": "y" * 900},
        b'{"ip":"203.0.113.7","uas":"Mozilla/5.0","event_id":"e0"}',
        EventLine(data=b'{"ip":"203.0.113.7","uas":"Mozilla/5.0","event_id":"e0"}', line=1),
    ],
)
def test_the_estimate_of_an_event_s_size_is_of_use(item: EventLike) -> None:
    """Far too low, and every batch has to be halved; far too high, and batches go out half empty."""
    real = len(encode_batch([item], "")) - len(encode_batch([], ""))
    assert real * 0.6 < size_of(item) < real + 200


@pytest.mark.parametrize(
    ("item", "size"),
    [
        (BotEvent(ip="::1", uas="agent"), 2 * MEMBER + 13),
        (BotEvent(ip="::1", uas="agent", domain="a.com", ts=7), 4 * MEMBER + 26),
        (BotEvent(uas="agent", attributes={"own": "xyz", "n": 7}), 3 * MEMBER + 15),
        (BotEvent(uas=5, attributes=[1]), 2 * MEMBER + 3),  # type: ignore[arg-type]  # what is not sent
        ({"ip": "::1", "n": 7}, 2 * MEMBER + 6),
        (b"12345", 5),
        (EventLine(data=b"12345", line=1), 5),
        (UnreadableLine(line=1, reason="blank"), 0),
        (None, 0),
    ],
)
def test_a_size_is_text_and_a_round_figure_for_the_rest(item: Any, size: int) -> None:
    assert size_of(item) == size


@pytest.mark.parametrize("item", [UnreadableLine(line=1, reason="blank"), 7, None, event(0, uas=5, attributes=[1])])
def test_what_is_no_event_is_taken_all_the_same(item: Any) -> None:
    """It becomes a rejection in the report; put raises for nothing that is in an event."""
    assert buffer_of().put_nowait(item) is PutResult.TAKEN


def test_a_flush_sends_what_is_there_and_no_more() -> None:
    buffer = buffer_of(max_events=2)
    read_into(buffer, 3)
    assert buffer.flush() == 3
    read_into(buffer, 1, start=3)
    assert taken(buffer) == ["e0", "e1"]
    # The third is flushed, so it goes out with any event that waits.
    assert taken(buffer) == ["e2", "e3"]
    read_into(buffer, 1, start=4)
    assert taken(buffer) == []


def test_a_closed_buffer_gives_up_the_rest_and_then_says_that_it_is_over() -> None:
    buffer = buffer_of()
    read_into(buffer, 2)
    buffer.close(refused)
    assert taken(buffer) == ["e0", "e1"]
    assert buffer.take([], 500) is None
    with pytest.raises(BulkError, match="over"):
        buffer.put_nowait(event())


def test_what_is_drained_is_given_back_in_order_and_leaves_room() -> None:
    buffer = buffer_of(max_bytes=size_of(event(0)) + 1, max_buffered=3)
    read_into(buffer, 3)
    assert ids(buffer.drain()) == ["e0", "e1", "e2"]
    assert (len(buffer), buffer.drain(), buffer.puts) == (0, [], 3)
    read_into(buffer, 1, start=3)
    assert buffer.take([], 500) == math.inf, "the bytes of what was drained count no more"


def test_in_a_forked_child_a_buffer_is_empty_and_refuses() -> None:
    """Its parent has the events, and sends them. A lock that one of the parent's threads held is nobody's here."""
    buffer, woken = buffer_of(), list[int]()
    buffer.wake = lambda: woken.append(1)
    read_into(buffer, 2)
    woken.clear()
    buffer._lock.acquire()
    buffer.reset_after_fork()
    with ThreadPoolExecutor(1) as other:
        assert other.submit(buffer.take, [], 500).result(timeout=30) is None
    with pytest.raises(ConfigError, match=r"^this writer belongs to the parent of this forked process: open"):
        buffer.put_nowait(event())
    buffer.flush()
    assert (len(buffer), woken) == (0, [])


def test_the_first_reason_to_refuse_stays() -> None:
    """What was stopped by an error must not say later that it was merely closed."""
    buffer = buffer_of()
    buffer.close(refused)
    buffer.close(lambda: ConfigError("closed"))
    with pytest.raises(BulkError, match="over"):
        buffer.put_nowait(event())


def test_a_buffer_takes_nothing_before_it_is_opened() -> None:
    with pytest.raises(ConfigError, match=r"^enter the writer first: `async with .*\. Nothing was sent\.$"):
        EventBuffer(options=WriterOptions()).put_nowait(event())


def test_who_takes_is_woken_once_for_the_first_event_and_once_for_a_full_batch() -> None:
    """A crossing into the event loop for every event would cost more than sending it."""
    wakes: list[int] = []
    buffer = buffer_of(max_events=10)
    buffer.wake = lambda: wakes.append(buffer.puts)
    read_into(buffer, 35)
    assert wakes == [1, 10]
    while taken(buffer):
        continue
    read_into(buffer, 5, start=35)
    assert wakes == [1, 10, 40]
    buffer.flush()
    buffer.close(refused)
    assert wakes[3:] == [40, 40]


def test_no_lock_is_held_while_waking() -> None:
    """It goes into an event loop, which may itself be about to take."""
    buffer, gone = buffer_of(max_events=1), list[str]()
    with ThreadPoolExecutor(1) as other:
        buffer.wake = lambda: gone.extend(other.submit(taken, buffer).result(timeout=30))
        read_into(buffer, 3)
    assert gone == ["e0", "e1", "e2"]


def test_a_full_buffer_says_so() -> None:
    buffer = buffer_of(max_buffered=2)
    read_into(buffer, 2)
    assert buffer.put_nowait(event(2)) is PutResult.FULL
    assert taken(buffer) == ["e0", "e1"]
    assert buffer.put_nowait(event(2)) is PutResult.TAKEN


def test_dropped_events_are_counted_and_told_at_powers_of_two(caplog: pytest.LogCaptureFixture) -> None:
    buffer = buffer_of(max_buffered=1, overflow="drop")
    read_into(buffer, 1)
    with caplog.at_level(logging.WARNING, "omnivery"):
        assert [buffer.put_nowait(event(number)) for number in range(9)] == [PutResult.DROPPED] * 9
    assert buffer.drops.count == 9
    assert (buffer.puts, len(buffer)) == (1, 1)
    told = [f"a writer's buffer is full; events dropped so far: {count}" for count in (1, 2, 4, 8)]
    assert caplog.messages == told
