"""The files that the items of a batch are from: a pair where each begins, and nothing for each item."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import TypeAlias

FileStart: TypeAlias = tuple[int, str | None]
"""The place of a file's first item, and the file's whole path; None for what has no path, such as a pipe."""


def file_at(files: Sequence[FileStart], place: int) -> str | None:
    """Return the file of the item at a place; None if it has none."""
    number = bisect_right(files, place, key=itemgetter(0))
    return files[number - 1][1] if number else None


def files_within(files: Sequence[FileStart], first: int, last: int) -> Sequence[FileStart]:
    """Return the files of the items from a first to a last place."""
    start, end = (bisect_right(files, place, key=itemgetter(0)) for place in (first, last))
    return files[max(start - 1, 0) : end]
