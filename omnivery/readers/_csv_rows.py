"""Rows of CSV: line by line where each line is one, and with care where a quote goes beyond it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from csv import Error, reader
from typing import NamedTuple

from attrs import define, field

from omnivery.readers._csv_header import Dialect
from omnivery.readers._lines import Block, Cut, Line, too_long


class Row(NamedTuple):
    """A row, and where it stands."""

    first: int
    last: int
    """The numbers of its first and its last line."""
    cells: list[str] | str
    """Those of a blank line are none. Or in words, why it cannot be read."""


def line_by_line(lines: Sequence[Line], dialect: Dialect) -> list[list[str]] | None:
    """The rows of a block in which every line is a sound row, as nearly all are; else None."""
    if not isinstance(lines, Cut) and None in lines:
        return None
    try:
        rows = list(reader(map(bytes.decode, lines), strict=True, **dialect))  # type: ignore[arg-type]  # no None
    except (Error, UnicodeDecodeError):
        return None
    return rows if len(rows) == len(lines) else None


@define(eq=False)
class RowLines:
    """What the parser of CSV reads from: a block's lines, others if a row goes beyond it, and lines once more."""

    _blocks: Iterator[Block]
    number: int
    """The number of the first line of the row that is being read."""
    _lines: Sequence[Line]
    """The block in hand."""
    taken: list[str] = field(init=False, factory=list[str])
    """The lines of that row."""
    faults: dict[int, str] = field(init=False, factory=dict[int, str])
    """What is wrong with lines that were read, by their number."""
    unfinished: int = field(init=False, default=0)
    """Bytes of a last row that was left."""
    _place: int = field(init=False, default=0)
    _again: deque[str] = field(init=False, factory=deque[str])

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        text = self._again.popleft() if self._again else self._fresh()
        self.taken.append(text)
        return text

    def put_back(self) -> None:
        """Read all lines of this row but the first again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def next_row(self) -> bool:
        """The row is done with; say whether another one begins in the lines that were taken from the source."""
        self.number += len(self.taken)
        self.taken.clear()
        return bool(self._again) or self._place < len(self._lines)

    def fault(self) -> str | None:
        """What is wrong with a line of the row, if anything is."""
        numbers = range(self.number, self.number + len(self.taken))
        found = [self.faults.pop(number) for number in numbers if number in self.faults]
        return found[0] if found else None

    def _fresh(self) -> str:
        while self._place == len(self._lines):
            _, self._lines = next(self._blocks)
            self._place = 0
        line = self._lines[self._place]
        self._place += 1
        number = self.number + len(self.taken)
        if line is None:
            self.faults[number] = too_long(number).reason
            return ""
        try:
            return line.decode() + "\n"
        except UnicodeDecodeError:
            self.faults[number] = "holds bytes that are not UTF-8: save the file in UTF-8"
            return line.decode(errors="replace") + "\n"


_BARE_RETURN = "a carriage return without a line feed ends a row, in a file whose rows end with a line feed"
_OPEN_LINES = 20
"""Lines at the end of a source that may be a row which is still being written; of more, a quote was forgotten."""


def careful_rows(lines: RowLines, dialect: Dialect, *, growing: bool) -> Iterator[Row]:
    """Yield the rows one by one, up to the end of the block with which the first one begins, or of a row beyond it.

    Args:
        lines: what they are read from.
        dialect: how they are written.
        growing: whether a last row that does not end is still being written, and is left.
    """
    cells = reader(lines, strict=True, **dialect)
    more = True
    while more:
        row: list[str] | str | None
        try:
            row = next(cells, None)
        except Error as error:  # its text names the characters of the format, and nothing that was read
            if growing and "unexpected end" in str(error) and len(lines.taken) <= _OPEN_LINES:
                lines.unfinished = sum(len(text.encode()) for text in lines.taken)
                return
            row = f"no CSV: {_BARE_RETURN if 'new-line' in str(error) else error}"
            # A quote that is never closed spoils its own line, and not all up to the end.
            lines.put_back()
        if row is None:
            return
        last = lines.number + len(lines.taken) - 1
        yield Row(lines.number, last, (lines.fault() if lines.faults else None) or row)
        more = lines.next_row()


NOTHING = ""
"""In place of a fault: there is none, if cells beyond the width are left out."""


def fault_of(row: list[str] | str, width: int) -> str | None:
    """What is wrong with a row; None for a blank one, and `NOTHING` if no cell beyond the width holds anything."""
    if isinstance(row, str):
        return row
    if _is_blank(row):
        return None
    if len(row) >= width and not any(row[width:]):
        return NOTHING
    return f"{len(row)} cells where the first row has {width}"


def _is_blank(row: list[str]) -> bool:
    return len(row) <= 1 and not "".join(row).strip()


def is_decoration(row: list[str] | str) -> bool:
    """Whether a row is a line that a console has drawn, as below the names, or its count of the rows."""
    text = "".join(row)
    is_line = _DRAWN.issuperset(text) and any("--" in cell for cell in row)
    return is_line or _COUNT.fullmatch(text.strip()) is not None


_DRAWN = frozenset("-+|: ")
_COUNT = re.compile(r"\(\d+ rows?(?: affected)?\)|\d+ rows? in set(?:, .*)?(?: \(.*\))?", re.ASCII)
