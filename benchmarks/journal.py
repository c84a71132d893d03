"""A run with a journal beside the same run without one: in one process, in turns, into the same server.

There are two servers: a sink, which counts and does nothing else, so that a journal weighs most beside it; and the
emulator, which reads what it gets, in a thread of the same process.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import machine, sink
from benchmarks.bulk import check_arrival
from benchmarks.events import BATCH, DOMAIN, WEBHOOK_URL, Traffic, expected, generate
from benchmarks.variants import TOKEN, Spent, bot_event
from omnivery import AsyncAutomations, BotEvent
from omnivery.emulator import Emulator

TITLES = {"plain": "without a journal", "journal": "with a journal"}
MARK = 0.8
"""What the run with a journal must reach of the other's events a second, beside the emulator."""
UNJUDGED = "203.0.113.7"
"""Of the emulator's network that never gets a verdict: nobody would take the calls."""


def measure(*, events: int, rounds: int, concurrency: int) -> dict[str, Any]:
    """Run both in every round, and sum up. Journals lie in the system's temporary folder, and are new each time.

    Raises:
        SystemExit: the sink did not get exactly what it should have.
    """
    prepared, due = [bot_event(event) for event in generate(events)], expected(generate(events))
    runs: dict[str, list[Spent]] = {name: [] for name in TITLES}
    with sink.running() as target:
        # Once unmeasured, which loads what is loaded late.
        for name in TITLES:
            _run(name, target, prepared[:BATCH], expected(generate(min(events, BATCH))), concurrency=concurrency)
        gc.collect()
        gc.freeze()
        for number in range(rounds):
            # Every second round goes backwards, so that nobody always runs in another's wake.
            for name in list(TITLES) if number % 2 == 0 else reversed(TITLES):
                runs[name].append(_run(name, target, prepared, due, concurrency=concurrency))
    pairs = list(zip(runs["journal"], runs["plain"], strict=True))
    ratios = [plain.seconds / own.seconds for own, plain in pairs]
    beside = _beside_the_emulator(prepared, rounds=rounds, concurrency=concurrency)
    return {
        "machine": machine.describe(),
        "settings": {"events": events, "rounds": rounds, "concurrency": concurrency},
        "rate": {name: events / median(run.seconds for run in found) for name, found in runs.items()},
        "cpu": {name: median(run.cpu for run in found) / events * 100_000 for name, found in runs.items()},
        "ratio": median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "cpu_ratio": median(own.cpu / plain.cpu for own, plain in pairs),
        "emulator_ratio": median(beside),
        "emulator_ratio_min": min(beside),
        "emulator_ratio_max": max(beside),
        "mark_reached": median(beside) >= MARK,
    }


def table(found: dict[str, Any]) -> str:
    """The result for people."""
    settings = found["settings"]
    word = "reached" if found["mark_reached"] else "NOT reached"
    least, most = found["emulator_ratio_min"], found["emulator_ratio_max"]
    lines = [
        f"{settings['events']:,} BotEvents a run, {BATCH} a request, {settings['concurrency']} requests in flight",
        f"{settings['rounds']} rounds, one process, loopback; the journal's folder: {tempfile.gettempdir()}",
        machine.line(found["machine"]),
        "",
        f"{'':<20}{'events/s':>10}{'CPU s/100k':>12}",
        *(f"{TITLES[name]:<20}{found['rate'][name]:>10,.0f}{found['cpu'][name]:>12.3f}" for name in TITLES),
        "",
        f"Ratio of events/s, into a sink: {found['ratio']:.2f} ({found['ratio_min']:.2f}-{found['ratio_max']:.2f})",
        f"Ratio of CPU: {found['cpu_ratio']:.2f}",
        f"Ratio of events/s, into the emulator: {found['emulator_ratio']:.2f} ({least:.2f}-{most:.2f})",
        "All are medians of the ratios within each round.",
        f"Mark: into the emulator, at least {MARK:.2f} of the run without a journal: {word}",
    ]
    return "\n".join(lines)


def _beside_the_emulator(events: list[BotEvent], *, rounds: int, concurrency: int) -> list[float]:
    """The ratio of each round."""
    for event in events:
        event.ip = UNJUDGED
    return [_emulated(events, concurrency, "plain") / _emulated(events, concurrency, "journal") for _ in range(rounds)]


def _emulated(events: list[BotEvent], concurrency: int, name: str) -> float:
    gc.collect()
    # A new one for each run: it keeps what it gets.
    with Emulator() as emulator, tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal" if name == "journal" else None
        client = AsyncAutomations(
            emulator.token, base_url=emulator.automations_url, domain=emulator.domain, webhook_url=WEBHOOK_URL
        )
        spent = asyncio.run(_submit(client, events, concurrency, journal))
        if len(emulator.bot_events) != len(events):
            raise SystemExit(f"{TITLES[name]}: the emulator did not get exactly what it should have")
    return spent.seconds


def _run(name: str, target: sink.Sink, events: list[BotEvent], due: Traffic, *, concurrency: int) -> Spent:
    before = target.traffic()
    gc.collect()
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal" if name == "journal" else None
        client = AsyncAutomations(TOKEN, base_url=target.url, domain=DOMAIN, webhook_url=WEBHOOK_URL)
        spent = asyncio.run(_submit(client, events, concurrency, journal))
    check_arrival(TITLES[name], target.traffic() - before, due)
    return spent


async def _submit(client: AsyncAutomations, events: list[BotEvent], concurrency: int, journal: Path | None) -> Spent:
    spent = Spent()
    async with client:
        with spent:
            report = await client.bots.submit(events, concurrency=concurrency, journal=journal)
    report.raise_for_failures()
    return spent
