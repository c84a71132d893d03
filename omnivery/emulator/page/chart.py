"""A chart of bot events over time: columns of bots, humans and events without a verdict, one upon the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise

from attrs import frozen

from omnivery.emulator.page.texts import number

COLUMNS = 60
WIDTH, HEIGHT, TOP = 720, 120, 14
"""Size of the drawing, and the room above the columns for the scale's number."""
SPANS: Mapping[str, int] = {"1 min": 60, "10 min": 600, "1 h": 3600, "6 h": 21_600, "1 d": 86_400, "7 d": 604_800}
"""The spans that a chart can show, in seconds."""
KINDS = ("bot", "human", "unjudged")


@frozen(kw_only=True)
class Bar:
    """A part of one column."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@frozen(kw_only=True)
class Column:
    """The events of one moment."""

    title: str
    bars: tuple[Bar, ...]


@frozen(kw_only=True)
class Chart:
    """Geometry and texts of a chart."""

    columns: tuple[Column, ...]
    top: int
    """The number at the top of the scale."""
    label: str
    """What the chart shows, in words."""
    ticks: tuple[tuple[float, str], ...]
    """Places and texts of the time axis."""


def span_for(age: float) -> int:
    """Return the shortest span, in seconds, in which something of that age is seen."""
    return next((span for span in SPANS.values() if age < span), max(SPANS.values()))


def chart(moments: Iterable[tuple[float, int, int, int]], *, span: int, now: float) -> Chart:
    """Draw a chart.

    Args:
        moments: times in Unix seconds, each with its numbers of bots, humans, and events without a verdict.
        span: seconds that the chart shows; they end now.
        now: the time.
    """
    step = span // COLUMNS
    # Columns begin at whole steps: they would change their contents with every look otherwise.
    end = (int(now) // step + 1) * step
    start = end - COLUMNS * step
    counts = [[0, 0, 0] for _ in range(COLUMNS)]
    for at, *numbers in moments:
        if start <= at < end:
            column = counts[int(at - start) // step]
            for place, value in enumerate(numbers):
                column[place] += value
    top = _round_up(max(map(sum, counts)))
    columns = tuple(_column(place, start + place * step, column, top) for place, column in enumerate(counts))
    bots, humans, unjudged = (sum(column[place] for column in counts) for place in range(3))
    label = f"{number(bots)} bots, {number(humans)} humans and {number(unjudged)} without a verdict"
    ticks = tuple((WIDTH * part / 4, _clock(start + span * part // 4, step)) for part in (1, 2, 3))
    return Chart(columns=columns, top=top, label=label, ticks=ticks)


def _column(place: int, at: float, counts: list[int], top: int) -> Column:
    width = WIDTH / COLUMNS
    heights = [(HEIGHT - TOP) * count / top if top else 0.0 for count in counts]
    # From the bottom up; SVG counts from the top down.
    edges = [float(HEIGHT)]
    for height in heights:
        edges.append(edges[-1] - height)
    bars = tuple(
        Bar(kind=kind, x=place * width + 1, y=round(upper, 2), width=width - 2, height=round(lower - upper, 2))
        for kind, (lower, upper) in zip(KINDS, pairwise(edges), strict=True)
        if lower > upper
    )
    bots, humans, unjudged = counts
    title = f"{_clock(at, 1)}: {number(bots)} bots, {number(humans)} humans, {number(unjudged)} without a verdict"
    return Column(title=title, bars=bars)


def _round_up(value: int) -> int:
    """Return the next of 1, 2, 5, 10, 20, 50 …: the scale must not change with every event."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if value <= digit * power:
                return digit * power
        power *= 10


def _clock(at: float, step: int) -> str:
    pattern = "%H:%M:%S" if step < 60 else "%H:%M" if step < 3600 else "%d %b %H:%M"  # noqa: PLR2004  # seconds
    return datetime.fromtimestamp(at, UTC).strftime(pattern)
