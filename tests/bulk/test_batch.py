"""The batch machine, without a server: whatever responses come in whatever order, no event is lost or counted twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.automations import EventLine, UnreadableLine
from omnivery.automations.batch import MAX_BYTES, MAX_EVENTS, EventWork
from omnivery.bulk.batch import MAX_REFUSALS, Batch
from omnivery.bulk.report import SettledBatch
from omnivery.errors import AmbiguousError, NotSentError
from omnivery.events.event import EventLike
from omnivery.transport.http import ApiResponse
from tests.support.bots import (
    TARGET,
    event,
    events,
    ids,
    refusal,
    response,
    sent,
)

LIMIT = 1500
"""Bytes of a request, where a test wants events to be too large."""


def batch_of(items: list[EventLike], *, max_bytes: int = MAX_BYTES, **options: Any) -> Batch[EventLike]:
    work = EventWork(send=nobody, target=TARGET, max_bytes=max_bytes)
    return Batch(**{"work": work, "number": 0, "items": items, "start": 0, **options})


async def nobody(_: bytes) -> ApiResponse[Any]:
    raise AssertionError("a batch sends nothing")


def serve(
    batch: Batch[EventLike], respond: Callable[[list[str]], int]
) -> tuple[SettledBatch[EventLike], list[list[str]]]:
    """Play a server that responds to each request, seen as its event ids, with a status; return what it saw as well."""
    seen = []
    while (body := batch.next_request()) is not None:
        seen.append(ids(sent(body)))
        status = respond(seen[-1])
        if status == 200:
            batch.accepted(response(1))
        else:
            batch.refused(refusal(status))
    return batch.close(), seen


def rejected(outcome: SettledBatch[EventLike]) -> list[int]:
    return sorted(item.index for item in outcome.rejected)


KINDS: list[Callable[[int], Any]] = [
    event,
    lambda n: {"ip": "203.0.113.7", "uas": "-", "event_id": f"e{n}"},
    lambda n: b'{"ip":"203.0.113.7","uas":"-","event_id":"e%d"}' % n,
    lambda n: EventLine(data=b'{"ip":"203.0.113.7","uas":"-","event_id":"e%d"}' % n, line=n + 1),
    lambda n: event(n, ip="nowhere"),
    lambda n: event(n, attributes={"mine": object()}),
    lambda n: event(n, uas="x" * 2 * LIMIT),
    lambda n: UnreadableLine(line=n + 1, reason="blank line"),
    lambda n: "no event",
]


RESPONSES = st.tuples(st.sampled_from(["took", "failed", 400, 413]), st.integers(1, 3))


def tell(batch: Batch[EventLike], outcome: str | int, attempts: int) -> None:
    if outcome == "took":
        batch.accepted(response(attempts))
    elif outcome == "failed":
        batch.failed(NotSentError("connection refused", attempts=attempts))
    else:
        error = refusal(int(outcome))
        error.attempts = attempts
        batch.refused(error)


@settings(max_examples=300, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(KINDS), max_size=40),
    start=st.integers(0, 10**7),
    script=st.lists(RESPONSES, max_size=40),
    asks_once_more=st.booleans(),
)
def test_whatever_happens_each_item_ends_in_exactly_one_place(
    kinds: list[Callable[[int], Any]], start: int, script: list[tuple[str | int, int]], asks_once_more: bool
) -> None:
    """Any items, any responses in any order, and an end at any moment, with a request under way or without."""
    items = [make(number) for number, make in enumerate(kinds)]
    batch = batch_of(items, start=start, max_bytes=LIMIT)
    told = []
    for status, attempts in script:
        body = batch.next_request()
        if body is None:
            break
        assert len(body) <= LIMIT
        assert sent(body)
        tell(batch, status, attempts)
        told.append(attempts)
    if asks_once_more:
        batch.next_request()
    outcome = batch.close()

    places = {id(item): number for number, item in enumerate(items)}
    kept = [places[id(item)] for item in outcome.accepted + outcome.undelivered]
    assert sorted(kept + [item.index - start for item in outcome.rejected]) == list(range(len(items)))
    assert (outcome.requests, outcome.retries) == (sum(told), sum(told) - len(told))
    assert bool(outcome.errors) == bool(outcome.undelivered)
    for item in outcome.rejected:
        assert item.line == getattr(items[item.index - start], "line", None)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_poisoned_events_are_isolated_exactly(data: st.DataObject) -> None:
    """The server refuses a batch as a whole and does not say why: bisecting must find each bad event, and no other."""
    size = data.draw(st.integers(1, MAX_EVENTS))
    poisoned = data.draw(st.sets(st.integers(0, size - 1), max_size=6))
    marked = {f"e{number}" for number in poisoned}
    outcome, seen = serve(batch_of(events(size), start=1000), lambda found: 200 if marked.isdisjoint(found) else 400)
    assert rejected(outcome) == [1000 + number for number in sorted(poisoned)]
    assert {item.event_id for item in outcome.rejected} == marked
    assert ids(outcome.accepted) == [f"e{number}" for number in range(size) if number not in poisoned]
    assert outcome.requests == len(seen) <= 1 + 18 * len(poisoned)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, MAX_EVENTS), st.integers(1, MAX_EVENTS))
def test_a_server_that_takes_less_at_once_gets_less_at_once(size: int, most: int) -> None:
    outcome, seen = serve(batch_of(events(size)), lambda found: 200 if len(found) <= most else 413)
    assert (ids(outcome.accepted), outcome.rejected) == (ids(events(size)), ())
    assert min(map(len, seen)) >= (most + 1) // 2 or size <= most


def test_an_event_too_large_for_the_server_is_rejected_in_its_words() -> None:
    outcome, _ = serve(batch_of(events(4)), lambda found: 413 if "e2" in found else 200)
    (rejection,) = outcome.rejected
    assert (rejection.index, rejection.event_id) == (2, "e2")
    assert rejection.reason == "the server refused it: 413 Content Too Large"


@pytest.mark.parametrize("status", [400, 413])
def test_a_server_that_refuses_everything_is_not_asked_about_each_event(status: int) -> None:
    """A wrong webhook address is refused with every batch: 999 requests would not say more than 64 do.

    Events that were never tried alone may be good ones: they are given back, not rejected.
    """
    outcome, seen = serve(batch_of(events(MAX_EVENTS)), lambda _: status)
    assert len(seen) == MAX_REFUSALS
    tried = rejected(outcome)
    assert 0 < len(tried) < MAX_REFUSALS
    assert all(item.reason.startswith(f"the server refused it: {status}") for item in outcome.rejected)
    assert [f"e{index}" for index in tried] + sorted(ids(outcome.undelivered), key=lambda name: int(name[1:])) == [
        f"e{index}" for index in range(MAX_EVENTS)
    ]
    assert [type(error).__name__ for error in outcome.errors] == [
        "BadRequestError" if status == 400 else "PayloadTooLargeError"
    ]


def test_one_acceptance_shows_that_it_is_the_events() -> None:
    """From then on every bad event is worth its requests, however many there are."""
    outcome, _ = serve(batch_of(events(200)), lambda found: 200 if found == ["e0"] else 400)
    assert ids(outcome.accepted) == ["e0"]
    assert rejected(outcome) == list(range(1, 200))
    assert {item.reason for item in outcome.rejected} == {"the server refused it: 400 Bad Request"}


def test_an_event_beyond_the_byte_limit_is_rejected_and_its_neighbours_go() -> None:
    items = events(20)
    items[7] = event(7, uas="x" * 3000)
    batch = batch_of(items, start=40, max_bytes=2000)
    outcome, seen = serve(batch, lambda _: 200)
    (rejection,) = outcome.rejected
    assert (rejection.index, rejection.event_id) == (47, "e7")
    assert rejection.reason == "it is larger than 2,000 bytes"
    assert [one for request in seen for one in request] == [f"e{n}" for n in range(20) if n != 7]


def test_no_request_is_larger_than_the_limit() -> None:
    batch = batch_of(events(500), max_bytes=4000)
    sizes = []
    while (body := batch.next_request()) is not None:
        sizes.append(len(body))
        batch.accepted(response(1))
    assert max(sizes) <= 4000 < sum(sizes)
    assert ids(batch.close().accepted) == ids(events(500))


def test_events_without_a_json_form_cost_no_further_request() -> None:
    """They are the caller's slip, found before anything is sent: the server need not help to find them."""
    items: list[EventLike] = events(500)
    items[3] = event(3, attributes={"mine": {1, 2}})
    items[250] = {"ip": "203.0.113.7", "uas": "-", "event_id": "e250", "mine": b"MARKER"}
    items[499] = event(499, uas="\ud800MARKER")
    outcome, seen = serve(batch_of(items), lambda _: 200)
    assert len(seen) == 1
    assert rejected(outcome) == [3, 250, 499]
    assert [item.event_id for item in outcome.rejected] == ["e3", "e250", "e499"]
    assert "MARKER" not in str(outcome.rejected)
    assert ids(outcome.accepted) == [f"e{n}" for n in range(500) if n not in {3, 250, 499}]


def test_bytes_are_refused_with_advice() -> None:
    """Which of several encodings of bytes the other side expects, nobody can know: so the caller is told to choose."""
    outcome, _ = serve(batch_of([event(attributes={"mine": b"MARKER"})]), lambda _: 200)
    assert "decode them to text" in outcome.rejected[0].reason


def test_faulty_items_are_rejected_where_they_stood() -> None:
    items: list[Any] = [
        event(0),
        EventLine(data=b"{", line=12),
        UnreadableLine(line=13, reason="longer than a megabyte"),
        event(3, ip=None),
        None,
        EventLine(data=b'{"ip":"203.0.113.7","uas":"-","event_id":"e5"}', line=16),
    ]
    outcome, seen = serve(batch_of(items, start=500), lambda _: 200)
    assert seen == [["e0", "e5"]]
    assert [(item.index, item.line, item.event_id) for item in outcome.rejected] == [
        (501, 12, None),
        (502, 13, None),
        (503, None, "e3"),
        (504, None, None),
    ]


@pytest.mark.parametrize("items", [[], [event(ip="nowhere")], ["text", None]])
def test_without_a_sound_event_nothing_is_sent(items: list[Any]) -> None:
    """An empty batch is a 400 of its own."""
    outcome, seen = serve(batch_of(items), lambda _: 200)
    assert (seen, outcome.requests, len(outcome.rejected)) == ([], 0, len(items))


def test_what_was_never_sent_is_surely_not_with_the_server() -> None:
    outcome = batch_of(events(3)).close()
    (error,) = outcome.errors
    assert isinstance(error, NotSentError)
    assert not error.may_have_happened
    assert ids(outcome.undelivered) == ["e0", "e1", "e2"]


def test_what_was_sent_and_got_no_response_may_be_with_the_server() -> None:
    """Whoever resubmits must know which of the two it was."""
    batch = batch_of(events(3))
    batch.next_request()
    outcome = batch.close()
    (error,) = outcome.errors
    assert isinstance(error, AmbiguousError)
    assert ids(outcome.undelivered) == ["e0", "e1", "e2"]


def test_what_was_settled_before_the_end_stays_settled() -> None:
    batch = batch_of(events(4))
    batch.next_request()
    batch.refused(refusal(413))
    batch.next_request()
    batch.accepted(response(2))
    outcome = batch.close()
    assert (ids(outcome.accepted), ids(outcome.undelivered)) == (["e0", "e1"], ["e2", "e3"])
    assert (outcome.requests, outcome.retries) == (3, 1)


def test_a_batch_that_is_done_has_no_error() -> None:
    outcome, _ = serve(batch_of(events(3)), lambda _: 200)
    assert (outcome.errors, outcome.undelivered) == ((), ())


class Fussy(dict[str, Any]):
    """As a row that holds an array: it cannot be compared."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value of an array is ambiguous")


def test_events_are_never_compared() -> None:
    """Mappings of others may refuse to be: their equality is no business of a batch's account."""
    items: list[EventLike] = [Fussy(ip="203.0.113.7", uas="-", event_id=f"e{n}") for n in range(8)]
    outcome, _ = serve(batch_of(items), lambda found: 200 if len(found) == 1 else 413)
    assert len(outcome.accepted) == 8
