"""A run with a journal beside the same run without one: in one process, in turns, into the same sink."""

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

TITLES = {"plain": "without a journal", "journal": "with a journal"}
MARK = 0.8
"""What the run with a journal must reach of the other's events a second."""


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
    return {
        "machine": machine.describe(),
        "settings": {"events": events, "rounds": rounds, "concurrency": concurrency},
        "rate": {name: events / median(run.seconds for run in found) for name, found in runs.items()},
        "cpu": {name: median(run.cpu for run in found) / events * 100_000 for name, found in runs.items()},
        "ratio": median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "cpu_ratio": median(own.cpu / plain.cpu for own, plain in pairs),
        "mark_reached": median(ratios) >= MARK,
    }


def table(found: dict[str, Any]) -> str:
    """The result for people."""
    settings = found["settings"]
    word = "reached" if found["mark_reached"] else "NOT reached"
    lines = [
        f"{settings['events']:,} BotEvents a run, {BATCH} a request, {settings['concurrency']} requests in flight",
        f"{settings['rounds']} rounds, one process, loopback; the journal's folder: {tempfile.gettempdir()}",
        machine.line(found["machine"]),
        "",
        f"{'':<20}{'events/s':>10}{'CPU s/100k':>12}",
        *(f"{TITLES[name]:<20}{found['rate'][name]:>10,.0f}{found['cpu'][name]:>12.3f}" for name in TITLES),
        "",
        f"Ratio of events/s: {found['ratio']:.2f} ({found['ratio_min']:.2f}-{found['ratio_max']:.2f})",
        f"Ratio of CPU: {found['cpu_ratio']:.2f}; both are medians of the ratios within each round",
        f"Mark: at least {MARK:.2f} of the run without a journal: {word}",
    ]
    return "\n".join(lines)


def _run(name: str, target: sink.Sink, events: list[BotEvent], due: Traffic, *, concurrency: int) -> Spent:
    before = target.traffic()
    gc.collect()
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal" if name == "journal" else None
        spent = asyncio.run(_submit(target.url, events, concurrency, journal))
    check_arrival(TITLES[name], target.traffic() - before, due)
    return spent


async def _submit(url: str, events: list[BotEvent], concurrency: int, journal: Path | None) -> Spent:
    spent = Spent()
    async with AsyncAutomations(TOKEN, base_url=url, domain=DOMAIN, webhook_url=WEBHOOK_URL) as client:
        with spent:
            report = await client.bots.submit(events, concurrency=concurrency, journal=journal)
    report.raise_for_failures()
    return spent
