"""What a run leaves behind crosses process boundaries whole, and shows nobody's data by the way."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from omnivery import AsyncAutomations, BotEvent
from omnivery.automations import (
    BatchFailure,
    BatchOutcome,
    BatchReceipt,
    PendingVerdict,
    Rejection,
    SubmitReport,
    Verdict,
)
from omnivery.errors import AmbiguousError, BulkError, NotSentError
from omnivery.mail.sending import SendOutcome, SendReport, SendStatus
from tests.support.bots import (
    event,
    ids,
    pickled,
    requests_of,
)


def test_what_bot_detection_returns_survives_pickling() -> None:
    """Results come back from worker processes, and errors too."""
    failure = BatchFailure(batch=0, events=1, error=NotSentError("refused", operation="bots", attempts=3))
    outcome = BatchOutcome(batch=0, accepted=(event(1),), rejected=(Rejection(index=0, reason="no ip"),))
    report = SubmitReport(read=2, rejected=1, undelivered=1, failures=(failure,), undelivered_items=(event(2),))
    for value in (
        outcome,
        BatchReceipt(accepted=1, extra={"a": 1}),
        Verdict(is_bot=True),
        PendingVerdict(request_id="r"),
    ):
        assert pickled(value) == value
    again = pickled(report)
    assert ids(again.undelivered_events()) == ["e2"]
    assert str(again.failures[0].error) == str(failure.error)
    with pytest.raises(BulkError) as caught:
        again.raise_for_failures()
    error = pickled(caught.value)
    assert (str(error), error.report.undelivered) == (str(caught.value), 1)


@pytest.mark.anyio
async def test_a_bulk_error_survives_pickling_whatever_the_source_raised() -> None:
    """Many libraries' errors do not, httpx's own among them: the account of the run must not go down with them."""

    def source() -> Iterator[BotEvent]:
        yield event()
        request = httpx.Request("GET", "https://example.com/")
        raise httpx.HTTPStatusError("502", request=request, response=httpx.Response(502, request=request))

    caught: list[BulkError] = []

    async def submit(client: AsyncAutomations) -> None:
        with pytest.raises(BulkError) as raised:
            await client.bots.submit(source())
        caught.append(raised.value)

    await requests_of(submit)
    again = pickled(caught[0])
    assert str(again) == str(caught[0])
    assert again.report.accepted == 1


def test_no_repr_of_a_report_holds_an_event() -> None:
    """Reports are printed and logged; addresses, agents and recipients may not be."""
    marked = event(ip="MARKER", uas="MARKER", recipient_id="MARKER", attributes={"mine": "MARKER"})
    report = SubmitReport(read=1, undelivered=1, undelivered_items=(marked,))
    outcome = BatchOutcome(batch=0, accepted=(marked,), undelivered=(marked,))
    for value in (report, outcome, BatchReceipt(accepted=1, extra={"x": "MARKER"})):
        assert "MARKER" not in repr(value)


def test_the_repr_of_a_report_says_the_first_reasons() -> None:
    """A prompt of Python shows it, and no table; a wrong format has a thousand."""
    rejections = tuple(Rejection(index=place, reason="not JSON", line=place + 1) for place in range(1000))
    shown = repr(SubmitReport(read=1000, rejected=1000, rejections=rejections))
    first = "rejections=(Rejection(index=0, reason='not JSON', line=1, file=None, event_id=None), Rejection(index=1, "
    assert first in shown
    assert "line=3, file=None, event_id=None), … 997 more), failures=()," in shown


def test_the_repr_of_a_send_report_has_what_was_not_sent_first() -> None:
    sent = [SendOutcome(index=place, status=SendStatus.SENT) for place in range(1000)]
    lost = SendOutcome(index=1000, status=SendStatus.UNKNOWN, error=AmbiguousError("the connection broke"))
    shown = repr(SendReport(read=1001, sent=1000, unknown=1, outcomes=(*sent, lost)))
    assert f"outcomes=({lost!r}, {sent[0]!r}, {sent[1]!r}, … 998 more), " in shown
    assert "the connection broke" in shown


def test_the_repr_of_a_report_has_milliseconds() -> None:
    for report in (SubmitReport(elapsed=0.018324863), SendReport(elapsed=0.018324863)):
        assert " elapsed=0.018, " in repr(report)


def test_a_report_is_good_only_if_everything_was_accepted() -> None:
    SubmitReport(read=5, accepted=5).raise_for_failures()
    for bad in (
        SubmitReport(read=1, rejected=1),
        SubmitReport(read=1, undelivered=1, undelivered_items=(event(),)),
        SubmitReport(stopped_by=NotSentError("refused")),
    ):
        with pytest.raises(BulkError) as caught:
            bad.raise_for_failures()
        assert caught.value.__cause__ is bad.stopped_by


def test_the_error_names_the_first_trouble() -> None:
    """One line in a log must tell where to look."""
    report = SubmitReport(
        read=10,
        accepted=7,
        rejected=2,
        undelivered=1,
        rejections=(Rejection(index=3, line=4, reason="no ip"), Rejection(index=5, line=6, reason="no uas")),
        failures=(BatchFailure(batch=0, events=1, error=NotSentError("connection refused")),),
        undelivered_items=(event(),),
    )
    with pytest.raises(BulkError) as caught:
        report.raise_for_failures()
    assert str(caught.value) == (
        "of 10 events 7 were accepted, 2 rejected and 1 not delivered (first rejection: line 4, no ip); first failure: "
        "connection refused. It did not take effect: repeating it is safe."
    )
