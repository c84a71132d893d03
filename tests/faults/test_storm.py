"""Minutes of 429, in a world whose clock jumps to whatever is waited for."""

from __future__ import annotations

import math
import random
from collections import Counter

import anyio
import anyio.lowlevel
import httpx
import pytest
import trio
import trio.testing
from attrs import define, field

from omnivery import AsyncAutomations
from omnivery.automations import SubmitReport
from omnivery.transport import client as client_module
from tests.faults.figures import Figures
from tests.support.bots import (
    WEBHOOK,
    assert_lawful,
    events,
    ids,
    numbered,
    sent,
)

BATCHES, SLOTS = 100, 8
EVENTS = BATCHES * 500
CALM, STORM, PAUSE = 2.0, 240.0, 15
"""Seconds before the storm, of the storm itself, and of each `Retry-After` in it."""


@define(kw_only=True)
class VirtualRuntime:
    """The event loop's own time, which a test may have pass at once."""

    dice: random.Random = field(factory=lambda: random.Random(5))

    def now(self) -> float:
        return anyio.current_time()

    def random(self) -> float:
        return self.dice.random()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def move_on_at(self, moment: float) -> anyio.CancelScope:
        return anyio.CancelScope(deadline=moment)


@define
class Throttled(httpx.AsyncBaseTransport):
    """Takes half a second for a request, and for some minutes refuses every one."""

    began: float = field(factory=anyio.current_time)
    in_flight: int = 0
    refusals: list[float] = field(factory=list[float])
    """When it refused."""
    departures: list[tuple[float, int]] = field(factory=list[tuple[float, int]])
    """When requests came, and how many were under way then."""
    arrived: Counter[str] = field(factory=Counter[str])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        now = anyio.current_time() - self.began
        self.in_flight += 1
        self.departures.append((now, self.in_flight))
        await anyio.sleep(0.5)
        try:
            if CALM <= now < CALM + STORM:
                self.refusals.append(anyio.current_time() - self.began)
                return httpx.Response(429, headers={"retry-after": str(PAUSE)})
            self.arrived.update(ids(sent(body)))
            return httpx.Response(200)
        finally:
            self.in_flight -= 1

    def peak(self, begin: float, end: float = math.inf) -> int:
        """The most requests under way within a span."""
        return max((count for moment, count in self.departures if begin <= moment < end), default=0)


async def weather() -> tuple[SubmitReport, Throttled]:
    server = Throttled()
    async with AsyncAutomations(
        "example-token",
        domain="mail.example.com",
        base_url="http://api.example.com",
        webhook_url=WEBHOOK,
        http_client=httpx.AsyncClient(transport=server, trust_env=False, verify=False),
    ) as client:
        with trio.fail_after(3600):
            report = await client.bots.submit(events(EVENTS), concurrency=SLOTS)
    return report, server


def test_a_storm_of_minutes_is_sat_out(figures: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four minutes of nothing but 429: a few requests every quarter of a minute, then full speed, and nothing lost."""
    monkeypatch.setattr(client_module, "AsyncRuntime", VirtualRuntime)
    # Without a journal: the clock would jump while its thread waits for the disk, and every time another way.
    report, server = trio.run(weather, clock=trio.testing.MockClock(autojump_threshold=0))
    assert_lawful(report)
    # Nothing is lost, nothing comes twice, nothing stops the run.
    assert (report.accepted, report.batches, report.stopped_by) == (EVENTS, BATCHES, None)
    assert server.arrived == Counter(numbered(EVENTS))
    # Everybody heeds a pause: between one refusal and the end of its wait nobody sets out.
    for refused in server.refusals:
        assert not [moment for moment, _ in server.departures if refused < moment < refused + PAUSE - 0.001]
    # One request at a time is enough to ask whether it is over.
    assert server.peak(CALM + 4 * PAUSE + 4, CALM + STORM) == 1
    # At first eight, four, two are refused together; after that at most one a pause.
    assert len(server.refusals) <= 8 + 4 + 2 + STORM / PAUSE
    assert report.requests == BATCHES + len(server.refusals)
    # Then one more for each clean window.
    assert server.peak(CALM + STORM) == SLOTS
    figures.add("429 for 4 minutes", rounds=1, batches=BATCHES, events=EVENTS, losses=EVENTS - len(server.arrived))
