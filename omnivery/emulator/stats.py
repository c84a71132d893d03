"""Counts of a domain's events, by hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, field

SHAPES: dict[str, tuple[str, ...]] = {
    "accepted": ("incoming", "outgoing", "total"),
    "delivered": ("smtp", "http", "total"),
    "failed": (
        "permanent.bounce",
        "permanent.delayed-bounce",
        "permanent.suppress-bounce",
        "permanent.suppress-unsubscribe",
        "permanent.suppress-complaint",
        "permanent.total",
        "temporary.espblock",
    ),
    **dict.fromkeys(("opened", "clicked", "unsubscribed", "complained", "stored"), ("total",)),
}
"""The counts of each event; a dot is a level of the response."""
RESOLUTIONS = ("hour", "day", "month")
"""Widths of a bucket."""


@define
class Stats:
    """The counts of a domain."""

    _hours: dict[datetime, Counter[str]] = field(factory=dict[datetime, Counter[str]], repr=False)

    def count(self, event: str, detail: str = "") -> None:
        """Count an event now, under its detail (`smtp`, `permanent.bounce`) and in the total of the same level."""
        above = detail.rpartition(".")[0]
        total = f"{event}.{above}.total" if above else f"{event}.total"
        counts = self._hours.setdefault(floor(datetime.now(UTC), "hour"), Counter())
        counts.update([total, f"{event}.{detail}"] if detail else [total])

    def buckets(self, start: datetime, end: datetime, resolution: str) -> Iterator[tuple[datetime, Counter[str]]]:
        """Yield the counts of each hour, day or month from start to end, including those without events."""
        sums: dict[datetime, Counter[str]] = {}
        for hour, counts in self._hours.items():
            sums.setdefault(floor(hour, resolution), Counter()).update(counts)
        moment = floor(start, resolution)
        while moment <= end:
            yield moment, sums.get(moment, Counter())
            moment = _after(moment, resolution)


def nested(event: str, counts: Counter[str], *, like_mailgun: bool) -> dict[str, Any]:
    """Return the counts of an event as the API does. Details that are not in `SHAPES` appear once they are counted.

    Omnivery's page shows no total of temporary failures; Mailgun's documents do.
    """
    more = ("temporary.total",) if like_mailgun and event == "failed" else ()
    shown: dict[str, Any] = {}
    counted = [name.partition(".")[2] for name in counts if name.partition(".")[0] == event]
    if not like_mailgun:
        counted = [detail for detail in counted if detail != "temporary.total"]
    for detail in dict.fromkeys([*SHAPES[event], *more, *counted]):
        *levels, last = detail.split(".")
        place = shown
        for level in levels:
            place = place.setdefault(level, {})
        place[last] = counts[f"{event}.{detail}"]
    return shown


def floor(moment: datetime, resolution: str) -> datetime:
    """Return the beginning of the hour, day or month of a time."""
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if resolution == "hour":
        return hour
    return hour.replace(hour=0) if resolution == "day" else hour.replace(hour=0, day=1)


def _after(moment: datetime, resolution: str) -> datetime:
    if resolution == "hour":
        return moment + timedelta(hours=1)
    # 31 days after the first of a month is always in the next month.
    return moment + timedelta(days=1) if resolution == "day" else floor(moment + timedelta(days=31), "month")
