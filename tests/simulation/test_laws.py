"""No law is one that cannot fail: each is broken once, by a fault that is put into the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from omnivery.automations.batch import EventWork
from omnivery.bulk import outage, pool, sender
from omnivery.bulk.batch import Batch
from omnivery.bulk.journal import store
from omnivery.bulk.outage import Decision, OutagePolicy
from omnivery.bulk.outcomes import OutcomeStream
from omnivery.bulk.part import PartState
from omnivery.bulk.report import Rejection, RunTotals
from omnivery.bulk.source_reader import SourceReader
from omnivery.errors import OmniveryError, ServerError
from omnivery.mail.bulk import MessageWork
from omnivery.mail.message import Queued
from omnivery.transport.adaptive_rate import AdaptiveRate
from omnivery.transport.circuit_breaker import Admission, CircuitBreaker
from omnivery.transport.http import ApiResponse, Headers
from tests.simulation.runs import (
    hold_events_to_the_laws,
    hold_mail_to_the_laws,
    hold_throughput_to_the_law,
    run_events,
    run_mail,
)
from tests.simulation.test_simulation import STEADY
from tests.simulation.world import Outage

CALM = evolve(STEADY, events=80, limit=float("inf"), latency=0.01)
DOWN = evolve(CALM, events=400, latency=0.1, outages=(Outage(start=0.5, seconds=40_000.0, kind="500"),))
LOSING = evolve(CALM, losing=0.3)


def miscounted(patch: pytest.MonkeyPatch) -> None:
    add = RunTotals.add

    def broken(totals: Any, *args: Any, **options: Any) -> None:
        add(totals, *args, **options)
        totals.accepted -= 1

    patch.setattr(RunTotals, "add", broken)


def posted_again(patch: pytest.MonkeyPatch) -> None:
    post = EventWork.post

    async def twice(work: EventWork, body: bytes) -> ApiResponse[Any]:
        await post(work, body)
        return await post(work, body)

    patch.setattr(EventWork, "post", twice)


def believed(patch: pytest.MonkeyPatch) -> None:
    post = EventWork.post

    async def credulous(work: EventWork, body: bytes) -> ApiResponse[Any]:
        try:
            return await post(work, body)
        except ServerError:
            return ApiResponse(data={}, status=200, headers=Headers(), request_id=None, elapsed=0.0, attempts=1)

    patch.setattr(EventWork, "post", credulous)


def impatient(patch: pytest.MonkeyPatch) -> None:
    decide = OutagePolicy.decide

    def give_up(policy: OutagePolicy, error: OmniveryError, **circumstances: Any) -> Decision:
        decision = decide(policy, error, **circumstances)
        return Decision.GO_ON if decision is Decision.HOLD else decision

    patch.setattr(OutagePolicy, "decide", give_up)


def accusing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EventWork, "refuses", lambda _work, error, _body: isinstance(error, ServerError))


def forgetful(patch: pytest.MonkeyPatch) -> None:
    close = Batch.close

    def lose(batch: Any) -> Any:
        settled = close(batch)
        return evolve(settled, accepted=settled.accepted[1:], rejected=settled.rejected)

    patch.setattr(Batch, "close", lose)


def greedy(patch: pytest.MonkeyPatch) -> None:
    enter = pool.Pool.__aenter__

    async def more(run: Any) -> Any:
        run.concurrency *= 8
        return await enter(run)

    patch.setattr(pool.Pool, "__aenter__", more)


def closed_for_ever(patch: pytest.MonkeyPatch) -> None:
    admit = CircuitBreaker.admit

    def never(breaker: CircuitBreaker, now: float) -> Admission:
        admission = admit(breaker, now)
        if admission is Admission.PROBE:
            breaker._probing = False
            breaker._probe_at = now + 3600.0
            return Admission.WAIT
        return admission

    patch.setattr(CircuitBreaker, "admit", never)


def stuttering(patch: pytest.MonkeyPatch) -> None:
    put = OutcomeStream.put

    async def twice(stream: Any, number: int, outcome: Any) -> None:
        await put(stream, number, outcome)
        await put(stream, number, outcome)

    patch.setattr(OutcomeStream, "put", twice)


def silent(patch: pytest.MonkeyPatch) -> None:
    async def lose(*_: Any) -> None: ...

    patch.setattr(OutcomeStream, "put", lose)


def two_faced(patch: pytest.MonkeyPatch) -> None:
    outcome_of = EventWork.outcome

    def both(work: EventWork, settled: Any, *args: Any) -> Any:
        rejected = (Rejection(index=0, reason="", event_id=str(settled.start)),)
        return evolve(outcome_of(work, settled, *args), rejected=rejected)

    patch.setattr(EventWork, "outcome", both)


def skipping(patch: pytest.MonkeyPatch) -> None:
    read_into = SourceReader.read_into

    async def skip(source: Any, items: list[Any], most: int) -> None:
        await read_into(source, items, most)
        del items[3:]

    patch.setattr(SourceReader, "read_into", skip)


EVENTS: list[tuple[str, Any, Callable[[pytest.MonkeyPatch], None]]] = [
    ("a sum", CALM, miscounted),
    ("sent twice without a lost response", CALM, posted_again),
    ("accepted, and not taken", DOWN, believed),
    ("an event that a working service would have taken is left", DOWN, impatient),
    ("another event rejected than the bad ones", DOWN, accusing),
    ("a sum", CALM, forgetful),
    ("an event that was not read", CALM, skipping),
    ("accepted twice", CALM, stuttering),
    ("an event in no place", CALM, silent),
    ("an event in two places", CALM, two_faced),
    ("more in hand than was to be", evolve(CALM, events=400, latency=1.0), greedy),
    ("the run neither ended nor waited for a reason", DOWN, closed_for_ever),
]


@pytest.mark.parametrize(("law", "plan", "fault"), EVENTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_fault_of_the_engine_breaks_its_law(
    law: str, plan: Any, fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_events_to_the_laws(run_events(1, plan, journal=False))
    fault(monkeypatch)
    with pytest.raises(AssertionError, match=law):
        hold_events_to_the_laws(run_events(1, plan, journal=False))


def test_a_rate_that_is_set_too_low_breaks_the_law_of_throughput(monkeypatch: pytest.MonkeyPatch) -> None:
    hold_throughput_to_the_law(run_events(1, STEADY, journal=False))
    set_rate = AdaptiveRate._set
    monkeypatch.setattr(
        AdaptiveRate, "_set", lambda rate, value, now, *, refused: set_rate(rate, value / 4, now, refused=value / 4)
    )
    with pytest.raises(AssertionError, match="of the allowed rate"):
        hold_throughput_to_the_law(run_events(1, STEADY, journal=False))


def guessing(patch: pytest.MonkeyPatch) -> None:
    post = MessageWork.post

    async def again(work: MessageWork, body: Any) -> Any:
        try:
            return await post(work, body)
        except OmniveryError:
            return await post(work, body)

    patch.setattr(MessageWork, "post", again)


def trusting(patch: pytest.MonkeyPatch) -> None:
    post = MessageWork.post

    async def credulous(work: MessageWork, body: Any) -> ApiResponse[Any]:
        try:
            return await post(work, body)
        except OmniveryError:
            queued = Queued(id="<1>")
            return ApiResponse(data=queued, status=200, headers=Headers(), request_id=None, elapsed=0.0, attempts=1)

    patch.setattr(MessageWork, "post", credulous)


def undoubting(patch: pytest.MonkeyPatch) -> None:
    for module in (outage, sender):
        patch.setattr(module, "may_have_happened", lambda _error: False)


def unwritten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sender.BatchSender, "_state_after", lambda *_, **__: PartState.UNDELIVERED)


def hopeful(patch: pytest.MonkeyPatch) -> None:
    release = "UPDATE batch SET state = 'pending' WHERE state = 'sending' AND state <> 'accepted'"
    patch.setattr(store, "_RELEASE", release)


MAIL: list[tuple[str, Any, Callable[[pytest.MonkeyPatch], None]]] = [
    ("a message was sent twice", LOSING, guessing),
    ("a message was sent twice", LOSING, undoubting),
    ("a message was sent twice", evolve(CALM, events=400, latency=0.1, kills=(0.3,)), hopeful),
    ("a sum", CALM, miscounted),
    ("sent, and not taken", evolve(CALM, events=400, failing=0.3), trusting),
    ("taken, and neither sent nor unknown", LOSING, unwritten),
]


@pytest.mark.parametrize(("law", "plan", "fault"), MAIL, ids=lambda value: getattr(value, "__name__", ""))
def test_a_fault_of_the_engine_breaks_the_law_of_mail(
    law: str, plan: Any, fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_mail_to_the_laws(run_mail(1, plan))
    fault(monkeypatch)
    with pytest.raises(AssertionError, match=law):
        hold_mail_to_the_laws(run_mail(1, plan))
