"""Numbers as a line of small bars."""

from __future__ import annotations

import sys
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
ASCII_BARS = "_.:-=+*#"


def sparkline(numbers: Sequence[int], encoding: str | None = None) -> str:
    """Return a bar for each number, the largest of which has the highest bar.

    Args:
        numbers: none below zero.
        encoding: the terminal's; standard output's if left out. One that has no bars gets ASCII.
    """
    bars = BARS if _has(BARS, encoding or getattr(sys.stdout, "encoding", None) or "utf-8") else ASCII_BARS
    largest = max(numbers, default=0)
    # Anything above zero differs from nothing at all.
    return "".join(bars[0 if not number else max(1, round(number * 7 / largest))] for number in numbers)


def _has(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
