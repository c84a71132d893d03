"""How fast a run goes, and in which order its outcomes come, where the caller has a say in it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator

import anyio
import anyio.lowlevel
import pytest

from omnivery.emulator import Emulator
from omnivery.errors import ApiError, ConfigError, RateLimitError
from omnivery.transport.adapters.limited import LimitedAdapter
from omnivery.transport.http import Request, Response
from omnivery.transport.limits import AdaptiveLimiter, RateLimiter
from tests.support.bots import (
    assert_lawful,
    client_of,
    endless,
    events,
    finish,
    run_of,
    sent,
)
from tests.support.fakes import FakeRuntime, response

pytestmark = pytest.mark.anyio


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=()) as emulator:
        yield emulator


async def accept(_: bytes) -> int:
    await anyio.lowlevel.checkpoint()
    return 1


# Pace


async def test_the_first_goes_at_once_and_the_others_follow_evenly() -> None:
    runtime = FakeRuntime()
    pace = RateLimiter(per_second=4, runtime=runtime)
    began = []
    for _ in range(4):
        await pace.wait()
        began.append(runtime.now())
    assert [moment - began[0] for moment in began] == [0, 0.25, 0.5, 0.75]


async def test_many_at_once_take_their_share_of_the_time() -> None:
    """Five hundred events at a thousand a second: the next batch waits for half a second."""
    runtime = FakeRuntime()
    pace = RateLimiter(per_second=1000, runtime=runtime)
    await pace.wait(500)
    start = runtime.now()
    await pace.wait(500)
    assert runtime.now() - start == 0.5


async def test_what_was_not_used_is_not_saved_up() -> None:
    """After a quiet hour there is no burst: the server's limit does not know how quiet it was."""
    runtime = FakeRuntime()
    pace = RateLimiter(per_second=1, runtime=runtime)
    await pace.wait()
    runtime.take(3600)
    await pace.wait()
    start = runtime.now()
    await pace.wait()
    assert runtime.now() - start == 1


async def test_every_attempt_counts_against_the_rate_of_requests() -> None:
    runtime = FakeRuntime()

    class Inner:
        async def send(self, request: Request) -> Response:
            return response()

        async def aclose(self) -> None:
            raise AssertionError

    gate = LimitedAdapter(
        inner=Inner(),
        runtime=runtime,
        slots=AdaptiveLimiter(ceiling=8),
        max_retry_after=10,
        pace=RateLimiter(per_second=2, runtime=runtime),
    )
    start = runtime.now()
    for _ in range(5):
        await gate.send(Request(method="GET", url="http://127.0.0.1/"))
    assert runtime.now() - start == 2


async def test_a_run_waits_for_the_turn_of_its_events() -> None:
    runtime = FakeRuntime()
    run = run_of(events(2500), accept, pace=RateLimiter(per_second=500, runtime=runtime))
    start = runtime.now()
    report = await finish(run)
    assert report.accepted == 2500
    assert runtime.now() - start == 4


@pytest.mark.parametrize("wrong", [0, -1, float("inf"), float("nan"), True, "10"])
@pytest.mark.parametrize("rate", ["events_per_second", "requests_per_second"])
async def test_a_rate_is_a_number_above_zero(emulator: Emulator, rate: str, wrong: object) -> None:
    async with client_of(emulator) as client:
        with pytest.raises(ConfigError, match=rate):
            await client.bots.submit(events(1), **{rate: wrong})  # type: ignore[arg-type]
    assert emulator.bot_events == []


async def test_a_paced_run_over_the_wire_is_complete(emulator: Emulator) -> None:
    async with client_of(emulator) as client:
        report = await client.bots.submit(events(1200), events_per_second=1_000_000, requests_per_second=1_000)
    assert (report.accepted, len(emulator.bot_events)) == (1200, 1200)


# A wait that is not worth it


def asks_to_wait(seconds: float) -> ApiError:
    return RateLimitError("slow down", status=429, retry_after=seconds)


async def test_a_wait_beyond_our_patience_stops_the_run() -> None:
    """Every further batch would be told the same: it would be read, sent once and given up."""

    async def post(_: bytes) -> int:
        await anyio.lowlevel.checkpoint()
        raise asks_to_wait(3600)

    report = await finish(run_of(endless(), post, max_retry_after=600.0))
    assert isinstance(report.stopped_by, RateLimitError)
    assert report.read == report.undelivered <= 2 * 2 * 500


async def test_a_wait_within_our_patience_does_not() -> None:
    """Its attempts are used up, and others are accepted meanwhile."""
    left = [asks_to_wait(5)]

    async def post(_: bytes) -> int:
        await anyio.lowlevel.checkpoint()
        if left:
            raise left.pop()
        return 1

    report = await finish(run_of(events(2000), post, max_retry_after=600.0, max_outage=math.inf))
    assert (report.stopped_by, report.accepted, report.undelivered) == (None, 2000, 0)


# Order


def slow_first(release: anyio.Event) -> Callable[[bytes], Awaitable[int]]:
    """A server that responds to the first batch last."""

    async def post(body: bytes) -> int:
        await anyio.lowlevel.checkpoint()
        if sent(body)[0]["event_id"] == "e0":
            await release.wait()
        return 1

    return post


async def test_ordered_outcomes_come_in_the_order_of_the_source() -> None:
    release = anyio.Event()
    async with run_of(events(4000), slow_first(release), concurrency=3, ordered=True) as run:
        await anyio.wait_all_tasks_blocked()
        release.set()
        assert [outcome.batch async for outcome in run] == list(range(8))
    assert_lawful(run.report)


async def test_without_it_they_come_as_they_are_done() -> None:
    release = anyio.Event()
    async with run_of(events(4000), slow_first(release), concurrency=3) as run:
        first = await anext(run)
        release.set()
        assert first.batch != 0
        assert sorted([first.batch, *[outcome.batch async for outcome in run]]) == list(range(8))


async def test_a_slow_batch_does_not_let_those_behind_it_pile_up() -> None:
    release = anyio.Event()
    async with run_of(endless(), slow_first(release), concurrency=4, ordered=True) as run:
        await anyio.wait_all_tasks_blocked()
        assert run.report.read <= 2 * 4 * 500


async def test_outcomes_that_wait_for_their_turn_are_not_lost_when_the_run_is_left() -> None:
    release = anyio.Event()
    async with run_of(events(2000), slow_first(release), concurrency=4, ordered=True) as run:
        await anyio.wait_all_tasks_blocked()
    settled = {event for outcome in run.remaining for event in (item.event_id for item in outcome.accepted)}  # type: ignore[union-attr]
    assert len(settled) == run.report.accepted == 1500
    assert [outcome.batch for outcome in run.remaining] == [1, 2, 3]
