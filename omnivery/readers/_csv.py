"""CSV: a row that names the columns, then one event a row."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from csv import Error, reader
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple, cast

from attrs import define, field

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.ip_address import client_address
from omnivery.readers._columns import KEYS, NO_IP, NO_TIME, Columns, derived_id
from omnivery.readers._file_events import FileEvents, events_from
from omnivery.readers._format import LineReader, Placed, Sample
from omnivery.readers._lines import Block, Line, too_long
from omnivery.readers._opening import FileSources
from omnivery.readers._times import unix_time

DELIMITERS = ",;\t|"
"""What may stand between cells, if the caller does not say it."""


def csv(
    source: FileSources, *, delimiter: str | None = None, columns: Mapping[str, str] | None = None
) -> FileEvents[BotEvent | UnreadableLine]:
    r"""Read events from CSV, whose first row names the columns.

    Columns named like an event's fields become these; all others become the event's own attributes, as text. An empty
    cell is None. `ts` and `message_ts` are unix time, or times as databases and warehouses export them, in UTC unless
    they have a zone. An `ip` may have a port, brackets or a prefix length.

    Where there is no column for `event_id`, it is derived by `event_id_for()`, from `url` and the number of the line
    too, as `access_log()` does: to read the file again yields the same ids, unless lines before an event are removed.

    Blank lines are skipped, and count in the line numbers. A row comes out as an `UnreadableLine` if it has more or
    fewer cells than the first, holds bytes that are not UTF-8, breaks the rules of quoting, or has an `ip` or a time
    that is none; reading goes on with the line after it. Line breaks inside quotes come out as `\n`.

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


def csv_share(sample: Sample, columns: Mapping[str, str] | None) -> float:
    """Return 1.0 if the first lines are those of CSV that names an event's fields, or columns that are to be these."""
    try:
        first = sample[0].decode() if sample else ""
    except UnicodeDecodeError:
        return 0.0
    wanted = KEYS.union(columns or ())
    named = any(not wanted.isdisjoint(_cells(first, delimiter)) for delimiter in DELIMITERS)
    return float(named or _SEPARATOR.fullmatch(first) is not None)


def _cells(text: str, delimiter: str) -> list[str]:
    """The cells of a line that has more than one."""
    try:
        cells = next(reader([text], delimiter=delimiter, strict=True), [])
    except Error:
        return []
    return [cell.strip() for cell in cells] if len(cells) > 1 else []


_SEPARATOR = re.compile(r'"?sep=(.)"?[,;\t]*+', re.IGNORECASE)
"""By which exports tell Excel what stands between cells. A spreadsheet that has opened it writes it back in quotes."""
_LONGEST_HEADER = 100
"""Lines over which the row that names the columns may go."""


class Row(NamedTuple):
    """A row, and where it stands."""

    first: int
    last: int
    """The numbers of its first and its last line."""
    cells: list[str] | str
    """None for a blank line; or in words, why it cannot be read."""


@define(kw_only=True, eq=False)
class CsvReader(LineReader[BotEvent]):
    """Reads rows below the one that names the columns, whose names are the state of reading."""

    delimiter: str | None = None
    columns: Mapping[str, str] | None = None

    def read(self, blocks: Iterable[Block]) -> Iterator[Placed[BotEvent]]:
        """Yield the events of the rows.

        Raises:
            ConfigError: the first row cannot be read, or its columns are not those of events.
        """
        flow = iter(blocks)
        if self.state is None:
            flow = self._below_header(flow)
        state = cast("dict[str, Any]", self.state)
        columns, delimiter = Columns.of(state["names"], self.columns), state["delimiter"]
        for first, lines in flow:
            rows = _line_by_line(lines, delimiter)
            if rows is not None:
                numbered = [Row(number, number, cells) for number, cells in enumerate(rows, first)]
                yield self._placed(numbered, columns)
            else:
                # Row by row, which takes half as long again, to the end of the block or of a row that goes beyond it.
                for row in _careful_rows(_Lines(flow, first, lines), delimiter):
                    yield self._placed([row], columns)

    def _below_header(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Read the row that names the columns, and return what follows."""
        delimiter, header = self.delimiter, list[str]()
        for first, lines in blocks:
            for place, line in enumerate(lines):
                text = _decoded(line)
                if not header and not text.strip():
                    self.skipped["blank"] += 1
                    continue
                self.skipped["header"] += 1
                if not header and (separator := _SEPARATOR.fullmatch(text)):
                    delimiter = delimiter or separator[1]
                    continue
                header.append(text + "\n")
                delimiter = delimiter or self._delimiter(text)
                if (names := _header(header, delimiter)) is not None:
                    self.state = {"names": names, "delimiter": delimiter}
                    return chain([(first + place + 1, lines[place + 1 :])], blocks)
        raise ConfigError(f"{_NO_HEADER}: {'its last quote is never closed' if header else 'there is none'}")

    def _delimiter(self, text: str) -> str:
        """What stands between names in a line: what separates one that is wanted, or else the most of them."""
        wanted = KEYS.union(self.columns or ())
        cells = {delimiter: _cells(text, delimiter) for delimiter in DELIMITERS}
        return max(cells, key=lambda one: (not wanted.isdisjoint(cells[one]), len(cells[one]) > 1, len(cells[one])))

    def _placed(self, rows: Iterable[Row], columns: Columns) -> Placed[BotEvent]:
        """The events of rows."""
        width, own_names, derive = columns.count, tuple(columns.own), not columns.has("event_id")
        fields_of = itemgetter(*columns.fields)
        own_of = itemgetter(*columns.own.values(), width)  # one more, or a single one would come without its tuple
        items: list[BotEvent | UnreadableLine] = []
        ends: list[int] = []
        for number, last, row in rows:
            if isinstance(row, str) or len(row) != width:
                if fault := _fault(row, width):
                    items.append(UnreadableLine(line=number, reason=fault))
                    ends.append(last)
                else:
                    self.skipped["blank"] += 1
                continue
            ends.append(last)
            cells = [cell or None for cell in row]
            cells.append(None)
            ip, uas, event_id, action, domain, recipient_id, message_id, ts, message_ts = fields_of(cells)
            if (ts is not None and (ts := unix_time(ts)) is None) or (
                message_ts is not None and (message_ts := unix_time(message_ts)) is None
            ):
                items.append(UnreadableLine(line=number, reason=NO_TIME))
                continue
            if ip is not None and (ip := client_address(ip)) is None:
                items.append(UnreadableLine(line=number, reason=NO_IP))
                continue
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


_NO_HEADER = "source: the row that names the columns cannot be read"


def _decoded(line: Line) -> str:
    """A line of the header as text.

    Raises:
        ConfigError: it cannot be read.
    """
    if line is None:
        raise ConfigError(f"{_NO_HEADER}: {too_long(0).reason}")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{_NO_HEADER}: it holds bytes that are not UTF-8") from None


def _header(lines: list[str], delimiter: str) -> list[str] | None:
    """The names in these lines; None if a quote is open, and more lines are needed.

    Raises:
        ConfigError: they break the rules of quoting.
    """
    try:
        (names,) = reader(lines, delimiter=delimiter, strict=True)
    except Error as error:
        if "unexpected end" in str(error) and len(lines) < _LONGEST_HEADER:
            return None
        raise ConfigError(f"{_NO_HEADER}: it is no CSV: {error}") from None
    return [name.strip() for name in names]


def _line_by_line(lines: list[Line], delimiter: str) -> list[list[str]] | None:
    """The rows of a block in which every line is a sound row, as nearly all are; else None."""
    if None in lines:
        return None
    try:
        rows = list(reader(map(bytes.decode, lines), delimiter=delimiter, strict=True))  # type: ignore[arg-type]  # no None
    except (Error, UnicodeDecodeError):
        return None
    return rows if len(rows) == len(lines) else None


@define(eq=False)
class _Lines:
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
            self.faults[number] = "holds bytes that are no UTF-8"
            return line.decode(errors="replace") + "\n"


def _careful_rows(lines: _Lines, delimiter: str) -> Iterator[Row]:
    cells = reader(lines, delimiter=delimiter, strict=True)
    more = True
    while more:
        row: list[str] | str | None
        try:
            row = next(cells, None)
        except Error as error:  # its text names the characters of the format, and nothing that was read
            row = f"no CSV: {error}"
            # A quote that is never closed spoils its own line, and not all up to the end.
            lines.put_back()
        if row is None:
            return
        last = lines.number + len(lines.taken) - 1
        yield Row(lines.number, last, (lines.fault() if lines.faults else None) or row)
        more = lines.next_row()


def _fault(row: list[str] | str, width: int) -> str | None:
    if isinstance(row, str):
        return row
    return None if _is_blank(row) else f"{len(row)} cells where the first row has {width}"


def _is_blank(row: list[str]) -> bool:
    return len(row) <= 1 and not "".join(row).strip()
