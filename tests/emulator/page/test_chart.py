"""The chart of bot events: what happened when, at a scale that does not jump."""

from __future__ import annotations

import pytest

from omnivery.emulator.page.chart import COLUMNS, HEIGHT, TOP, chart, span_for

NOW = 1_700_000_000.5


def test_events_stand_in_the_column_of_their_second() -> None:
    drawn = chart([(int(NOW), 30, 10, 10), (int(NOW) - 59, 1, 0, 0)], span=60, now=NOW)
    assert len(drawn.columns) == COLUMNS
    first, last = drawn.columns[0], drawn.columns[-1]
    assert [bar.kind for bar in first.bars] == ["bot"]
    assert [bar.kind for bar in last.bars] == ["bot", "human", "unjudged"]
    assert last.title == "22:13:20: 30 bots, 10 humans, 10 without a verdict"
    assert drawn.label == "31 bots, 10 humans and 10 without a verdict"
    assert drawn.top == 50
    # A full column fills the room, and its parts stand upon each other.
    assert sum(bar.height for bar in last.bars) == HEIGHT - TOP
    assert last.bars[0].y + last.bars[0].height == HEIGHT
    assert last.bars[1].y + last.bars[1].height == pytest.approx(last.bars[0].y)


def test_what_lies_outside_is_left_out() -> None:
    drawn = chart([(NOW - 60, 1, 1, 1), (NOW + 5, 1, 1, 1)], span=60, now=NOW)
    assert not any(column.bars for column in drawn.columns)
    assert drawn.top == 1


def test_the_scale_is_a_round_number() -> None:
    for value, top in ((1, 1), (3, 5), (6, 10), (11, 20), (501, 1000), (2_000_000, 2_000_000)):
        assert chart([(NOW, value, 0, 0)], span=600, now=NOW).top == top


def test_the_span_is_the_shortest_that_shows_all() -> None:
    assert [span_for(age) for age in (0, 59, 61, 4000, 10**9)] == [60, 60, 600, 21_600, 604_800]
