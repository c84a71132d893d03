"""Bulk submission beside floors and peers: the same events into the same sink, in interleaved rounds."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from benchmarks import runs, sink

FLOORS = ("raw", "aiohttp", "httpx", "httpx2", "pyreqwest", "requests", "elasticsearch", "posthog")
OURS = (
    *(f"{kind}-{lane}" for lane in ("httpx", "aiohttp") for kind in ("mappings", "events", "lines")),
    "events-httpx-journal",
    "events-aiohttp-journal",
    "events-httpx-sync",
    "ndjson_file-httpx",
    "log_file-httpx",
    "log_memory-httpx",
    "log_file-aiohttp",
    "log_memory-aiohttp",
)
BASELINE = "httpx"


def measure(
    *, events: int, rounds: int, concurrency: int, names: Sequence[str] = (*FLOORS, *OURS)
) -> dict[str, dict[str, Any]]:
    """Run every variant in every round, and sum up.

    Raises:
        SystemExit: a run failed, took far too long, or the sink did not get exactly what it should have.
    """
    with sink.running() as target:
        found = runs.measure(names, target, events=events, rounds=rounds, concurrency=concurrency)
    return {
        name: {
            **runs.summary(some),
            "rates": [run.rate for run in some],
            "cpus": [run.cpu for run in some],
            "to_httpx": runs.ratio(some, found[BASELINE], attrgetter("rate"))["median"] if BASELINE in found else None,
        }
        for name, some in found.items()
    }


def table(found: dict[str, dict[str, Any]]) -> str:
    """The result for people."""
    lines = [f"{'':<26}{'k events/s':>11}{'min-max':>17}{'CPU µs/event':>14}{'min-max':>15}{'÷ httpx':>9}"]
    for name, row in found.items():
        rates = f"{row['rate_min'] / 1e3:,.0f}-{row['rate_max'] / 1e3:,.0f}"
        cpu = f"{row['cpu_min']:.2f}-{row['cpu_max']:.2f}"
        share = "" if row["to_httpx"] is None else f"{row['to_httpx']:.2f}"
        lines.append(f"{name:<26}{row['rate'] / 1e3:>11,.0f}{rates:>17}{row['cpu']:>14.2f}{cpu:>15}{share:>9}")
    return "\n".join([*lines, "", "Medians; the ratio is the median of those within each round. CPU is the client's."])
