"""Lines of small bars."""

from __future__ import annotations

import pytest

from omnivery.cli.sparkline import sparkline


@pytest.mark.parametrize(
    ("numbers", "encoding", "line"),
    [
        ([], "utf-8", ""),
        ([0, 0], "utf-8", "▁▁"),
        ([0, 1, 1000], "utf-8", "▁▂█"),
        ([0, 4, 8], "cp437", "_=#"),
        ([7], "ascii", "#"),
    ],
)
def test_the_largest_is_highest_and_nothing_is_lowest(numbers: list[int], encoding: str, line: str) -> None:
    assert sparkline(numbers, encoding) == line
