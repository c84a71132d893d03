"""Runs of variants in rounds, each in a fresh process, and the ratios between them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from attrs import frozen

from benchmarks import sink
from benchmarks.events import BATCH, Traffic, expected, generate

FOREIGN = {"requests", "elasticsearch", "posthog", "log_file", "log_memory"}
"""What is sent in another form than the SDK's, of which only the requests are counted."""
SMALL: Mapping[str, int] = {"elasticsearch": 5, "posthog": 20}
"""Those that are so slow that they get a fraction of the events."""


@frozen(kw_only=True)
class Run:
    """One run of one variant, per event so that runs compare."""

    rate: float
    """Events a second."""
    cpu: float
    """Microseconds of the client's CPU an event."""


def measure(
    names: Sequence[str], target: sink.Sink, *, events: int, rounds: int, concurrency: int
) -> dict[str, list[Run]]:
    """Run every variant in every round.

    Raises:
        SystemExit: a run failed, took far too long, or the sink did not get exactly what it should have.
    """
    due = expected(generate(events)) + expected(generate(min(events, BATCH)))
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for number in range(rounds):
        # Every second round goes backwards, so that nobody always runs in another's wake.
        for name in names if number % 2 == 0 else reversed(names):
            runs[name].append(_run(name, target, events=events, concurrency=concurrency, due=due))
    return runs


def summary(runs: Sequence[Run]) -> dict[str, float]:
    """Medians and ranges."""
    rates = [run.rate for run in runs]
    cpu = [run.cpu for run in runs]
    return {
        "rate": median(rates),
        "rate_min": min(rates),
        "rate_max": max(rates),
        "cpu": median(cpu),
        "cpu_min": min(cpu),
        "cpu_max": max(cpu),
    }


def ratio(own: Sequence[Run], other: Sequence[Run], of: Callable[[Run], float]) -> dict[str, float]:
    """The ratios within each round: their median and range."""
    found = [of(mine) / of(theirs) for mine, theirs in zip(own, other, strict=True)]
    return {"median": median(found), "min": min(found), "max": max(found)}


def check_arrival(title: str, got: Traffic, due: Traffic) -> None:
    """Make sure that the sink got neither less nor more than was to be sent.

    Raises:
        SystemExit: it did.
    """
    if got != due:
        raise SystemExit(
            f"{title}: the sink got {got}, and should have got {due}. No figure of this run is worth a look."
        )


def _run(name: str, target: sink.Sink, *, events: int, concurrency: int, due: Traffic) -> Run:
    before = target.traffic()
    count = max(BATCH, events // SMALL.get(name, 1) // BATCH * BATCH)
    spent = in_process("benchmarks.variants", name, target.url, str(count), str(concurrency), limit=60 + events / 2_000)
    got = target.traffic() - before
    if name.partition("-")[0] not in FOREIGN:
        check_arrival(name, got, due)
    elif count == events and got.requests != due.requests:
        raise SystemExit(f"{name}: the sink got {got.requests} requests, and should have got {due.requests}")
    return Run(rate=count / spent["seconds"], cpu=spent["cpu"] / count * 1e6)


def in_process(*arguments: str, limit: float) -> Any:
    """Run a module of the benchmarks, and return the JSON that it prints.

    Raises:
        SystemExit: it failed, or took longer than `limit` seconds.
    """
    try:
        done = subprocess.run([sys.executable, "-m", *arguments], stdout=subprocess.PIPE, check=True, timeout=limit)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"{' '.join(arguments)}: the run failed: {error}") from error
    return json.loads(done.stdout)
