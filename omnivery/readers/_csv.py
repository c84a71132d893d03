"""CSV: a row that names the columns, then one event a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from attrs import define, field

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.ip_address import client_address
from omnivery.readers._columns import NO_IP, NO_TIME, Columns, derived_id, own_columns
from omnivery.readers._csv_escapes import unescape, until_escaped
from omnivery.readers._csv_header import HeaderSearch, called
from omnivery.readers._csv_nulls import (
    may_have_formulas,
    may_have_nulls,
    without_formulas,
    without_null_times,
    without_nulls,
)
from omnivery.readers._csv_rows import NOTHING, fault_of, is_decoration
from omnivery.readers._csv_table import TableReader
from omnivery.readers._file_events import FileEvents, events_from
from omnivery.readers._file_source import FileSources
from omnivery.readers._format import Placed
from omnivery.readers._lines import Block, Line
from omnivery.readers._times import unix_time


def csv(
    source: FileSources, *, delimiter: str | None = None, columns: Mapping[str, str] | None = None
) -> FileEvents[BotEvent | UnreadableLine]:
    r"""Read events from CSV, whose first row names the columns.

    Columns named like an event's fields become these; all others become the event's own attributes, as text. An empty
    cell is None, and so is `\N`; for a time, `NULL`, `NaT` and the like are, too. `ts` and `message_ts` are unix time,
    or times as databases and warehouses export them, in UTC unless they have a zone. An `ip` may have a port, brackets
    or a prefix length.

    Where tabs separate the cells, the first `\N` tells that a database has written them: from that row on, escapes such
    as `\t`, `\n` and `\\` are what they stand for, but for those in `event_id`. No id depends on it.

    Where there is no column for `event_id`, it is derived by `event_id_for()`, from `url` and the number of the line
    too, as `access_log()` does: to read the file again yields the same ids, unless lines before an event are removed.

    Titles and notes above the row of names are passed over, if it is among the first 20 rows and has at least two names
    that are wanted. Where each name has a blank in front, those in front of cells are no part of them. A row that
    repeats the names is passed over, as are rows of empty cells, lines that consoles draw, and their counts of rows.

    Blank lines are skipped, and count in the line numbers. A row comes out as an `UnreadableLine` if it has fewer cells
    than the first, or more that are not empty, holds bytes that are not UTF-8, breaks the rules of quoting, or has an
    `ip` or a time that is none; reading goes on with the line after it. Line breaks inside quotes come out as `\n`.

    Args:
        source: as in `read()`.
        delimiter: what stands between two cells, one character. If left out, it is what a first line such as `sep=;`
            says, by which exports tell Excel; or else the comma, semicolon, tab or bar that separates the names.
        columns: the file's names of columns to the event's, where they differ: `{"client_ip": "ip"}`.

    Raises:
        ConfigError: it is no source; its first row cannot be read, or names none of `ip`, `uas` and `event_id`, unless
            there is no row at all; or `columns` does not fit it.
        OSError, SourceError: as `read()`.

    Source: https://www.rfc-editor.org/rfc/rfc4180
    """
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n'):
        raise ConfigError('delimiter: one character is needed, which is no quote and no line break, such as ";"')
    own = own_columns(columns)
    return events_from(source, lambda: CsvReader(delimiter=delimiter, columns=own), check=True)


_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+\d{2,3}")
"""A long number, as a spreadsheet shows it."""


@define(kw_only=True, eq=False)
class CsvReader(TableReader):
    """Reads rows whose columns are those of events."""

    delimiter: str | None = None
    columns: Mapping[str, str] | None = None
    _own: Columns = field(init=False)
    """The columns of the file."""
    _fields_of: Callable[[list[Any]], tuple[Any, ...]] = field(init=False)
    """Takes the cells of an event's fields out of a row."""
    _own_of: Callable[[list[Any]], tuple[Any, ...]] = field(init=False)
    """Takes those of its own attributes."""
    _named: int = field(init=False)
    """Columns up to the last one that has a name."""
    _derives: bool = field(init=False)
    """Whether ids are derived, because no column has them."""
    _rounded: int = field(init=False, default=0)
    """Ids that a spreadsheet has rounded."""

    @property
    def note(self) -> str | None:
        if not self._rounded:
            return None
        return (
            f"{self._rounded:,} values of event_id are numbers such as 1.23E+15, as a spreadsheet rounds them when it "
            "saves: different events may have become one id. Export the file again, and do not save it in a spreadsheet"
        )

    def read(self, blocks: Iterable[Block]) -> Iterator[Placed[BotEvent]]:
        """Yield the events of the rows.

        Raises:
            ConfigError: the first row cannot be read, or its columns are not those of events.
        """
        below = self._below_header(blocks, HeaderSearch(delimiter=self.delimiter, columns=self.columns))
        if self.state is None:
            return
        self._own = own = Columns.of(self._names, self.columns)
        self._fields_of = itemgetter(*own.fields)
        # One place more, because `itemgetter` returns no tuple for a single one.
        self._own_of = itemgetter(*own.own.values(), own.count)
        self._derives = not own.has("event_id")
        self._named = max(place for place, name in enumerate(self._names, 1) if name)
        if self.state["delimiter"] == "\t" and not self.state.get("escaped"):
            below = until_escaped(below, self._escaped_from_here)
        yield from self._items(below)

    def _escaped_from_here(self) -> None:
        self.state = {**self.state, "escaped": True}

    def _cleaned(self, rows: list[list[str]], lines: Sequence[Line] | None) -> list[list[str]]:
        if lines is None or may_have_nulls(lines):
            rows = list(map(without_nulls, rows))
        return list(map(without_formulas, rows)) if lines is None or may_have_formulas(lines) else rows

    def _item(self, number: int, cells: list[str] | str) -> BotEvent | UnreadableLine | None:
        columns, kept = self._own, cells
        if isinstance(cells, str) or len(cells) != columns.count:
            cells = self._filled_up(cells)
            if (fault := fault_of(cells, columns.count)) != NOTHING:
                if is_decoration(cells):
                    return self._passed("header")
                return self._passed("blank") if fault is None else UnreadableLine(line=number, reason=fault)
            kept = cells[: columns.count]
        values = [cell or None for cell in kept]
        values.append(None)
        ip, uas, event_id, action, domain, recipient_id, message_id, ts, message_ts = self._fields_of(values)
        if ip is uas is event_id is None and not any(values):
            return self._passed("blank")  # spreadsheets write such rows below a table
        if (ts is not None and (ts := unix_time(ts)) is None) or (
            message_ts is not None and (message_ts := unix_time(message_ts)) is None
        ):
            return self._at_fault(number, cells, NO_TIME)
        if ip is not None and (ip := client_address(ip)) is None:
            return self._at_fault(number, cells, NO_IP)
        event = BotEvent(
            ip=ip,
            uas=uas,
            event_id=event_id,
            action=action,
            domain=domain,
            recipient_id=recipient_id,
            message_id=message_id,
            ts=ts,
            message_ts=message_ts,
            attributes=dict(zip(columns.own, self._own_of(values), strict=False)) if columns.own else None,
        )
        if self._derives:
            event.event_id = derived_id(event, number)
        elif event_id is not None and "E+" in event_id and _ROUNDED.fullmatch(event_id):
            self._rounded += 1
        if "escaped" in self.state and any("\\" in cell for cell in kept):
            unescape(event)
        return event

    def _filled_up(self, cells: list[str] | str) -> list[str] | str:
        """A row with cells for columns without a name: the row of names alone may end with a delimiter."""
        if isinstance(cells, str) or len(cells) < self._named:
            return cells
        return cells + [""] * (self._own.count - len(cells))

    def _at_fault(self, number: int, cells: list[str] | str, fault: str) -> BotEvent | UnreadableLine | None:
        """What becomes of a row with a cell that cannot be read."""
        assert isinstance(cells, list)  # noqa: S101  # for type checkers
        if called(cells) == self._names or is_decoration(cells):
            return self._passed("header")  # files were joined, of which each had its own
        if (known := without_null_times(cells, self._own)) != cells:
            return self._item(number, known)
        return UnreadableLine(line=number, reason=fault)
