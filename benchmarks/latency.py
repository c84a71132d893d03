"""How much of what the network's latency allows is reached: many requests in flight to a sink that takes its time.

By Little's law so many requests in flight of 500 events can carry at most 500 times their number in one latency.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks import runs, sink
from benchmarks.events import BATCH

DELAY = 0.05
"""Seconds."""
ROUND_TRIPS = 20
"""How many each slot makes: the first ones open the connections."""
NAMES = ("mappings-httpx", "mappings-aiohttp", "httpx", "aiohttp")
IN_FLIGHT = (8, 32, 64)


def measure(*, rounds: int, in_flight: Sequence[int] = IN_FLIGHT) -> dict[str, dict[str, Any]]:
    """Return the share of the ceiling that each variant reaches, by the number of requests in flight."""
    found: dict[str, dict[str, Any]] = {}
    with sink.running(delay=DELAY) as target:
        for slots in in_flight:
            events = ROUND_TRIPS * slots * BATCH
            done = runs.measure(NAMES, target, events=events, rounds=rounds, concurrency=slots)
            for name, some in done.items():
                shares = [one.rate * DELAY / (slots * BATCH) for one in some]
                found.setdefault(name, {})[str(slots)] = {
                    "median": median(shares),
                    "min": min(shares),
                    "max": max(shares),
                }
    return found


def table(found: dict[str, dict[str, Any]]) -> str:
    """The result for people."""
    heads = "".join(f"{slots:>10}" for slots in next(iter(found.values())))
    lines = [f"{f'share of the ceiling at {DELAY * 1000:.0f} ms, in flight':<40}{heads}"]
    lines += [
        f"{name:<40}" + "".join(f"{one['median']:>10.2f}" for one in shares.values()) for name, shares in found.items()
    ]
    return "\n".join(lines)
