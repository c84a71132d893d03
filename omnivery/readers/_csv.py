"""CSV: a row that names the columns, then one event a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, cast

from attrs import define, field

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.ip_address import client_address
from omnivery.readers._columns import NO_IP, NO_TIME, Columns, derived_id
from omnivery.readers._csv_header import Dialect, HeaderSearch, below_header
from omnivery.readers._csv_nulls import may_have_nulls, without_null_times, without_nulls
from omnivery.readers._csv_rows import NOTHING, Row, RowLines, careful_rows, fault_of, line_by_line
from omnivery.readers._file_events import FileEvents, events_from
from omnivery.readers._file_source import FileSources
from omnivery.readers._format import LineReader, Placed
from omnivery.readers._lines import Block
from omnivery.readers._times import unix_time


def csv(
    source: FileSources, *, delimiter: str | None = None, columns: Mapping[str, str] | None = None
) -> FileEvents[BotEvent | UnreadableLine]:
    r"""Read events from CSV, whose first row names the columns.

    Columns named like an event's fields become these; all others become the event's own attributes, as text. An empty
    cell is None, and so is `\N`; for a time, `NULL`, `NaT` and the like are, too. `ts` and `message_ts` are unix time,
    or times as databases and warehouses export them, in UTC unless they have a zone. An `ip` may have a port, brackets
    or a prefix length.

    Where there is no column for `event_id`, it is derived by `event_id_for()`, from `url` and the number of the line
    too, as `access_log()` does: to read the file again yields the same ids, unless lines before an event are removed.

    Titles and notes above the row of names are passed over, if it is among the first 20 rows and has at least two names
    that are wanted. Where each name has a blank in front, those in front of cells are no part of them. A row that
    repeats the names is passed over, as are rows of empty cells.

    Blank lines are skipped, and count in the line numbers. A row comes out as an `UnreadableLine` if it has fewer cells
    than the first, or more that are not empty, holds bytes that are not UTF-8, breaks the rules of quoting, or has an
    `ip` or a time that is none; reading goes on with the line after it. Line breaks inside quotes come out as `\n`.

    Args:
        source: as in `read()`.
        delimiter: what stands between two cells, one character. If left out, it is what a first line such as `sep=;`
            says, by which exports tell Excel; or else the comma, semicolon, tab or bar that separates the names.
        columns: the file's names of columns to the event's, where they differ: `{"client_ip": "ip"}`.

    Raises:
        ConfigError: it is no source; its first row cannot be read, or names none of `ip`, `uas` and `event_id`; or
            `columns` does not fit it.
        OSError, SourceError: as `read()`.

    Source: https://www.rfc-editor.org/rfc/rfc4180
    """
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n'):
        raise ConfigError('delimiter: one character is needed, which is no quote and no line break, such as ";"')
    return events_from(source, lambda: CsvReader(delimiter=delimiter, columns=columns), check=True)


@define(kw_only=True, eq=False)
class CsvReader(LineReader[BotEvent]):
    """Reads rows below the one that names the columns, whose names are the state of reading."""

    delimiter: str | None = None
    columns: Mapping[str, str] | None = None
    _dialect: Dialect = field(init=False, factory=dict[str, Any])

    @property
    def headed(self) -> bool:
        """Its first row names the columns."""
        return True

    def read(self, blocks: Iterable[Block]) -> Iterator[Placed[BotEvent]]:
        """Yield the events of the rows.

        Raises:
            ConfigError: the first row cannot be read, or its columns are not those of events.
        """
        flow = iter(blocks)
        if self.state is None:
            search = HeaderSearch(delimiter=self.delimiter, columns=self.columns)
            self.state, flow = below_header(search, flow, self.skipped)
        state = cast("dict[str, Any]", self.state)
        columns = Columns.of(state["names"], self.columns)
        self._dialect = {name: value for name, value in state.items() if name != "names"}
        for first, lines in flow:
            rows = line_by_line(lines, self._dialect)
            if rows is not None:
                if may_have_nulls(lines):
                    rows = list(map(without_nulls, rows))
                numbered = [Row(number, number, cells) for number, cells in enumerate(rows, first)]
                yield self._placed(numbered, columns)
            else:
                # Row by row, which takes half as long again, to the end of the block or of a row that goes beyond it.
                source = RowLines(flow, first, lines)
                for row in careful_rows(source, self._dialect, growing=self.growing):
                    cells = row.cells if isinstance(row.cells, str) else without_nulls(row.cells)
                    yield self._placed([row._replace(cells=cells)], columns)
                self.unfinished = source.unfinished

    def _placed(self, rows: Iterable[Row], columns: Columns) -> Placed[BotEvent]:
        """The events of rows."""
        width, own_names, derive = columns.count, tuple(columns.own), not columns.has("event_id")
        fields_of = itemgetter(*columns.fields)
        own_of = itemgetter(*columns.own.values(), width)  # one more, or a single one would come without its tuple
        items: list[BotEvent | UnreadableLine] = []
        ends: list[int] = []
        for number, last, row in rows:
            if (isinstance(row, str) or len(row) != width) and (fault := fault_of(row, width)) != NOTHING:
                if fault is not None:
                    items.append(UnreadableLine(line=number, reason=fault))
                    ends.append(last)
                else:
                    self.skipped["blank"] += 1
                continue
            cells = [cell or None for cell in row[:width]]
            cells.append(None)
            ip, uas, event_id, action, domain, recipient_id, message_id, ts, message_ts = fields_of(cells)
            if ip is uas is event_id is None and not any(cells):
                self.skipped["blank"] += 1  # spreadsheets write such rows below a table
                continue
            fault = None
            if (ts is not None and (ts := unix_time(ts)) is None) or (
                message_ts is not None and (message_ts := unix_time(message_ts)) is None
            ):
                fault = NO_TIME
            elif ip is not None and (ip := client_address(ip)) is None:
                fault = NO_IP
            if fault is not None:
                found = self._at_fault(Row(number, last, row), fault, columns)
                items += found
                ends += [last] * len(found)
                continue
            ends.append(last)
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
                attributes=dict(zip(own_names, own_of(cells), strict=False)) if own_names else None,
            )
            if derive:
                event.event_id = derived_id(event, number)
            items.append(event)
        return Placed(items, ends, self.state)

    def _at_fault(self, row: Row, fault: str, columns: Columns) -> Sequence[BotEvent | UnreadableLine]:
        """What becomes of a row with a cell that cannot be read."""
        assert isinstance(row.cells, list)  # noqa: S101  # for type checkers
        if [cell.strip() for cell in row.cells] == self.state["names"]:
            self.skipped["header"] += 1  # files were joined, of which each had its own
            return ()
        if (known := without_null_times(row.cells, columns)) != row.cells:
            return self._placed([row._replace(cells=known)], columns).items
        return (UnreadableLine(line=row.first, reason=fault),)
