"""Simulated runs, and the laws that hold after each."""

from __future__ import annotations

import json
import math
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, closing
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import trio
from attrs import define, field

from omnivery import Message
from omnivery.automations.bots import SUBMIT_BATCH
from omnivery.automations.run import event_run, target_of
from omnivery.bulk.journal.once import OnceRecorder
from omnivery.bulk.journal.recorder import JournalRecorder
from omnivery.bulk.recorder import Recorder
from omnivery.bulk.source_reader import SourceReader
from omnivery.errors import JournalError, NotSentError
from tests.simulation import world
from tests.simulation.world import SIZE, Disk, Plan, Service

LONGEST = 30 * 24 * 3600.0
"""Virtual seconds after which a run that neither ended nor can end is a fault."""


@define(kw_only=True)
class Result:
    """What a simulated life of a run left behind."""

    plan: Plan
    service: Service
    report: Any
    seconds: float
    accepted: Counter[str] = field(factory=Counter[str])
    rejected: set[str] = field(factory=set[str])
    left: set[str] = field(factory=set[str])
    """Undelivered, pending or unread."""
    unknown: set[str] = field(factory=set[str])
    most_in_hand: int = 0


def run_events(seed: int, plan: Plan | None = None, *, journal: bool = True) -> Result:
    """A run of events, killed and resumed as the plan has it; without a journal it has one life."""
    return _simulated(seed, plan, partial(_live_on_events, journal=journal), resumed=journal)


def run_mail(seed: int, plan: Plan | None = None) -> Result:
    """A run of messages with a journal, killed and resumed as the plan has it."""
    return _simulated(seed, plan, _live_on_mail, resumed=True)


def _simulated(
    seed: int, plan: Plan | None, live: Callable[[Plan, Service, Life], Awaitable[Result | None]], *, resumed: bool
) -> Result:
    plan = plan or Plan.drawn(seed)
    service = Service(plan=plan, draw=random.Random(seed + 1))
    found: list[Result] = []

    async def lives(folder: Path) -> None:
        path, moments = folder / "0", [*plan.kills] if resumed else []
        for number in count(1):
            life = Life(path=path, copy=folder / str(number), kill=moments.pop(0) if moments else None)
            result = await live(plan, service, life)
            if result is None:
                path = life.copy
            elif resumed and isinstance(result.report.stopped_by, NotSentError | JournalError):
                # Unreachable before the first response, or no room: an operator starts the run again later.
                if isinstance(result.report.stopped_by, JournalError):
                    service.doubtful |= set(service.taken)  # accepted, with no room to write it down
                await anyio.sleep(600)
            else:
                found.append(result)
                return

    with TemporaryDirectory(dir=world.folder()) as name:
        world.simulate(partial(lives, Path(name)), seed)
    return found[0]


@define(kw_only=True)
class Life:
    """One process that works on a journal, and how it ends."""

    path: Path
    copy: Path
    """What the next life finds if this one is killed."""
    kill: float | None
    killed: bool = False

    @asynccontextmanager
    async def lived(self) -> AsyncIterator[None]:
        """Kill what happens in the block, as its time has come. It fails if it neither ends nor can end."""
        with trio.move_on_after(LONGEST) as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._killed, scope)
                yield
                tasks.cancel_scope.cancel()
        assert self.killed or not scope.cancelled_caught, "the run neither ended nor waited for a reason"

    async def _killed(self, scope: trio.CancelScope) -> None:
        if self.kill is not None:
            await anyio.sleep(self.kill)
            # The files as they are at this moment. What the run writes down when it is cancelled comes too late.
            for ending in ("", "-wal"):
                file = self.path.with_name(self.path.name + ending)
                if file.exists():
                    shutil.copy(file, self.copy.with_name(self.copy.name + ending))
            self.killed = True
            scope.cancel()


async def _live_on_events(plan: Plan, service: Service, life: Life, *, journal: bool) -> Result | None:
    started = trio.current_time()
    client = world.automations(service)
    target = target_of(webhook_url="http://127.0.0.1:9/x", domain=world.DOMAIN, base_url="http://api.example.com")
    recorder: Recorder[Any] = Recorder()
    if journal:
        disk = Disk(plan=plan)
        recorder = disk.recorder = JournalRecorder(
            path=life.path, target=target, run_aside=disk.run, clock=plan.time_of_day
        )
    pulled = 0

    async def source() -> AsyncGenerator[Any, None]:
        nonlocal pulled
        for event in world.events(plan):
            if plan.spacing:
                await anyio.sleep(plan.spacing)
            pulled += 1
            yield event

    events = source()
    run = event_run(
        client, SUBMIT_BATCH, SourceReader.of(events, argument="events", advice="", encoded=True), target,
        recorder=recorder, concurrency=plan.concurrency, events_per_second=None, requests_per_second=None,
        options=None, max_outage=None, max_events=SIZE,
    )  # fmt: skip
    result = Result(plan=plan, service=service, report=None, seconds=0.0)
    # A run that stops or is killed leaves the source where it is, and this one is ours to close.
    async with life.lived(), aclosing(events), run:
        settled = 0
        async for outcome in run:
            settled += len(outcome.accepted) + len(outcome.rejected) + len(outcome.undelivered)
            result.most_in_hand = max(result.most_in_hand, 0 if journal else pulled - settled)
            result.accepted.update(event_id(event) for event in outcome.accepted)
            result.rejected |= {str(one.event_id) for one in outcome.rejected}
            result.left |= {event_id(event) for event in outcome.undelivered}
            if plan.consumer:
                await anyio.sleep(plan.consumer)
    if life.killed:
        service.doubtful |= set(service.taken)
        return None
    result.report, result.seconds = run.report, trio.current_time() - started
    if journal:
        result.accepted, result.rejected, result.left = _in_journal(life.path)
    return result


def event_id(event: Any) -> str:
    """The id of an event, whether as it was given or as a line of NDJSON."""
    data = getattr(event, "data", event)
    return str((json.loads(data) if isinstance(data, bytes) else data)["event_id"])


def _in_journal(path: Path) -> tuple[Counter[str], set[str], set[str]]:
    with closing(sqlite3.connect(path)) as db:
        accepted = Counter(
            one for [ids] in db.execute("SELECT ids FROM batch WHERE state = 'accepted'") for one in json.loads(ids)
        )
        left = {
            one for [ids] in db.execute("SELECT ids FROM batch WHERE state <> 'accepted'") for one in json.loads(ids)
        }
        rejected = {one for [one] in db.execute("SELECT item_id FROM rejection")}
    return accepted, rejected, left


def hold_events_to_the_laws(result: Result) -> None:
    """Everything that is promised of a run of events."""
    plan, report, service = result.plan, result.report, result.service
    if isinstance(report.stopped_by, NotSentError):
        # Without a journal, a service that is unreachable before the first response ends the run.
        assert report.undelivered + report.rejected == report.read <= 4 * plan.concurrency * SIZE
        return
    everything = {str(number) for number in range(plan.events)}
    bad = {str(number) for number in plan.poison | plan.invalid}
    assert report.accepted + report.rejected + report.undelivered == report.read, "a sum"
    assert report.read == plan.events, "an event that was not read"
    assert max(result.accepted.values(), default=1) == 1, "accepted twice"
    assert set(result.accepted) | result.rejected | result.left == everything, "an event in no place"
    assert not set(result.accepted) & result.rejected, "an event in two places"
    assert set(result.accepted) <= set(service.taken), "accepted, and not taken"
    assert result.rejected == bad, "another event rejected than the bad ones"
    assert not result.left, "an event that a working service would have taken is left"
    twice = {one for one, count in service.taken.items() if count > 1}
    assert twice <= service.doubtful, "sent twice without a lost response"
    assert result.most_in_hand <= 4 * plan.concurrency * SIZE, "more in hand than was to be"


def hold_throughput_to_the_law(result: Result) -> None:
    """Nine tenths of what a steady limit allows; three quarters where the server names a time to come back."""
    plan = result.plan
    requests = math.ceil(plan.events / SIZE)
    allowed = max(0.0, requests - plan.burst) / plan.limit
    share = allowed / result.seconds if result.seconds else 1.0
    assert share >= (0.75 if plan.retry_after else 0.9), f"{share:.2f} of the allowed rate"


async def _live_on_mail(plan: Plan, service: Service, life: Life) -> Result | None:
    messages = [
        Message(from_="a@mail.example.com", to="b@example.net", subject=str(number), text="x")
        for number in range(plan.events // SIZE)
    ]
    run = world.mailgun(service).messages.stream(
        messages, concurrency=plan.concurrency, journal=life.path, max_outage=LONGEST
    )
    assert isinstance(run.recorder, OnceRecorder)
    run.recorder.run_aside = Disk(plan=plan, recorder=run.recorder).run
    run.recorder.clock = plan.time_of_day
    async with life.lived(), run:
        async for _ in run:
            if plan.consumer:
                await anyio.sleep(plan.consumer)
    if life.killed:
        return None
    result = Result(plan=plan, service=service, report=run.report, seconds=0.0)
    with closing(sqlite3.connect(life.path)) as db:
        for place, state in db.execute("SELECT place, state FROM batch"):
            if state == "accepted":
                result.accepted[str(place)] += 1
            else:
                (result.unknown if state == "unknown" else result.left).add(str(place))
        result.rejected = {str(place) for [place] in db.execute("SELECT place FROM rejection")}
    return result


def hold_mail_to_the_laws(result: Result) -> None:
    """Everything that is promised of a run of messages."""
    service, report = result.service, result.report
    assert max(service.taken.values(), default=1) == 1, "a message was sent twice"
    assert report.sent + report.rejected + report.unknown + report.undelivered == report.read, "a sum"
    assert set(result.accepted) <= set(service.taken), "sent, and not taken"
    assert set(service.taken) <= set(result.accepted) | result.unknown, "taken, and neither sent nor unknown"
