"""Numbers of events by time: what a chart shows of a flood, of which only the newest events are kept."""

from __future__ import annotations

from omnivery.emulator.records.timeline import MINUTES, SECONDS, Timeline


def test_events_of_a_second_are_added_up() -> None:
    timeline = Timeline()
    for at in (1000.0, 1000.9, 1002.5):
        timeline.add(at, events=3, bots=2, humans=1)
    assert timeline.since(0) == [(1000, 6, 4, 2), (1002, 3, 2, 1)]
    assert timeline.since(1001.0) == [(1002, 3, 2, 1)]


def test_what_is_older_is_counted_by_the_minute() -> None:
    timeline = Timeline()
    for second in range(SECONDS + 120):
        timeline.add(60_000 + second, events=1, bots=0, humans=1)
    rows = timeline.since(0)
    assert rows[:3] == [(60_000, 60, 0, 60), (60_060, 60, 0, 60), (60_120, 1, 0, 1)]
    assert sum(row[1] for row in rows) == SECONDS + 120


def test_its_memory_is_bounded() -> None:
    timeline = Timeline()
    for minute in range(MINUTES + SECONDS + 50):
        timeline.add(minute * 60, events=1, bots=1, humans=0)
    assert len(timeline.since(0)) == MINUTES + SECONDS
