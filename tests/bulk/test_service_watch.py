"""What a run says while it waits for the service."""

from __future__ import annotations

import logging
import time

import anyio
import pytest
import trio
from attrs import define, field

from omnivery.automations import SubmitReport
from tests.bulk.test_pool import accepting, run_in_time, virtually
from tests.support.bots import endless, events, refusal


@define(eq=False)
class DownService:
    """A service that works, is down for some seconds, and works again."""

    down: float = 60.0
    begins: float = 1.0
    start: float = field(init=False, default=0.0)

    async def __call__(self, _: bytes) -> int:
        await anyio.sleep(0.2)
        since = trio.current_time() - self.start
        if self.begins <= since < self.begins + self.down:
            raise refusal(503)
        return 1


def test_a_run_says_once_that_it_waits_for_the_service_and_once_that_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A person who looks at a run that stands still has to see why; and since when."""
    told: list[tuple[float, SubmitReport]] = []

    async def work() -> SubmitReport:
        service = DownService()
        service.start = trio.current_time()
        run = run_in_time(events(12_000), service, rounds=2)
        return await run.finish(lambda report: told.append((trio.current_time() - service.start, report)))

    with caplog.at_level(logging.INFO, "omnivery"):
        report = virtually(work)
    assert report.accepted == 12_000
    lines = [line for line in caplog.messages if "accepts" in line]
    assert lines == [
        "http://api.example.com accepts no requests: waiting until it does",
        "http://api.example.com accepts requests again",
    ]
    waiting = [(moment, one.waiting_since) for moment, one in told if one.waiting_since is not None]
    assert len(waiting) == 1, "told when it begins; while it lasts nothing ends"
    [(moment, since)] = waiting
    assert 1.0 <= moment < 3.0
    assert since == pytest.approx(time.time(), abs=60)
    after = next(moment for moment, one in told if moment > waiting[0][0])
    assert after >= 61.0
    assert report.waiting_since is None


def test_a_run_that_was_stopped_says_nothing_of_waiting(caplog: pytest.LogCaptureFixture) -> None:
    async def post(_: bytes) -> int:
        await anyio.sleep(0.1)
        raise refusal(503)

    with caplog.at_level(logging.INFO, "omnivery"):
        report = virtually(lambda: run_in_time(endless(), post, max_outage=30.0).finish())
    assert [line for line in caplog.messages if "accepts" in line] == [
        "http://api.example.com accepts no requests: waiting until it does"
    ]
    assert report.stopped_by is not None
    assert report.waiting_since is None


def test_a_service_that_does_not_respond_is_named_after_three_seconds(caplog: pytest.LogCaptureFixture) -> None:
    """A wrong URL hangs like a slow service, and only its owner can tell which it is."""
    told: list[tuple[float, int]] = []

    async def work() -> SubmitReport:
        start = trio.current_time()
        run = run_in_time(events(3000), accepting(10.0))
        return await run.finish(lambda report: told.append((trio.current_time() - start, report.requests)))

    with caplog.at_level(logging.INFO, "omnivery"):
        assert virtually(work).accepted == 3000
    assert caplog.messages == ["no response from http://api.example.com for 3 s: still trying"]
    assert told[0][0] == pytest.approx(3.0)
    assert told[0][1] == 0
    assert len(told) == 7, "and then after each batch"


@pytest.mark.parametrize("status", [200, 503])
def test_a_service_that_responds_in_time_is_not_named(caplog: pytest.LogCaptureFixture, status: int) -> None:
    async def post(_: bytes) -> int:
        await anyio.sleep(2.0)
        if status != 200:
            raise refusal(status)
        return 1

    with caplog.at_level(logging.INFO, "omnivery"):
        virtually(lambda: run_in_time(events(3000), post, max_outage=60.0).finish())
    assert [line for line in caplog.messages if "no response" in line] == []
