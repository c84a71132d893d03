"""A simulated day: virtual time, and a service that a seed drives. Engine, retry code and journal are the real ones."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import anyio
import httpx
import trio
from attrs import define, field, frozen
from trio._core import _run as trio_run
from trio.testing import MockClock

import omnivery.transport.runtime as runtime_module
from omnivery import AsyncAutomations, AsyncMailgun
from omnivery.bulk.journal.recorder import JournalRecorder
from omnivery.errors import JournalError

DOMAIN = "mail.example.com"
SIZE = 4
"""Events of one batch: what is tried is the engine, not the encoder."""


@frozen(kw_only=True)
class Outage:
    """A time in which the service does not work."""

    start: float
    seconds: float
    kind: str
    """`refused`, `hang`, or a status."""

    def covers(self, now: float) -> bool:
        return self.start <= now < self.start + self.seconds


@frozen(kw_only=True)
class Plan:
    """What a seed decided on."""

    events: int
    concurrency: int
    spacing: float
    """Seconds between two events of the source; 0 for a source that has them all."""
    latency: float
    limit: float
    """Requests a second that are accepted; infinity for no limit."""
    burst: float
    retry_after: float
    """Seconds that a 429 names to come back after; 0 if it names none."""
    outages: tuple[Outage, ...]
    failing: float
    """Share of requests that fail with a 5xx, although the service works."""
    losing: float
    """Share of accepted requests whose response is lost."""
    poison: frozenset[int]
    invalid: frozenset[int]
    too_large: int
    """Events in a request beyond which it is refused with 413; 0 for no limit."""
    kills: tuple[float, ...]
    """Moments at which the process is killed, in seconds from the start of each run."""
    consumer: float = 0.0
    """Seconds that the consumer takes for each outcome."""
    full: Outage | None = None
    """A time in which the disk has no room for a larger journal."""
    jump: float = 0.0
    """Seconds by which the time of day is put forward, or back, after the first minute."""

    @classmethod
    def drawn(cls, seed: int) -> Plan:
        """Draw a plan. Most seeds have several troubles at once."""
        draw = random.Random(seed)
        events = draw.choice([40, 120, 400])
        some = draw.random() < 0.4
        return cls(
            events=events,
            concurrency=draw.choice([1, 2, 4, 8]),
            spacing=draw.choice([0.0, 0.0, 1.0, 3600.0 * 24 / events]),
            latency=draw.choice([0.01, 0.1, 1.0]),
            limit=draw.choice([float("inf"), float("inf"), 0.5, 2.0, 10.0]),
            burst=draw.choice([1.0, 2.0, 10.0]),
            retry_after=float(draw.random() < 0.5),
            outages=tuple(_outage(draw) for _ in range(draw.choice([0, 0, 1, 2]))),
            failing=draw.choice([0.0, 0.0, 0.05, 0.2]),
            losing=draw.choice([0.0, 0.0, 0.05, 0.2]),
            poison=frozenset(draw.sample(range(events), draw.choice([0, 1, 3]))) if some else frozenset(),
            invalid=frozenset(draw.sample(range(events), draw.choice([0, 2]))) if some else frozenset(),
            too_large=draw.choice([0, 0, 2]),
            kills=tuple(draw.uniform(0.0, 200.0) for _ in range(draw.choice([0, 0, 1, 3]))),
            consumer=draw.choice([0.0, 0.0, 0.0, 0.5, 30.0]),
            full=draw.choice([None, Outage(start=draw.choice([0.0, 0.0, 1.0, 30.0]), seconds=300.0, kind="full")]),
            jump=draw.choice([0.0, 0.0, -3600.0, 86_400.0]),
        )

    def time_of_day(self) -> float:
        """What a clock on the wall shows, which people and time servers put right."""
        now = trio.current_time()
        return now + (self.jump if now > 60.0 else 0.0)


def _outage(draw: random.Random) -> Outage:
    return Outage(
        start=draw.uniform(0.5, 100.0),
        seconds=draw.choice([1.0, 30.0, 300.0, 4 * 3600.0]),
        kind=draw.choice(["refused", "hang", "503", "500"]),
    )


@define(kw_only=True)
class Service:
    """The service: what it took, and what it made of each request."""

    plan: Plan
    draw: random.Random
    taken: Counter[str] = field(factory=Counter[str])
    doubtful: set[str] = field(factory=set[str])
    """What may come twice: its response was lost, or its process died before the response was written down."""
    requests: int = 0
    _tokens: float = field(init=False)
    _filled: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._tokens = max(1.0, self.plan.burst)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        ids = ids_in(request)
        return await self._respond(request, ids)

    async def _respond(self, request: httpx.Request, ids: set[str]) -> httpx.Response:
        now = trio.current_time()
        for outage in self.plan.outages:
            if outage.covers(now):
                return await self._down(outage.kind, request)
        await self._travel()
        if request.method == "GET":
            return httpx.Response(200, json={})
        if not self._admits(trio.current_time()):
            return httpx.Response(429, json={}, headers=self._come_back())
        if status := self._refusal(ids):
            return httpx.Response(status, json={"message": "no"})
        self.taken.update(ids)
        if self.draw.random() < self.plan.losing:
            self.doubtful |= ids
            raise httpx.ReadError("the connection broke", request=request)
        # A process that is killed now never hears that it was taken.
        await self._travel()
        return httpx.Response(200, json={"id": "<1>", "message": "Queued"})

    async def _travel(self) -> None:
        await anyio.sleep(self.draw.expovariate(2 / self.plan.latency))

    def _come_back(self) -> dict[str, str]:
        return {"retry-after": f"{self.plan.retry_after:g}"} if self.plan.retry_after else {}

    def _refusal(self, ids: set[str]) -> int:
        if self.draw.random() < self.plan.failing:
            return self.draw.choice([500, 502, 503])
        if self.plan.too_large and len(ids) > self.plan.too_large:
            return 413
        return 400 if any(int(one) in self.plan.poison for one in ids) else 0

    async def _down(self, kind: str, request: httpx.Request) -> httpx.Response:
        if kind == "refused":
            raise httpx.ConnectError("refused", request=request)
        if kind == "hang":
            await anyio.sleep(30.0)
            raise httpx.ReadTimeout("no response", request=request)
        return httpx.Response(int(kind))

    def _admits(self, now: float) -> bool:
        if self.plan.limit == float("inf"):
            return True
        self._tokens = min(self.plan.burst, self._tokens + (now - self._filled) * self.plan.limit)
        self._filled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def ids_in(request: httpx.Request) -> set[str]:
    """The events of a batch, or the one message, by their numbers."""
    if request.method == "GET":
        return set()
    if request.url.path.endswith("/bot"):
        return {event["event_id"] for event in json.loads(request.content)["events"]}
    return {httpx.QueryParams(request.content.decode())["subject"]}


class _Clock:
    monotonic = staticmethod(trio.current_time)
    sleep = staticmethod(lambda _: None)


def simulate(work: Callable[[], Any], seed: int) -> Any:
    """Run on virtual time: sleeping takes none, and every random number comes from the seed."""
    # Trio shuffles the tasks that are due, so that nobody relies on their order. A seed must replay exactly.
    order: Any = trio_run
    order._r.seed(seed)
    with (
        mock.patch.object(order, "_ALLOW_DETERMINISTIC_SCHEDULING", new=True),
        mock.patch.object(runtime_module, "time", _Clock),
        mock.patch.object(runtime_module, "random", random.Random(seed)),
    ):
        return trio.run(work, clock=MockClock(autojump_threshold=0))


def automations(service: Service) -> AsyncAutomations:
    """A client whose service is simulated."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(service))
    return AsyncAutomations(
        "token", base_url="http://api.example.com", domain=DOMAIN, webhook_url="http://127.0.0.1:9/x", http_client=http
    )


def mailgun(service: Service) -> AsyncMailgun:
    """The same for mail."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(service))
    return AsyncMailgun("key", base_url="http://api.example.com/v3", domain=DOMAIN, http_client=http)


def events(plan: Plan, start: int = 0) -> Iterator[dict[str, Any]]:
    """The source, from one of its events on."""
    for number in range(start, plan.events):
        ip = "nowhere" if number in plan.invalid else "192.0.2.1"
        yield {"ip": ip, "uas": "x", "event_id": str(number)}


@define(kw_only=True)
class Disk:
    """The journal's blocking side, without a thread: virtual time must not jump while it works."""

    plan: Plan
    recorder: JournalRecorder[Any] | None = None

    async def run(self, work: Callable[[], Any]) -> Any:
        """Do one piece of work, with as much room as the disk has."""
        await anyio.lowlevel.checkpoint()
        if self.plan.full is not None and hasattr(self.recorder, "_journal"):
            self._make_room(pages=1 if self.plan.full.covers(trio.current_time()) else 2**30)
        return work()

    def _make_room(self, *, pages: int) -> None:
        # No fewer pages than the file has: it cannot grow then, and SQLite says that the disk is full.
        recorder: Any = self.recorder
        with suppress(sqlite3.Error, JournalError), recorder._journal._file.use(JournalError) as db:
            db.execute(f"PRAGMA max_page_count = {pages}")


def folder() -> Path | None:
    """Memory, if the system has a file system in it: a simulated day has thousands of commits."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None
