"""Times as text, beside what Python and numpy write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from omnivery.readers._time_text import clock_text, date_text, duration_text, interval_text, moment_text

np = pytest.importorskip("numpy")


def test_a_moment_is_what_python_writes() -> None:
    for seconds in range(-62_135_596_800, 253_402_300_799, 7_654_321_987):
        expected = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()
        assert moment_text(seconds, 1, "UTC") == expected
        assert moment_text(seconds, 1, None) == expected[:19]


def test_days_beyond_are_those_of_numpy() -> None:
    for days in range(-(2**30), 2**30, 98_765_432):
        expected = str(np.datetime64(days, "D"))
        assert date_text(days).lstrip("+") == expected


@pytest.mark.parametrize(
    ("count", "per_second", "text"),
    [(0, 1, "00:00:00"), (86_400_000_000, 10**6, "24:00:00"), (1, 10**9, "00:00:00.000000001"), (-1, 1, "-00:00:01")],
)
def test_a_time_of_the_day(count: int, per_second: int, text: str) -> None:
    assert clock_text(count, per_second) == text


def test_a_duration_is_an_interval_without_days() -> None:
    assert duration_text(90_061, 1) == interval_text(0, 0, 90_061 * 10**9) == "PT90061S"
    assert duration_text(-1, 1000) == "-PT0.001S"
    assert interval_text(-14, 0, 1) == "P-14MT0.000000001S"
