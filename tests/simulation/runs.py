"""Simulated runs, and the laws that hold after each."""

from __future__ import annotations

import json
import math
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
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
from omnivery.bulk.source import Source
from omnivery.errors import NotSentError
from tests.simulation import world
from tests.simulation.world import SIZE, Plan, Service

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
    """A run of events, killed and resumed as the plan has it."""
    plan = plan or Plan.drawn(seed)
    service = Service(plan=plan, draw=random.Random(seed + 1))
    with TemporaryDirectory(dir=world.folder()) as name:
        found: list[Result] = []

        async def life() -> None:
            path = Path(name) / "0"
            moments: list[float | None] = [*plan.kills, None] if journal else [None]
            for number in count(1):
                result = await _events_until(plan, service, path if journal else None, moments.pop(0))
                if result is None:
                    path = _as_killed(path, Path(name) / str(number))
                elif journal and isinstance(result.report.stopped_by, NotSentError):
                    # Unreachable before the first response: an operator starts the run again later.
                    await anyio.sleep(600)
                    moments.insert(0, None)
                else:
                    found.append(result)
                    return

        world.simulate(life, seed)
    return found[0]


async def _events_until(plan: Plan, service: Service, path: Path | None, kill: float | None) -> Result | None:
    started = trio.current_time()
    client = world.automations(service)
    target = target_of(webhook_url="http://127.0.0.1:9/x", domain=world.DOMAIN, base_url="http://api.example.com")
    recorder: Recorder[Any] = (
        Recorder()
        if path is None
        else JournalRecorder(path=path, target=target, run_aside=world.inline, clock=trio.current_time)
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
        client, SUBMIT_BATCH, Source.of(events, argument="events", advice="", encoded=True), target,
        recorder=recorder, concurrency=plan.concurrency, events_per_second=None, requests_per_second=None,
        options=None, max_outage=None, max_events=SIZE,
    )  # fmt: skip
    result = Result(plan=plan, service=service, report=None, seconds=0.0)
    with trio.move_on_after(LONGEST if kill is None else kill) as scope:
        # A run that stops or is killed leaves the source where it is, and this one is ours to close.
        async with aclosing(events), run:
            settled = 0
            async for outcome in run:
                settled += len(outcome.accepted) + len(outcome.rejected) + len(outcome.undelivered)
                result.most_in_hand = max(result.most_in_hand, pulled - settled if path is None else 0)
                result.accepted.update(event_id(event) for event in outcome.accepted)
                result.rejected |= {str(one.event_id) for one in outcome.rejected}
                result.left |= {event_id(event) for event in outcome.undelivered}
    if scope.cancelled_caught and kill is not None:
        service.doubtful |= set(service.taken)
        return None
    assert not scope.cancelled_caught, "the run neither ended nor waited for a reason"
    result.report, result.seconds = run.report, trio.current_time() - started
    if path is not None:
        result.accepted, result.rejected, result.left = _in_journal(path)
    return result


def event_id(event: Any) -> str:
    """The id of an event, whether as it was given or as a line of NDJSON."""
    data = getattr(event, "data", event)
    return str((json.loads(data) if isinstance(data, bytes) else data)["event_id"])


def _as_killed(path: Path, copy: Path) -> Path:
    """What `kill -9` leaves: the files as they are."""
    for ending in ("", "-wal"):
        file = path.with_name(path.name + ending)
        if file.exists():
            shutil.copy(file, copy.with_name(copy.name + ending))
    return copy


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


def run_mail(seed: int, plan: Plan | None = None) -> Result:
    """A run of messages with a journal, killed and resumed as the plan has it."""
    plan = plan or Plan.drawn(seed)
    service = Service(plan=plan, draw=random.Random(seed + 1))
    with TemporaryDirectory(dir=world.folder()) as name:
        found: list[Result] = []

        async def life() -> None:
            path = Path(name) / "0"
            moments: list[float | None] = [*plan.kills, None]
            for number in count(1):
                result = await _mail_until(plan, service, path, moments.pop(0))
                if result is None:
                    path = _as_killed(path, Path(name) / str(number))
                elif isinstance(result.report.stopped_by, NotSentError):
                    await anyio.sleep(600)
                    moments.insert(0, None)
                else:
                    found.append(result)
                    return

        world.simulate(life, seed)
    return found[0]


async def _mail_until(plan: Plan, service: Service, path: Path, kill: float | None) -> Result | None:
    messages = [
        Message(from_="a@mail.example.com", to="b@example.net", subject=str(number), text="x")
        for number in range(plan.events // SIZE)
    ]
    run = world.mailgun(service).messages.stream(
        messages, concurrency=plan.concurrency, journal=path, max_outage=LONGEST
    )
    assert isinstance(run.recorder, OnceRecorder)
    run.recorder.run_aside, run.recorder.clock = world.inline, trio.current_time
    with trio.move_on_after(LONGEST if kill is None else kill) as scope:
        async with run:
            async for _ in run:
                pass
    if scope.cancelled_caught and kill is not None:
        return None
    assert not scope.cancelled_caught, "the run neither ended nor waited for a reason"
    result = Result(plan=plan, service=service, report=run.report, seconds=0.0)
    with closing(sqlite3.connect(path)) as db:
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
    assert not result.left & set(service.taken), "taken, and held to be unsent"
