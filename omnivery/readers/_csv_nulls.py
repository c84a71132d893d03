"""Cells of CSV that stand for something else: for no value, or for a text that spreadsheets take for a number."""

from __future__ import annotations

from collections.abc import Sequence

from omnivery.events.event import FIELDS
from omnivery.readers._columns import Columns
from omnivery.readers._lines import Cut, Line

_NULL = "\\N"
"""What MySQL, PostgreSQL and Hive write for a cell without a value."""
_NULL_TIMES = frozenset({"NULL", "null", "None", "NaT", "NaN", "nan", "<NA>", "-"})
"""What databases and frames write for a time that is none; among other texts, these may be meant."""


def text_of(lines: Sequence[Line]) -> bytes:
    """Return lines as one text."""
    return lines.text if isinstance(lines, Cut) else b"\n".join(line or b"" for line in lines)


def may_have_nulls(lines: Sequence[Line]) -> bool:
    """Whether any of these lines may have a cell without a value."""
    text = text_of(lines)
    # One byte is found twenty times as fast as two, and few tables have it.
    return b"\\" in text and _NULL.encode() in text


def without_nulls(row: list[str]) -> list[str]:
    """Return a row with empty cells in place of those."""
    return ["" if cell == _NULL else cell for cell in row]


def may_have_formulas(lines: Sequence[Line]) -> bool:
    """Whether any of these lines may have a cell such as `="007"`."""
    return b'="' in text_of(lines)


def without_formulas(row: list[str]) -> list[str]:
    """Return a row with the texts of such cells, by which exports keep a spreadsheet from rounding a long id."""
    return [cell[2:-1] if cell[:2] == '="' and cell.find('"', 2) == len(cell) - 1 else cell for cell in row]


def without_null_times(row: list[str], columns: Columns) -> list[str]:
    """Return a row with empty cells in place of times that are none."""
    times = {columns.fields[FIELDS.index(name)] for name in ("ts", "message_ts")}
    return ["" if place in times and cell.strip() in _NULL_TIMES else cell for place, cell in enumerate(row)]
