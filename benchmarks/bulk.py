"""Bulk submission beside yardsticks: the same events into the same sink, in rounds.

Absolute figures say little on a shared machine. What counts are ratios to the yardstick that ran in the same round.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import mean, median
from typing import Any

from attrs import frozen

from benchmarks import machine, sink
from benchmarks.events import BATCH, Traffic, body_by_requests, expected, generate

TITLES = {
    "bot_events": "omnivery, BotEvents",
    "mappings": "omnivery, mappings",
    "ndjson": "omnivery, NDJSON lines",
    "fast_bot_events": "fast lane, BotEvents",
    "fast_mappings": "fast lane, mappings",
    "fast_ndjson": "fast lane, NDJSON lines",
    "httpx": "B: loop on httpx + orjson",
    "aiohttp": "A: loop on aiohttp + orjson",
    "requests": "R: loop on requests",
}
MARKS = {"mappings": 0.90, "bot_events": 0.80}
"""What the SDK must reach of B's events a second."""
FAST = ("fast_bot_events", "fast_mappings", "fast_ndjson", "aiohttp")
"""What is compared with A."""


@frozen(kw_only=True)
class Run:
    """One run of one variant, per event so that runs compare."""

    rate: float
    """Events a second."""
    cpu: float
    """Seconds of the client's CPU for 100,000 events."""


def measure(*, events: int, rounds: int, concurrency: int) -> dict[str, Any]:
    """Run every variant in every round, and sum up.

    Raises:
        SystemExit: a run failed, took far too long, or the sink did not get exactly what it should have.
    """
    plain, blanks = _expectation(events), _expectation(events, by_requests=True)
    runs: dict[str, list[Run]] = {name: [] for name in TITLES}
    with sink.running() as target:
        for number in range(rounds):
            # Every second round goes backwards, so that nobody always runs in another's wake.
            for name in list(TITLES) if number % 2 == 0 else reversed(TITLES):
                due = blanks if name == "requests" else plain
                runs[name].append(_run(name, target, events=events, concurrency=concurrency, due=due))
    found = {name: _summary(runs, name) for name in TITLES}
    return {
        "machine": machine.describe(),
        "settings": {"events": events, "rounds": rounds, "concurrency": concurrency},
        "bytes_per_event": _event_size(),
        "variants": found,
        "marks_reached": {name: found[name]["rate_to_b"] >= mark for name, mark in MARKS.items()},
    }


def table(found: dict[str, Any]) -> str:
    """The result for people."""
    settings = found["settings"]
    lines = [
        f"{settings['events']:,} events of {found['bytes_per_event']:.0f} bytes a run, {BATCH} a request",
        f"{settings['concurrency']} requests in flight, {settings['rounds']} rounds, a fresh process a run, loopback",
        machine.line(found["machine"]),
        "",
        f"{'':<27}{'events/s':>10}{'min-max':>20}{'CPU s/100k':>12}{'÷ B':>8}{'CPU ÷ B':>9}{'÷ R':>8}",
    ]
    for name, title in TITLES.items():
        row = found["variants"][name]
        span = f"{row['rate_min']:,.0f}-{row['rate_max']:,.0f}"
        lines.append(
            f"{title:<27}{row['rate']:>10,.0f}{span:>20}{row['cpu']:>12.3f}"
            f"{row['rate_to_b']:>8.2f}{row['cpu_to_b']:>9.2f}{row['rate_to_r']:>8.2f}"
        )
    for name in FAST:
        row = found["variants"][name]
        lines.append(f"{TITLES[name]:<27}{row['rate_to_a']:>8.2f} of A's events/s, {row['cpu_to_a']:.2f} of its CPU")
    lines += ["", "Medians; ratios are medians of the ratios within each round. CPU is the client's, user and system."]
    lines += [_verdict(found, name) for name in MARKS]
    return "\n".join(lines)


def _expectation(events: int, *, by_requests: bool = False) -> Traffic:
    write = {"write": body_by_requests} if by_requests else {}
    # A run sends one batch ahead of the clock.
    return expected(generate(events), **write) + expected(generate(min(events, BATCH)), **write)


def _run(name: str, target: sink.Sink, *, events: int, concurrency: int, due: Traffic) -> Run:
    before = target.traffic()
    command = [sys.executable, "-m", "benchmarks.variants", name, target.url, str(events), str(concurrency)]
    # Far slower than any run was ever seen to be: beyond it something hangs.
    limit = 60 + events / 2_000
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=limit)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"{TITLES[name]}: the run failed: {error}") from error
    check_arrival(TITLES[name], target.traffic() - before, due)
    spent = json.loads(done.stdout)
    return Run(rate=events / spent["seconds"], cpu=spent["cpu"] / events * 100_000)


def check_arrival(title: str, got: Traffic, due: Traffic) -> None:
    """Make sure that the sink got neither less nor more than was to be sent.

    Raises:
        SystemExit: it did.
    """
    if got != due:
        raise SystemExit(
            f"{title}: the sink got {got}, and should have got {due}. No figure of this run is worth a look."
        )


def _summary(runs: dict[str, list[Run]], name: str) -> dict[str, float]:
    rates = [run.rate for run in runs[name]]
    return {
        "rate": median(rates),
        "rate_min": min(rates),
        "rate_max": max(rates),
        "cpu": median(run.cpu for run in runs[name]),
        "rate_to_b": median(own.rate / other.rate for own, other in zip(runs[name], runs["httpx"], strict=True)),
        "cpu_to_b": median(own.cpu / other.cpu for own, other in zip(runs[name], runs["httpx"], strict=True)),
        "rate_to_a": median(own.rate / other.rate for own, other in zip(runs[name], runs["aiohttp"], strict=True)),
        "cpu_to_a": median(own.cpu / other.cpu for own, other in zip(runs[name], runs["aiohttp"], strict=True)),
        "rate_to_r": median(own.rate / other.rate for own, other in zip(runs[name], runs["requests"], strict=True)),
    }


def _verdict(found: dict[str, Any], name: str) -> str:
    word = "reached" if found["marks_reached"][name] else "NOT reached"
    ratio = found["variants"][name]["rate_to_b"]
    return f"Mark: {TITLES[name]} at {MARKS[name]:.2f} of B's events/s: {word} ({ratio:.2f})"


def _event_size() -> float:
    return mean(len(json.dumps(event, separators=(",", ":"))) for event in generate(1_000))
