"""The batch machine, without a server: whatever responses come in whatever order, no event is lost or counted twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.automations import EventLine, UnreadableLine
from omnivery.automations.batch import MAX_BYTES, MAX_EVENTS, EventWork
from omnivery.bulk.batch import MAX_REFUSALS, Batch
from omnivery.bulk.part import BatchDelta, Part, PartState, StoredItem, StoredPart
from omnivery.bulk.report import SettledBatch
from omnivery.bulk.target import RunTarget
from omnivery.bulk.work import Screening, Work
from omnivery.errors import AmbiguousError, ConfigError, NotSentError
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
    kept = [places[id(item)] for item in (*outcome.accepted, *outcome.undelivered)]
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
    """A wrong webhook URL is refused with every batch: 999 requests would not say more than 64 do.

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
    """A caller who resubmits must know which of the two it was."""
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


def test_a_request_may_be_as_large_as_the_limit() -> None:
    size = len(batch_of(events(3)).next_request())
    _, exact = serve(batch_of(events(3), max_bytes=size), lambda _: 200)
    _, above = serve(batch_of(events(3), max_bytes=size - 1), lambda _: 200)
    assert (len(exact), len(above)) == (1, 2)


@pytest.mark.parametrize("how", ["failed", "held", "refused"])
def test_an_error_that_counts_no_attempts_counts_none(how: str) -> None:
    """Such as a client that cannot be used: nothing went out."""
    batch, error = batch_of(events(1)), ConfigError("no token")
    batch.next_request()
    getattr(batch, how)(error)
    outcome = batch.close()
    assert (outcome.requests, outcome.retries) == (0, 0)
    if how == "failed":
        assert outcome.errors == (error,)
    if how == "refused":
        assert [one.reason for one in outcome.rejected] == ["no token"]


@pytest.mark.parametrize("make", ["batch_of", "once"])
def test_a_held_batch_is_surely_not_with_the_server(make: str) -> None:
    """Only what is proven unsent is held where it must not be repeated."""
    batch = {"batch_of": batch_of, "once": once}[make](events(1), number=4)
    batch.next_request()
    batch.held(NotSentError("no connection"))
    outcome = batch.close()
    assert [str(error.args[0]) for error in outcome.errors] == ["the run ended before the events were sent"]
    assert (outcome.batch, len(outcome.undelivered), outcome.unknown) == (4, 1, ())


def test_refused_items_are_given_back_as_they_were_given() -> None:
    items: list[EventLike] = [event(0, ip="nowhere"), event(1), event(2)]
    outcome, _ = serve(batch_of(items), lambda found: 400 if "e2" in found else 200)
    assert outcome.refused == (items[0], items[2])


class OddWork(EventWork):
    """A kind of work whose own check goes wrong, or which says itself what is wrong with an item."""

    unencodable: ClassVar[tuple[type[Exception], ...]] = (ConfigError,)

    def screen(self, items: Sequence[EventLike], *, named: bool) -> Screening:
        return Screening(faults=["too odd"] if items[0] == b"odd" else None)

    def encode(self, items: Sequence[EventLike]) -> bytes:
        if b"bad" in items:
            raise ConfigError("its address is none")
        return b"{}"


def test_a_check_that_does_not_speak_of_every_item_is_a_fault_of_ours() -> None:
    """An item of which nothing is said would be gone."""
    with pytest.raises(ValueError, match="zip"):
        Batch(work=OddWork(send=nobody, target=TARGET), number=0, items=[b"odd", b"sound"], start=0)


def test_a_kind_of_work_that_hands_over_no_other_form_shows_items_as_they_are() -> None:
    assert Work.decoded(OddWork(send=nobody, target=TARGET), iter([b"a", b"b"])) == (b"a", b"b")


def test_a_kind_of_work_that_knows_no_better_goes_by_the_status() -> None:
    work = OddWork(send=nobody, target=TARGET)
    assert [Work.refuses(work, refusal(status), b"") for status in (400, 409, 413, 422, 401, 500)] == [True] * 4 + [
        False
    ] * 2


def test_the_error_of_an_item_that_cannot_be_encoded_is_kept() -> None:
    batch = Batch(work=OddWork(send=nobody, target=TARGET), number=0, items=[b"bad", b"good"], start=0)
    assert batch.next_request() == b"{}"
    assert [str(error) for error in batch.refusals] == ["its address is none"]


def test_a_piece_of_a_part_is_of_a_piece() -> None:
    """Items, places, lines and ids belong together, and what was in a request stays so."""
    part = Part(items="abc", indices=[4, 6, 7], lines=[1, None, 3], ids=["x", "y", None], posted=True, row=1, body=b"")
    pieces = [*part.halves(), part.only([True, False, True])]
    assert [([*one.items], [*one.indices], one.lines, one.ids) for one in pieces] == [
        (["a"], [4], [1], ["x"]),
        (["b", "c"], [6, 7], [None, 3], ["y", None]),
        (["a", "c"], [4, 7], [1, 3], ["x", None]),
    ]
    assert [(one.posted, one.row, one.body) for one in pieces] == [(True, None, None)] * 3
    bare = Part(items="abc", indices=[4, 6, 7])
    pieces = [*bare.halves(), bare.only([True, False, True])]
    assert [(one.lines, one.ids, one.posted) for one in pieces] == [(None, None, False)] * 3


def test_targets_differ_in_words_that_tell_no_secret() -> None:
    one = RunTarget(
        {"domain": "a.com", "webhook_url": "https://x/1", "base_url": "b"}, secret=frozenset({"webhook_url"})
    )
    assert (one["domain"], one.difference(one), one.replace().difference(one)) == ("a.com", None, None)
    other = one.replace(domain="b.com", webhook_url="https://x/2")
    assert one.difference(other) == "domain a.com, not b.com"
    assert one.difference(one.replace(webhook_url="https://x/2")) == "another webhook_url"
    assert RunTarget({**one.values}).difference(one.replace(webhook_url="")) == "another webhook_url"
    assert one.difference(RunTarget({**one.values, "region": "eu"})) == "region None, not eu"
    assert (other.secret, other["base_url"]) == (one.secret, "b")


# What a journal is told


class OnceWork(EventWork):
    """Items that must not be sent twice, one to a request."""

    idempotent: ClassVar[bool] = False

    def digest(self, body: Any) -> bytes:
        return hashlib.sha256(body).digest()

    def ids_of(self, response: ApiResponse[Any]) -> Sequence[str | None]:
        return [f"id after {response.attempts}"]


def once(items: list[EventLike], **options: Any) -> Batch[EventLike]:
    work = OnceWork(send=nobody, target=TARGET)
    return Batch(**{"work": work, "number": 7, "items": items, "start": 40, "named": True, **options})


def written(batch: Batch[EventLike], rows: Iterator[int]) -> BatchDelta:
    """What goes to the journal at this moment."""
    batch.encode_open(rows)
    return batch.take_delta()


def parts(delta: BatchDelta) -> list[tuple[int | None, list[str | None]]]:
    """Row and ids of the parts that are new."""
    return [(part.row, list(part.ids or ())) for part in delta.opened]


def ends(delta: BatchDelta) -> list[tuple[int | None, PartState, int]]:
    """Row, state and attempts of the parts that are no longer open."""
    return [(one.part.row, one.state, one.attempts) for one in delta.ended]


def test_a_journal_is_told_of_each_part_and_of_what_became_of_it() -> None:
    batch, rows = batch_of(events(4), number=3, source=2, named=True), count(10)
    first = written(batch, rows)
    assert (first.number, first.source, first.counted, first.unfinished, first.batches) == (3, 2, False, True, 0)
    assert (parts(first), ends(first)) == ([(10, ["e0", "e1", "e2", "e3"])], [])
    assert [part.body for part in first.opened] == [batch.next_request()]

    batch.refused(refusal(413))
    second = written(batch, rows)
    assert (second.counted, second.unfinished, second.batches, second.requests) == (True, True, 1, 1)
    assert parts(second) == [(11, ["e0", "e1"]), (12, ["e2", "e3"])]
    assert ends(second) == [(10, PartState.REPLACED, 0)]

    assert ids(sent(batch.next_request())) == ["e0", "e1"]
    batch.accepted(response(3))
    third = written(batch, rows)
    assert (third.counted, third.unfinished, third.batches) == (True, True, 0)
    assert (third.requests, third.retries, third.accepted) == (3, 2, 2)
    assert (parts(third), ends(third)) == ([], [(11, PartState.ACCEPTED, 3)])

    assert ids(sent(batch.next_request())) == ["e2", "e3"]
    batch.failed(NotSentError("refused", attempts=2))
    last = written(batch, rows)
    assert (last.unfinished, last.requests, last.retries, last.accepted) == (False, 2, 1, 0)
    assert ends(last) == [(12, PartState.UNDELIVERED, 2)]
    assert [str(one.error).partition(".")[0] for one in last.ended] == ["refused"]
    nothing = written(batch, rows)
    assert (parts(nothing), ends(nothing), nothing.requests, nothing.retries, nothing.batches) == ([], [], 0, 0, 0)


def test_what_was_refused_before_a_request_ended_is_a_batch_with_its_first_request() -> None:
    """`batches` counts those with which a request ended."""
    batch = batch_of(events(2))
    batch.next_request()
    error = refusal(400)
    error.attempts = 1
    batch.refused(error)
    told = written(batch, count(1))
    assert (told.batches, told.requests, told.counted) == (1, 1, True)
    batch.next_request()
    batch.refused(error)
    again = written(batch, count(5))
    assert (again.batches, again.requests, again.counted) == (0, 1, True)


def test_a_batch_that_an_earlier_run_has_counted_is_not_counted_again() -> None:
    batch = batch_of(events(1), counted=True)
    told = written(batch, count(1))
    assert (told.counted, told.batches) == (True, 0)
    batch.next_request()
    batch.accepted(response(1))
    assert written(batch, count(2)).batches == 0


def test_lines_of_the_source_stay_with_their_items() -> None:
    def line(number: int) -> bytes:
        return b'{"ip":"203.0.113.7","uas":"-","event_id":"e%d"}' % number

    items: list[EventLike] = [
        EventLine(data=line(0), line=3),
        EventLine(data=b"{", line=4),
        EventLine(data=line(2), line=6),
    ]
    batch, rows = batch_of(items, named=True), count(1)
    [whole] = written(batch, rows).opened
    assert (whole.lines, whole.ids, whole.indices) == ([3, 6], ["e0", "e2"], [0, 2])
    batch.next_request()
    batch.refused(refusal(400))
    assert [(part.lines, part.ids, part.indices) for part in written(batch, rows).opened] == [
        ([3], ["e0"], [0]),
        ([6], ["e2"], [2]),
    ]


def test_rejected_items_are_told_once_with_their_bytes() -> None:
    batch = batch_of([event(0), event(1, ip="nowhere"), event(2)], named=True)
    rows = count(1)
    told = written(batch, rows)
    assert [(one.index, item) for one, item in told.rejected] == [(1, event_bytes("nowhere", 1))]
    assert parts(told) == [(1, ["e0", "e2"])]
    batch.next_request()
    batch.refused(refusal(400))
    assert written(batch, rows).rejected == []
    batch.next_request()
    batch.refused(refusal(400))
    assert [(one.index, item) for one, item in written(batch, rows).rejected] == [(0, event_bytes("203.0.113.7", 0))]


def event_bytes(ip: str, number: int) -> bytes:
    return b'{"ip":"%b","uas":"Mozilla/5.0","event_id":"e%d"}' % (ip.encode(), number)


def test_halves_that_were_given_up_before_they_were_written_down_get_their_rows() -> None:
    """They stay in the journal, undelivered, and can be sent again by it."""
    batch, rows = batch_of(events(MAX_EVENTS), named=True), count(1)
    written(batch, rows)
    while batch.next_request() is not None:
        batch.refused(refusal(400))
    told = written(batch, rows)
    given_up = [one.part for one in told.ended if one.state is PartState.UNDELIVERED]
    assert all(part.row is not None for part in given_up)
    assert [part.row for part in given_up] == [part.row for part in told.opened]
    assert all("400" in str(one.error) for one in told.ended if one.state is PartState.UNDELIVERED)
    left = [one for part in told.opened for one in ids(sent(part.body))]
    assert sorted(left) == sorted(ids(batch.close().undelivered))


def test_a_part_is_encoded_and_numbered_once() -> None:
    batch, rows = batch_of(events(2)), count(1)
    assert len(written(batch, rows).opened) == 1
    assert written(batch, rows).opened == []
    assert next(rows) == 2


def test_items_that_were_in_a_request_are_not_new_in_their_halves() -> None:
    """A rate of events a second counts each once, with a journal as without."""
    for write in (False, True):
        batch = batch_of(events(8))
        news = []
        while batch.next_items:
            if write:
                written(batch, count(1))
            news.append(batch.next_new_items)
            batch.next_request()
            batch.refused(refusal(400))
        assert news[0] == sum(news) == 8


@pytest.mark.parametrize("make", [batch_of, once])
def test_to_write_down_a_batch_forgets_no_request_that_is_out(make: Callable[..., Batch[EventLike]]) -> None:
    """If the run ends now, the service may have it."""
    batch, rows = make(events(1)), count(1)
    written(batch, rows)
    batch.next_request()
    written(batch, rows)
    outcome = batch.close()
    [error] = outcome.errors
    assert (type(error), error.args[0]) == (AmbiguousError, "the run ended before the response came")
    assert (len(outcome.unknown), len(outcome.undelivered)) == ((1, 0) if make is once else (0, 1))
    [end] = batch.take_delta().ended
    assert (end.state, end.error) == ((PartState.UNKNOWN, str(error)) if make is once else (PartState.PENDING, None))


def test_a_request_that_was_given_up_unsent_leaves_its_item_unsent() -> None:
    batch = once(events(1))
    written(batch, count(1))
    batch.next_request()
    batch.unsent()
    outcome = batch.close()
    assert [type(error) for error in outcome.errors] == [NotSentError]
    assert (len(outcome.unknown), len(outcome.undelivered)) == (0, 1)
    assert ends(batch.take_delta()) == [(1, PartState.PENDING, 0)]


def test_an_item_that_must_not_be_sent_twice_is_pending_while_it_is_held_and_claimed_before_it_goes() -> None:
    """Between the two it is certain to be unsent, whenever the process dies."""
    batch, rows = once(events(1)), count(1)
    assert not batch.claim()
    [opened] = written(batch, rows).opened
    assert opened.digest == hashlib.sha256(opened.body).digest()
    batch.next_request()
    batch.held(NotSentError("no connection", attempts=2))
    held = written(batch, rows)
    assert (held.opened, held.claimed, held.unfinished) == ([], [], True)
    assert ends(held) == [(1, PartState.PENDING, 2)]
    assert str(held.ended[0].error).startswith("no connection")
    assert (held.batches, held.requests, held.retries) == (1, 2, 1)
    assert [batch.claim(), batch.claim()] == [True, False]
    assert (written(batch, rows).claimed, written(batch, rows).claimed) == ([1], [])
    assert batch.next_request() == opened.body
    batch.accepted(response(1))
    last = written(batch, rows)
    assert (ends(last), last.ended[0].ids, last.ended[0].error) == ([(1, PartState.ACCEPTED, 1)], ["id after 1"], None)
    assert batch.close().errors == ()


def test_a_batch_that_is_held_and_may_be_repeated_changes_nothing_in_the_journal() -> None:
    """Its row says that it is being sent, and what is being sent when a process dies is sent again."""
    batch, rows = batch_of(events(2)), count(1)
    written(batch, rows)
    body = batch.next_request()
    batch.held(NotSentError("no connection", attempts=1))
    assert not batch.claim()
    told = written(batch, rows)
    assert (told.opened, told.claimed, told.ended, told.unfinished) == ([], [], [], True)
    assert (batch.next_items, batch.next_new_items, batch.left, batch.next_request()) == (2, 0, 2, body)


def test_an_item_of_an_earlier_run_goes_out_in_its_old_row() -> None:
    [item] = events(1)
    work = OnceWork(send=nobody, target=TARGET)
    stored = StoredItem(state="pending", digest=b"d", row=33)
    batch = Batch.reopened(work, item, 12, stored, number=5, source=2)
    assert (batch.number, batch.start, batch.source, batch.left, batch.items) == (5, 12, 2, 1, ())
    assert batch.claim()
    told = written(batch, count(90))
    assert (told.opened, told.claimed) == ([], [33])
    assert ids(sent(batch.next_request())) == ["e0"]
    batch.failed(AmbiguousError("lost", attempts=1), state=PartState.UNKNOWN)
    assert ends(written(batch, count(90))) == [(33, PartState.UNKNOWN, 1)]
    outcome = batch.close()
    assert (outcome.unknown, outcome.undelivered, outcome.start) == ((item,), (), 12)


@pytest.mark.parametrize("ending", ["held", "refused"])
def test_an_item_of_an_earlier_run_keeps_its_place_and_its_digest(ending: str) -> None:
    work = OnceWork(send=nobody, target=TARGET)
    stored = StoredItem(state="undelivered", digest=b"d", row=33)
    batch = Batch.reopened(work, event(0), 12, stored, number=5, source=2)
    batch.next_request()
    if ending == "held":
        batch.held(NotSentError("no connection"))
        assert ends(written(batch, count(90))) == [(33, PartState.PENDING, 1)]
    else:
        batch.refused(refusal(400))
        [(rejection, _)] = written(batch, count(90)).rejected
        assert rejection.index == 12


def test_what_must_not_be_repeated_is_unknown_if_its_response_was_lost() -> None:
    batch = once(events(1))
    batch.next_request()
    batch.failed(AmbiguousError("lost", attempts=1), state=PartState.UNKNOWN)
    outcome = batch.close()
    assert (len(outcome.unknown), len(outcome.undelivered), len(outcome.errors)) == (1, 0, 1)


def test_the_parts_of_an_earlier_run_go_out_in_order_with_the_bytes_that_were_to_be_sent() -> None:
    bodies = [b'{"webhook_url":"w","events":[{"event_id":"e%d"},{"event_id":"e%d"}]}' % (n, n + 1) for n in (0, 2)]
    stored = [
        StoredPart(
            row=20 + number,
            source=4,
            number=9,
            counted=bool(number),
            indices=range(2 * number, 2 * number + 2),
            lines=None,
            ids=[f"e{2 * number}", f"e{2 * number + 1}"],
            body=body,
        )
        for number, body in enumerate(bodies)
    ]
    batch = Batch.revived(EventWork(send=nobody, target=TARGET), stored)
    assert (batch.number, batch.source, batch.counted, batch.left, batch.items) == (9, 4, True, 4, ())
    assert written(batch, count(90)).opened == []
    seen = []
    while (body := batch.next_request()) is not None:
        seen.append(body)
        batch.accepted(response(1))
    assert seen == bodies
    assert ends(written(batch, count(90))) == [(20, PartState.ACCEPTED, 1), (21, PartState.ACCEPTED, 1)]
    assert batch.close().start == 0


def test_a_part_of_an_earlier_run_that_is_refused_is_halved_as_any_other() -> None:
    stored = StoredPart(
        row=20,
        source=4,
        number=9,
        counted=True,
        indices=[70, 72],
        lines=[7, 8],
        ids=["a", "b"],
        body=b'{"webhook_url":"w","events":[{"event_id":"a"},{"event_id":"b"}]}',
    )
    batch = Batch.revived(EventWork(send=nobody, target=TARGET), [stored])
    batch.next_request()
    batch.refused(refusal(400))
    halves = written(batch, count(90)).opened
    assert [(part.indices, part.lines, part.ids) for part in halves] == [([70], [7], ["a"]), ([72], [8], ["b"])]
    batch.next_request()
    batch.refused(refusal(400))
    [rejection] = batch.close().rejected
    assert (rejection.index, rejection.line) == (70, 7)


def test_every_accepted_response_and_every_refusal_of_one_item_is_kept() -> None:
    """Single sends are reported by them: a message's id is in its response."""
    batch = batch_of(events(2))
    batch.next_request()
    batch.refused(refusal(413))
    batch.next_request()
    took = response(1)
    batch.accepted(took)
    batch.next_request()
    error = refusal(400)
    batch.refused(error)
    assert (batch.responses, batch.refusals) == ([took], [error])
