"""The pool in virtual time: its clock, what stops it, and what it does at its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
import trio
from attrs import define, field, frozen
from trio.testing import MockClock

from omnivery.automations import BatchOutcome, SubmitReport
from omnivery.automations.run import AsyncBulkRun
from omnivery.bulk.recorder import Recorder
from omnivery.bulk.source import BatchSource, Resumable, ResumePoint
from omnivery.errors import BulkError, ConfigError, DecodeError, JournalError, NotSentError
from omnivery.events.event import EventLike
from omnivery.transport.limits import RateLimiter
from tests.support.bots import assert_lawful, endless, events, ids, refusal, run_of, sent
from tests.support.journal import Refusing, journalled, submit

T = TypeVar("T")


@frozen(kw_only=True)
class VirtualRuntime:
    """Trio's clock, which jumps over all waiting."""

    def now(self) -> float:
        return trio.current_time()

    def random(self) -> float:
        return 0.5

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    def move_on_at(self, moment: float) -> anyio.CancelScope:
        return anyio.CancelScope(deadline=moment)


def virtually(work: Callable[[], Awaitable[T]]) -> T:
    """Run something in virtual time: however long it takes, it takes no time."""
    return trio.run(work, clock=MockClock(autojump_threshold=0))


def run_in_time(source: Any, post: Any, *, max_outage: float = 600.0, **options: Any) -> AsyncBulkRun:
    return run_of(source, post, max_outage=max_outage, runtime=VirtualRuntime(), **options)


def accepting(seconds: float = 0.1) -> Callable[[bytes], Awaitable[int]]:
    """A service that takes everything, and so long for it."""

    async def post(_: bytes) -> int:
        await anyio.sleep(seconds)
        return 1

    return post


# The clock of a report


def test_a_report_s_time_stands_still_once_the_block_is_left() -> None:
    async def work() -> list[float]:
        run = run_in_time(endless(), accepting(1.0))
        async with run:
            await anyio.sleep(2.5)
        before = run.report.elapsed
        await anyio.sleep(100)
        return [before, run.report.elapsed]

    assert virtually(work) == pytest.approx([2.5, 2.5])


def test_a_report_s_time_stands_still_once_the_last_outcome_is_there() -> None:
    """What the caller does in its block after that is not the run's."""

    async def work() -> list[float]:
        run = run_in_time(events(1000), accepting(1.0), concurrency=1)
        times = [run.report.elapsed]
        async with run:
            async for _ in run:
                times.append(run.report.elapsed)  # noqa: PERF401  # one at a time is what it is about
            await anyio.sleep(100)
            times.append(run.report.elapsed)
        return [*times, run.report.elapsed]

    assert virtually(work) == pytest.approx([0.0, 1.0, 2.0, 2.0, 2.0])


# A rate of items


@pytest.mark.parametrize("most", [500, 125])
def test_items_count_once_towards_a_rate_however_often_they_go_out(most: int) -> None:
    """Halves and repeats are not new events: a refused batch would otherwise cost its rate many times over."""
    asked: list[int] = []

    @define(kw_only=True, eq=False)
    class Counting(RateLimiter):
        async def wait(self, count: int = 1) -> None:
            asked.append(count)

    async def post(body: bytes) -> int:
        await anyio.sleep(0.1)
        if len(sent(body)) > most:
            raise refusal(413)
        return 1

    pace = Counting(per_second=1.0, runtime=VirtualRuntime())
    report = virtually(lambda: run_in_time(events(1200), post, pace=pace).finish())
    assert (report.accepted, sum(asked)) == (1200, 1200)


# Errors that are not a batch's own


async def no_token(_: bytes) -> int:
    raise ConfigError("no token")


def test_a_client_that_cannot_be_used_is_an_error_and_no_report() -> None:
    with pytest.raises(ConfigError, match="no token"):
        virtually(lambda: run_in_time(events(10), no_token).finish())


def test_a_client_that_can_no_longer_be_used_is_told_in_the_report() -> None:
    """What was accepted before must not be lost with an exception."""
    responses = iter([1, 1])

    async def post(body: bytes) -> int:
        await anyio.sleep(0.1)
        return next(responses, 0) or await no_token(body)

    report = virtually(lambda: run_in_time(endless(), post, concurrency=1).finish())
    assert_lawful(report)
    assert (report.accepted, report.undelivered) == (1000, 500)
    assert isinstance(report.stopped_by, ConfigError)


def test_a_callback_that_failed_is_not_called_again_and_its_first_error_counts() -> None:
    calls: list[int] = []

    def report_it(report: SubmitReport) -> None:
        calls.append(report.accepted)
        raise LookupError(len(calls))

    with pytest.raises(BulkError, match="on_progress raised LookupError") as told:
        virtually(lambda: run_in_time(endless(), accepting(), concurrency=4).finish(report_it))
    assert calls == [told.value.report.accepted] or len(calls) == 1
    assert str(told.value.__cause__) == "1"


class FullDisk(Recorder[Any]):
    """A journal that takes everything but the end of a batch."""

    def settle(self, batch: Any) -> bool:
        raise JournalError("the disk is full")


def test_what_no_journal_has_is_kept_for_the_caller() -> None:
    """The journal could not be told that the batch is undelivered: its events must not be lost for that."""

    async def post(_: bytes) -> int:
        await anyio.sleep(0.1)
        raise DecodeError("the response is HTML")

    report = virtually(lambda: run_in_time(endless(), post, concurrency=1, recorder=FullDisk()).finish())
    assert_lawful(report)
    assert ids(report.undelivered_events()) == ids(events(500))
    assert isinstance(report.stopped_by, JournalError)


# The source


@define(eq=False)
class Pipe(BatchSource[EventLike]):
    """Reads ahead of its consumer, as a thread does that reads a pipe."""

    ahead: list[EventLike] = field(factory=list[EventLike])
    closed: int = field(init=False, default=0)
    asked: int = field(init=False, default=0)
    """How many were still being asked for when the rest was given back."""

    async def read_into(self, items: list[EventLike], count: int) -> None:
        await anyio.sleep(0.1)
        items += self.ahead[:count]
        del self.ahead[:count]

    def leftover(self, count: int) -> list[EventLike]:
        given, self.ahead = self.ahead[:count], self.ahead[count:]
        return given

    async def close(self) -> None:
        self.closed += 1


@define(eq=False)
class PipeSource(Resumable[EventLike]):
    """A source that opens a pipe, and so has to close it."""

    pipe: Pipe

    def locate(self, known: Sequence[ResumePoint]) -> ResumePoint:
        return ResumePoint(name="pipe")

    def open(self, point: ResumePoint) -> Pipe:
        return self.pipe

    def position(self, last: EventLike) -> Mapping[str, Any]:
        return {}


@pytest.mark.parametrize("early", [False, True])
def test_what_a_run_has_opened_it_closes_once(early: bool) -> None:
    pipe = Pipe(events(2000))

    async def work() -> None:
        run = run_in_time(PipeSource(pipe), accepting(1.0))
        async with run:
            if not early:
                async for _ in run:
                    continue
        assert_lawful(run.report)

    virtually(work)
    assert pipe.closed == 1


def test_what_was_read_ahead_when_a_run_stops_is_undelivered_and_not_forgotten() -> None:
    """It has left the pipe, which will not give it again."""
    pipe = Pipe(events(3000))

    async def post(_: bytes) -> int:
        await anyio.sleep(0.2)
        raise refusal(401)

    async def work() -> tuple[SubmitReport, list[BatchOutcome]]:
        run = run_in_time(PipeSource(pipe), post, concurrency=2)
        async with run:
            outcomes = [outcome async for outcome in run]
        return run.report, outcomes

    report, _ = virtually(work)
    assert_lawful(report)
    assert (report.read, report.undelivered, pipe.ahead) == (3000, 3000, [])
    assert {*ids(report.undelivered_events())} == {*ids(events(3000))}
    assert {type(failure.error) for failure in report.failures[1:]} >= {NotSentError}


# Its journal


@pytest.mark.anyio
async def test_a_run_that_was_stopped_takes_no_more_of_what_an_earlier_one_left(tmp_path: Path) -> None:
    """Each batch would be claimed, and put back unsent: hours of writing for a token that was revoked."""

    refuse = Refusing(5)
    first = await submit(events(10_000), refuse, tmp_path / "j", concurrency=5)
    assert first.undelivered >= 2500
    again = journalled(events(10_000), refuse, tmp_path / "j", concurrency=1)
    async with again:
        outcomes = [outcome async for outcome in again]
    assert [outcome.batch for outcome in outcomes] == [0]
    assert again.report.undelivered == first.undelivered


@pytest.mark.anyio
async def test_a_fault_of_ours_below_a_run_leaves_its_batches_to_the_next(tmp_path: Path) -> None:
    """It says nothing of the batch: with a journal it stays pending, and is not given up."""

    async def post(_: bytes) -> int:
        raise ZeroDivisionError

    with pytest.raises(BulkError, match="sending raised ZeroDivisionError"):
        await journalled(events(10), post, tmp_path / "j").finish()

    async def take(_: bytes) -> int:
        return 1

    assert (await submit(events(10), take, tmp_path / "j")).accepted == 10


# What a failure means for its batch


@define(eq=False)
class OneBadBatch:
    """A service that fails at one batch, and takes the others."""

    bad: str
    requests: int = field(init=False, default=0)
    """With the bad batch."""

    async def __call__(self, body: bytes) -> int:
        names = ids(sent(body))
        if self.bad in names:
            self.requests += 1
            await anyio.sleep(0.35)
            raise refusal(500)
        await anyio.sleep(0.1)
        return 1


def test_a_batch_that_fails_while_others_are_accepted_is_given_up_and_holds_up_nobody() -> None:
    """The service works: this is no outage, and the run must neither wait for one nor try for ever."""
    service = OneBadBatch("e2000")
    report, openings = virtually(lambda: finished(run_in_time(events(20_000), service, rounds=2)))
    assert (report.accepted, report.undelivered, report.stopped_by) == (19_500, 500, None)
    assert [(failure.batch, failure.events) for failure in report.failures] == [(4, 500)]
    assert (service.requests, openings) == (2, 0)
    assert report.elapsed < 6


async def finished(run: AsyncBulkRun) -> tuple[SubmitReport, int]:
    report = await run.finish()
    return report, run.policy.breaker.openings


def test_no_batch_is_given_up_for_outages_that_it_happened_to_meet() -> None:
    """With some successes in between: nothing is wrong with the batch."""
    asked: dict[str, int] = {}

    async def post(body: bytes) -> int:
        await anyio.sleep(1.0)
        now = trio.current_time()
        if any(start <= now < start + 30 for start in (3, 40)):
            raise refusal(503)
        name = ids(sent(body))[0]
        asked[name] = asked.get(name, 0) + 1
        return 1

    report = virtually(lambda: run_in_time(events(30_000), post, concurrency=4, rounds=2).finish())
    assert (report.accepted, report.undelivered, report.stopped_by) == (30_000, 0, None)
    assert report.elapsed > 70, "both outages were met"
    assert set(asked.values()) == {1}


def test_halves_are_not_sent_once_the_run_has_stopped() -> None:
    requests: list[int] = []

    async def post(body: bytes) -> int:
        requests.append(len(sent(body)))
        if len(requests) == 1:
            await anyio.sleep(1.0)
            raise refusal(401)
        await anyio.sleep(2.0)
        raise refusal(413)

    report = virtually(lambda: run_in_time(endless(), post).finish())
    assert requests == [500, 500]
    assert report.undelivered == report.read == 1000
