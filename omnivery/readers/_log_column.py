"""Lines of a log in a column of CSV, as search engines export them: Splunk, Kibana, CloudWatch, Grafana, Datadog."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from csv import Error, reader
from functools import lru_cache

from attrs import define, field

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers._csv_header import HIGHEST, Dialect, HeaderSearch, dialect_of
from omnivery.readers._csv_rows import NOTHING, Row, fault_of
from omnivery.readers._csv_table import TableReader
from omnivery.readers._format import Placed, Sample
from omnivery.readers._lines import Block
from omnivery.readers._request import RequestReader

_COLUMNS = (
    "_raw",
    "event.original",
    "@message",
    "message",
    "Message",
    "log",
    "textPayload",
    "Line",
    "line",
    "Content",
    "LogEntry",
    "LogMessage",
    "RawData",
)
"""What these columns are called by Splunk, Elastic's common schema, CloudWatch Logs Insights, Kibana, Datadog, Docker's
collectors, Google Cloud, Grafana and Azure. The first of them that a table has is the one."""
_NO_COLUMN = f"source: no column of the table holds lines of a log; such are {', '.join(_COLUMNS)}"


@define(eq=False, kw_only=True)
class LogColumnReader(TableReader):
    """Reads the cell of each row as a line of the log."""

    log: RequestReader
    _place: int = field(init=False)
    """Of the cell in a row."""

    def read(self, blocks: Iterable[Block]) -> Iterator[Placed[BotEvent]]:
        """Yield the clicks of the rows.

        Raises:
            ConfigError: no column is one of those that hold lines.
        """
        try:
            below = self._below_header(blocks, _search())
        except ConfigError:
            raise ConfigError(_NO_COLUMN) from None
        if self.state is None:
            return
        place = _place_in(self._names)
        if place is None:
            raise ConfigError(_NO_COLUMN)
        self._place = place
        yield from self._items(below)

    def _placed(self, rows: Iterable[Row]) -> Placed[BotEvent]:
        found = super()._placed(rows)
        self.log.look_at(found.items)
        return found

    def _item(self, number: int, cells: list[str] | str) -> BotEvent | UnreadableLine | None:
        names = self._names
        fault = fault_of(cells, len(names)) if isinstance(cells, str) or len(cells) != len(names) else NOTHING
        if fault:
            return UnreadableLine(line=number, reason=fault)
        line = "" if fault is None else cells[self._place].strip()
        if not line:
            return self._passed("blank")
        item = None if cells == names else self.log.item(line.encode(), number)
        return self._passed("header") if item is None else item


def is_header_alone(sample: Sample) -> bool:
    """Whether all that there is so far names columns, of which one holds lines of a log."""
    return 0 < len(sample) <= _LINES_OF_HEADER and _place_in(_names_in(sample)) is not None and not log_cells(sample)


def _names_in(sample: Sample) -> Sequence[str]:
    search = _search()
    found = next((found for line in sample if (found := search.take(line)) is not None), None)
    return found["names"] if found else ()


_LINES_OF_HEADER = 2
"""One of them may say what separates the cells."""


def log_cells(sample: Sample) -> Sequence[bytes]:
    """The lines of a log in the column of a table of which these are the first lines; none if it has no such column."""
    return _log_cells(tuple(sample))


_NAMED = re.compile("|".join(map(re.escape, _COLUMNS)).encode())


# Every format looks at the same sample.
@lru_cache(maxsize=4)
def _log_cells(sample: Sample) -> Sequence[bytes]:
    if not any(_NAMED.search(line) for line in sample[:HIGHEST]) or sample[0].lstrip()[:1] in {b"{", b"["}:
        return ()  # as in nearly all files
    search = _search()
    for number, line in enumerate(sample):
        if (found := search.take(line)) is not None:
            return [*_cells(sample[number + 1 :], found)]
        if search.is_over:
            break
    return ()


def _cells(lines: Sample, found: Dialect) -> Iterator[bytes]:
    place = _place_in(found["names"])
    if place is None:
        return  # it is a table of events
    dialect = dialect_of(found)
    texts = [line.decode(errors="replace") + "\n" for line in lines]
    try:
        for row in reader(texts, **dialect):
            if len(row) == len(found["names"]) and (cell := row[place].strip()):
                yield cell.encode()
    except Error:
        return


def _search() -> HeaderSearch:
    return HeaderSearch(delimiter=None, columns=dict.fromkeys(_COLUMNS, ""))


def _place_in(names: Sequence[str]) -> int | None:
    return next((names.index(name) for name in _COLUMNS if name in names), None)
