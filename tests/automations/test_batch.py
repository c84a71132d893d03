"""Bot events as bulk work: what is checked, what is kept for a journal, and what comes back from one."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from omnivery import BotEvent
from omnivery.automations import BatchOutcome, EventLine, SubmitReport, UnreadableLine
from omnivery.automations.batch import MAX_BYTES, MAX_EVENTS, EventWork
from omnivery.bulk.part import StoredPart
from omnivery.bulk.report import Rejection, RunState, RunTotals, SettledBatch
from omnivery.errors import ConfigError
from omnivery.events.encoded import CHECKED
from omnivery.transport.http import ApiResponse
from tests.support.bots import TARGET, WEBHOOK, event, ids, refusal, response

LINE = b'{"ip":"203.0.113.7","uas":"-","event_id":"e1"}'


def work_of(posted: list[bytes] | None = None) -> EventWork:
    async def send(body: bytes) -> ApiResponse[Any]:
        assert posted is not None, "nothing may be sent"
        posted.append(body)
        return response()

    return EventWork(send=send, target=TARGET)


def test_a_batch_is_what_the_api_takes() -> None:
    work = work_of()
    assert (work.size, work.max_bytes, work.idempotent, work.noun) == (MAX_EVENTS, MAX_BYTES, True, "events")
    assert work.service == "http://api.example.com"
    assert work.encode([event(0), LINE]) == (
        b'{"webhook_url":"%b","events":[{"ip":"203.0.113.7","uas":"Mozilla/5.0","event_id":"e0"},%b]}'
        % (WEBHOOK.encode(), LINE)
    )


def test_a_sound_batch_is_encoded_while_it_is_checked() -> None:
    """So that each event is read once; a journal asks for their ids."""
    items: Any = [event(0), event(1)]
    bare, named = (work_of().screen(items, named=named) for named in (False, True))
    assert (bare.faults, bare.ids, bare.lines) == (None, None, None)
    assert (named.faults, named.ids, named.lines) == (None, ["e0", "e1"], None)
    assert bare.body == named.body == work_of().encode(items)


def test_a_batch_that_is_too_large_is_left_to_be_halved() -> None:
    small = evolve(work_of(), max_bytes=50)
    assert small.screen([event(0)], named=False).body is None


def test_other_events_are_checked_one_by_one() -> None:
    items: Any = [event(0), LINE, b"{", EventLine(data=LINE, line=7), UnreadableLine(line=8, reason="blank line")]
    bare, named = (work_of().screen(items, named=named) for named in (False, True))
    for found in (bare, named):
        assert [fault is None for fault in found.faults or ()] == [True, True, False, True, False]
    assert (bare.ids, bare.lines) == (None, None)
    assert (named.ids, named.lines) == (["e0", "e1", None, "e1", None], [None, None, None, 7, None])


def test_events_that_a_reader_has_checked_are_not_checked_again_and_come_back_as_objects() -> None:
    items: Any = [(CHECKED, LINE, "e1"), (CHECKED, LINE.replace(b"e1", b"e2"), "e2")]
    bare, named = (work_of().screen(items, named=named) for named in (False, True))
    assert (bare.faults, bare.ids, bare.lines) == (None, None, None)
    assert (named.faults, named.lines) == (None, None)
    assert named.ids is not None
    assert [*named.ids] == ["e1", "e2"]
    outcome = BatchOutcome(batch=3, accepted=tuple(items), requests=1)
    seen = work_of().decoded_outcome(outcome)
    assert (seen.batch, seen.requests, ids(seen.accepted)) == (3, 1, ["e1", "e2"])
    assert all(isinstance(one, BotEvent) for one in seen.accepted)


def test_a_source_without_lines_has_none() -> None:
    assert work_of().screen([LINE, b"{"], named=True).lines is None


@pytest.mark.parametrize(
    ("status", "refuses"),
    [(400, True), (413, True), (422, True), (401, False), (404, False), (409, False), (500, False)],
)
def test_a_batch_is_halved_where_the_service_found_fault_with_its_events(status: int, refuses: bool) -> None:
    assert work_of().refuses(refusal(status), b"") is refuses


def test_a_client_that_cannot_be_used_found_no_fault_with_events() -> None:
    assert not work_of().refuses(ConfigError("no token"), b"")


@pytest.mark.parametrize(
    ("item", "line", "event_id"),
    [
        (event(3), None, "e3"),
        (EventLine(data=LINE, line=9), 9, "e1"),
        (UnreadableLine(line=8, reason="blank line"), 8, None),
        (5, None, None),
    ],
)
def test_a_rejection_says_where_it_is_and_what(item: Any, line: int | None, event_id: str | None) -> None:
    found = work_of().rejection(item, 17, "no good")
    assert found == Rejection(index=17, reason="no good", line=line, event_id=event_id)


@pytest.mark.parametrize(
    ("item", "error", "words"),
    [
        (event(0, ip="nowhere"), TypeError("no"), "ip"),
        (event(0), TypeError("set"), "it holds a value without a JSON form: set"),
        (event(0), ValueError("x"), "it holds text that is not Unicode, or it contains itself"),
        (event(0), RecursionError("x"), "it holds text that is not Unicode, or it contains itself"),
    ],
)
def test_a_fault_is_told_by_what_is_wrong_with_the_event_or_else_by_what_was_raised(
    item: Any, error: Exception, words: str
) -> None:
    found = work_of().fault(item, error)
    assert found == words or (words == "ip" and found.startswith("ip"))


def stored(lines: list[int | None] | None) -> StoredPart:
    body = b'{"webhook_url":"w","events":[%b,{"event_id":"e2"}]}' % LINE
    return StoredPart(
        row=1,
        source=1,
        number=0,
        counted=False,
        indices=range(2),
        lines=lines,
        ids=["e1", "e2"],
        body=body,
    )


def test_a_stored_batch_gives_its_events_back_as_the_bytes_that_were_to_be_sent() -> None:
    work = work_of()
    assert work.items_of(stored(None)) == [LINE, b'{"event_id":"e2"}']
    assert work.items_of(stored([5, None])) == [EventLine(data=LINE, line=5), b'{"event_id":"e2"}']
    with pytest.raises(ValueError, match="zip"):
        work.items_of(stored([5]))


def test_what_cannot_be_written_is_kept_as_far_as_it_can() -> None:
    work = work_of()
    assert work.stored(event(1, uas="-")) == LINE
    assert work.stored(EventLine(data=b"{", line=2)) == b"{"


@pytest.mark.anyio
async def test_a_body_is_posted_as_it_is() -> None:
    posted: list[bytes] = []
    assert (await work_of(posted).post(b"{}")).attempts == 1
    assert posted == [b"{}"]


def test_outcomes_and_reports_are_those_of_events() -> None:
    work = work_of()
    outcome = work.outcome(SettledBatch(batch=4, accepted=(LINE,), requests=2), [], [])
    assert (type(outcome), outcome.batch, outcome.accepted, outcome.requests) == (BatchOutcome, 4, (LINE,), 2)
    assert work.number_of(outcome) == 4
    report = work.report(RunTotals(read=3, accepted=3), RunState(elapsed=1.5, stopped_by=None, journal="j"))
    assert (type(report), report.read, report.accepted, report.elapsed) == (SubmitReport, 3, 3, 1.5)
