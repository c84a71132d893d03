"""What is to be reached, as ratios between variants of one run, and whether it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, TypeAlias

from attrs import frozen

Results: TypeAlias = dict[str, Any]
"""What each group of measurements found, by its name."""


@frozen(kw_only=True)
class Row:
    """One target."""

    what: str
    against: str
    must: float
    stretch: float
    value: Callable[[Results], float]
    at_most: bool = False
    """Whether less is better."""

    def reached(self, value: float, mark: float) -> bool:
        """Whether a value is as good as a mark. What is printed counts: two decimals."""
        rounded = round(value, 2)
        return rounded <= mark if self.at_most else rounded >= mark


def rows(found: Results) -> list[dict[str, Any]]:
    """Each target whose group was measured, with its value."""
    made = []
    for row in TARGETS:
        try:
            value = row.value(found)
        except KeyError:
            continue
        made.append(
            {
                "what": row.what,
                "against": row.against,
                "value": value,
                "must": row.must,
                "stretch": row.stretch,
                "at_most": row.at_most,
                "reached": row.reached(value, row.must),
                "stretch_reached": row.reached(value, row.stretch),
            }
        )
    return made


def table(made: Sequence[dict[str, Any]]) -> str:
    """The targets for people."""
    lines = [f"{'target':<44}{'against':<38}{'value':>10}{'must':>10}{'stretch':>10}"]
    for row in made:
        word = "stretch reached" if row["stretch_reached"] else "reached" if row["reached"] else "NOT reached"
        marks = f"{shown(row['value']):>10}{shown(row['must']):>10}{shown(row['stretch']):>10}"
        lines.append(f"{row['what']:<44}{row['against']:<38}{marks}  {word}")
    return "\n".join(lines)


def shown(value: float) -> str:
    """A figure as it is printed."""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.2f}"


def _rate(own: str, other: str) -> Callable[[Results], float]:
    """Events a second of one variant by those of another: the median of the ratios within each round."""

    def value(found: Results) -> float:
        pairs = zip(found["bulk"][own]["rates"], found["bulk"][other]["rates"], strict=True)
        return float(median(mine / theirs for mine, theirs in pairs))

    return value


def _cpu(own: str, other: str) -> Callable[[Results], float]:
    """Events by the same CPU: the best run of each, because other programs can only take time away."""
    return lambda found: float(found["bulk"][other]["cpu_min"] / found["bulk"][own]["cpu_min"])


def _call(own: str, other: str) -> Callable[[Results], float]:
    def value(found: Results) -> float:
        cost = found["calls"]["microseconds"]
        return float(cost[own]["median"] / cost[other]["median"])

    return value


def _latency(name: str, slots: int) -> Callable[[Results], float]:
    return lambda found: float(found["latency"][name][str(slots)]["median"])


TARGETS = (
    *(
        Row(
            what=f"{kind}, {lane}", against=f"bare {lane} + orjson", must=must, stretch=stretch, value=_rate(name, lane)
        )
        for kind, name, lane, must, stretch in (
            ("mappings", "mappings-httpx", "httpx", 0.85, 1.0),
            ("BotEvents", "events-httpx", "httpx", 0.80, 0.95),
            ("NDJSON lines", "lines-httpx", "httpx", 0.85, 1.05),
            ("mappings", "mappings-aiohttp", "aiohttp", 0.62, 0.85),
            ("BotEvents", "events-aiohttp", "aiohttp", 0.55, 0.78),
            ("NDJSON lines", "lines-aiohttp", "aiohttp", 0.54, 0.85),
        )
    ),
    Row(
        what="best lane (mappings, aiohttp)",
        against="elasticsearch async_streaming_bulk",
        must=12,
        stretch=20,
        value=_rate("mappings-aiohttp", "elasticsearch"),
    ),
    Row(
        what="synchronous submit",
        against="its asynchronous twin",
        must=0.85,
        stretch=0.95,
        value=_rate("events-httpx-sync", "events-httpx"),
    ),
    Row(
        what="combined log, file to sink, aiohttp",
        against="the same events from memory",
        must=0.25,
        stretch=0.4,
        value=_rate("log_file-aiohttp", "log_memory-aiohttp"),
    ),
    Row(
        what="combined log, file to sink, httpx, CPU",
        against="the same events from memory",
        must=0.5,
        stretch=0.7,
        value=_cpu("log_file-httpx", "log_memory-httpx"),
    ),
    Row(
        what="NDJSON, file to sink, httpx, CPU",
        against="the same events from memory",
        must=0.9,
        stretch=1.0,
        value=_cpu("ndjson_file-httpx", "lines-httpx"),
    ),
    Row(
        what="journal, httpx",
        against="the same without",
        must=0.85,
        stretch=0.92,
        value=_rate("events-httpx-journal", "events-httpx"),
    ),
    Row(
        what="journal, aiohttp",
        against="the same without",
        must=0.60,
        stretch=0.75,
        value=_rate("events-aiohttp-journal", "events-aiohttp"),
    ),
    *(
        Row(
            what=f"{lane}, {slots} in flight at 50 ms",
            against="the ceiling of Little's law",
            must=must,
            stretch=1.0,
            value=_latency(f"mappings-{lane}", slots),
        )
        for lane, slots, must in (
            ("httpx", 8, 0.85),
            ("httpx", 32, 0.78),
            ("httpx", 64, 0.68),
            ("aiohttp", 8, 0.93),
            ("aiohttp", 32, 0.90),
            ("aiohttp", 64, 0.85),
        )
    ),
    *(
        Row(what=what, against=against, must=must, stretch=stretch, at_most=True, value=_call(own, other))
        for what, against, own, other, must, stretch in (
            ("one asynchronous call, CPU", "bare httpx + orjson", "omnivery, async", "httpx, async", 0.90, 0.80),
            ("one synchronous call, CPU", "bare httpx + orjson", "omnivery, sync", "httpx, sync", 0.85, 0.75),
            ("one call on the fast lane, CPU", "bare aiohttp + orjson", "omnivery, aiohttp", "aiohttp", 1.8, 1.4),
        )
    ),
    Row(
        what="peak memory, 10 M events",
        against="peak memory, 100 k events",
        must=1.05,
        stretch=1.02,
        at_most=True,
        value=lambda found: found["memory"]["peak_ratio"],
    ),
    Row(
        what="webhook: verify, parse and store, CPU",
        against="json, hmac and executemany by hand",
        must=0.7,
        stretch=0.9,
        value=lambda found: found["verdicts"]["by hand"]["median"] / found["verdicts"]["omnivery"]["median"],
    ),
    Row(
        what="emulator, events per second of its CPU",
        against="-",
        must=60_000,
        stretch=120_000,
        value=lambda found: found["emulator"]["events_per_cpu_second"],
    ),
)
"""In the order in which they are printed."""
