"""CSV: a row that names the columns, then one event a row."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from csv import Error, reader
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from attrs import define, field

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.ip_address import client_address
from omnivery.readers._columns import NO_IP, NO_TIME, Columns, derived_id
from omnivery.readers._file_events import events_from
from omnivery.readers._format import WholeReader
from omnivery.readers._lines import Block, Blocks, Line, too_long
from omnivery.readers._opening import FileSources
from omnivery.readers._times import unix_time

Row: TypeAlias = tuple[int, list[str] | str]
"""The number of its first line, from 1, and its cells: none for a blank line; or in words, why it cannot be read."""


def csv(
    source: FileSources, *, delimiter: str = ",", columns: Mapping[str, str] | None = None
) -> Iterator[BotEvent | UnreadableLine]:
    r"""Read events from CSV in UTF-8, whose first row names the columns.

    Columns named like an event's fields become these; all others become the event's own attributes, as text. An empty
    cell is None. `ts` and `message_ts` are whole unix seconds, or times in ISO 8601, in UTC unless they say otherwise.

    Where there is no column for `event_id`, it is derived by `event_id_for()`, from `url` and the number of the line
    too, as `access_log()` does: to read the file again yields the same ids, unless lines before an event are removed.

    Blank lines are skipped, and count in the line numbers. A row comes out as an `UnreadableLine` if it has more or
    fewer cells than the first, holds bytes that are no UTF-8, breaks the rules of quoting, or has an `ip` or a time
    that is none; reading goes on with the line after it. Line breaks inside quotes come out as `\n`.

    Args:
        source: a path, `"-"` for standard input, or a file open in binary mode, which stays open. Gzip is known by
            its first bytes.
        delimiter: what stands between two cells, one character.
        columns: the file's names of columns to the event's, where they differ: `{"client_ip": "ip"}`.

    Raises:
        ConfigError: the source is neither a path nor a file in binary mode; its first row cannot be read, or names
            none of `ip`, `uas` and `event_id`; or `columns` does not fit it.
        OSError: it cannot be opened, or read. `gzip.BadGzipFile` where compressed data is damaged or cut off; every
            whole row before that place has come out by then.

    Source: https://www.rfc-editor.org/rfc/rfc4180
    """
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
        raise ConfigError('delimiter: one character is needed, which is no quote and no line break, such as ";"')
    return events_from(source, lambda: CsvReader(delimiter=delimiter, columns=columns), check=True)


@define(kw_only=True, eq=False)
class CsvReader(WholeReader[BotEvent]):
    """Reads rows below the one that names the columns."""

    delimiter: str
    columns: Mapping[str, str] | None = None

    def read(self, pieces: Iterator[bytes], path: Path | None) -> Iterator[BotEvent | UnreadableLine]:  # noqa: ARG002
        """Yield the events of the rows."""
        return csv_events(Blocks(pieces), delimiter=self.delimiter, columns=self.columns)


def csv_events(
    lines_in_blocks: Iterable[Block], *, delimiter: str, columns: Mapping[str, str] | None = None
) -> Iterator[BotEvent | UnreadableLine]:
    """Turn lines that are already cut into events. The first row is read at once."""
    rows = _rows(iter(lines_in_blocks), delimiter)
    header = next((row for _, row in rows if isinstance(row, str) or not _is_blank(row)), "there is none")
    if isinstance(header, str):
        raise ConfigError(f"source: the row that names the columns cannot be read: {header}")
    return _events(rows, Columns.of([name.strip() for name in header], columns))


def _rows(lines_in_blocks: Iterator[Block], delimiter: str) -> Iterator[Row]:
    for first, lines in lines_in_blocks:
        rows = _line_by_line(lines, delimiter)
        if rows is None:
            # From here on row by row, which takes half as long again.
            yield from _careful_rows(_Lines(blocks=chain([(first, lines)], lines_in_blocks), number=first), delimiter)
            return
        yield from enumerate(rows, first)


def _line_by_line(lines: list[Line], delimiter: str) -> list[list[str]] | None:
    """The rows of a block in which every line is a sound row, as nearly all are; else None."""
    if None in lines:
        return None
    try:
        rows = list(reader(map(bytes.decode, lines), delimiter=delimiter, strict=True))  # type: ignore[arg-type]  # no None
    except (Error, UnicodeDecodeError):
        return None
    return rows if len(rows) == len(lines) else None


@define(kw_only=True)
class _Lines:
    """What the parser of CSV reads from: it can be made to read lines once more."""

    _blocks: Iterator[Block] = field(alias="blocks")
    number: int
    """The number of the first line of the row that is being read."""
    taken: list[str] = field(init=False, factory=list[str])
    """The lines of that row."""
    faults: dict[int, str] = field(init=False, factory=dict[int, str])
    """What is wrong with lines that were read, by their number."""
    _lines: Iterator[tuple[int, Line]] = field(init=False)
    _again: deque[str] = field(init=False, factory=deque[str])

    def __attrs_post_init__(self) -> None:
        self._lines = (numbered for first, lines in self._blocks for numbered in enumerate(lines, first))

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

    def next_row(self) -> None:
        """The row is done with."""
        self.number += len(self.taken)
        self.taken.clear()

    def fault(self) -> str | None:
        """What is wrong with a line of the row, if anything is."""
        numbers = range(self.number, self.number + len(self.taken))
        found = [self.faults.pop(number) for number in numbers if number in self.faults]
        return found[0] if found else None

    def _fresh(self) -> str:
        number, line = next(self._lines)
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
    while True:
        row: list[str] | str | None
        try:
            row = next(cells, None)
        except Error as error:  # its text names the characters of the format, and nothing that was read
            row = f"no CSV: {error}"
            # A quote that is never closed spoils its own line, and not all up to the end.
            lines.put_back()
        if row is None:
            return
        yield lines.number, (lines.fault() if lines.faults else None) or row
        lines.next_row()


def _events(rows: Iterator[Row], columns: Columns) -> Iterator[BotEvent | UnreadableLine]:
    width, own_names, derive = columns.count, tuple(columns.own), not columns.has("event_id")
    fields_of = itemgetter(*columns.fields)
    own_of = itemgetter(*columns.own.values(), width)  # one more, or a single one would come without its tuple
    for number, row in rows:
        if isinstance(row, str) or len(row) != width:
            if fault := _fault(row, width):
                yield UnreadableLine(line=number, reason=fault)
            continue
        cells = [cell or None for cell in row]
        cells.append(None)
        ip, uas, event_id, action, domain, recipient_id, message_id, ts, message_ts = fields_of(cells)
        if (ts is not None and (ts := unix_time(ts)) is None) or (
            message_ts is not None and (message_ts := unix_time(message_ts)) is None
        ):
            yield UnreadableLine(line=number, reason=NO_TIME)
            continue
        if ip is not None and (ip := client_address(ip)) is None:
            yield UnreadableLine(line=number, reason=NO_IP)
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
        yield event


def _fault(row: list[str] | str, width: int) -> str | None:
    if isinstance(row, str):
        return row
    return None if _is_blank(row) else f"{len(row)} cells where the first row has {width}"


def _is_blank(row: list[str]) -> bool:
    return len(row) <= 1 and not "".join(row).strip()
