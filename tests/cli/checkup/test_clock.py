"""The comparison of clocks: by the most certain sample, and no more exact than the header is."""

from __future__ import annotations

import pytest

from omnivery.cli.checkup.clock import check_clock
from omnivery.cli.checkup.finding import Level
from omnivery.cli.checkup.probe import ClockSample


def sample(skew: float, uncertainty: float = 0.6) -> ClockSample:
    return ClockSample(skew=skew, uncertainty=uncertainty)


@pytest.mark.parametrize(
    ("skew", "level"),
    [
        (0.0, Level.OK),
        (30.5, Level.OK),
        (31.0, Level.WARNING),
        (-31.0, Level.WARNING),
        (300.5, Level.WARNING),
        (301.0, Level.PROBLEM),
        (-301.0, Level.PROBLEM),
    ],
)
def test_levels_begin_where_the_difference_is_certain(skew: float, level: Level) -> None:
    assert check_clock([sample(skew)]).level is level


def test_the_most_certain_sample_counts() -> None:
    """A slow response says little: it may have been written long before it arrived."""
    found = check_clock([sample(9.0, 10.0), sample(0.2), sample(-500.0, 600.0)])
    assert (found.level, found.details["skew"]) == (Level.OK, 0.2)
    assert "within 1 s" in found.message


def test_a_day_is_named_as_one() -> None:
    assert "about 1 day behind the server's" in check_clock([sample(-86_400.4)]).message


def test_without_a_sample_nothing_is_claimed() -> None:
    assert check_clock([]).level is Level.NOTE
