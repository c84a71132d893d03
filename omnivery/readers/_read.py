"""Telling the formats apart by their first line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from csv import Error, reader
from itertools import chain, islice
from typing import Any

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.events.event_list import EventList
from omnivery.readers._columns import KEYS
from omnivery.readers._csv import csv_events
from omnivery.readers._file_events import file_events, items_of
from omnivery.readers._format import LineReader, ReadOptions
from omnivery.readers._lines import Block, blocks
from omnivery.readers._log_formats import log_reader
from omnivery.readers._ndjson import NdjsonReader
from omnivery.readers._opening import FileSource
from omnivery.readers._parquet import MAGIC, parquet


def read(source: FileSource) -> Iterator[BotEvent | EventLine | UnreadableLine]:
    """Read events from NDJSON, CSV, Parquet, or an Apache or nginx log, whichever it is.

    The content decides, not the name. What begins as a Parquet file does is read as `parquet()` does. Else the first
    line that is not blank tells: one that starts with `{` is read as `ndjson()` does; one with commas, semicolons or
    tabs between names, of which one is `ip`, `uas` or `event_id`, as `csv()` does; any other as `access_log()` does.
    Arguments and errors are theirs too, and come while iterating where they are about the content.

    Raises:
        ConfigError: while iterating, also for Parquet that does not come from a file by its path, unpacked.
    """
    return file_events(source, line_reader, _detected_in) or _detected_in(source)


def load(source: FileSource, *, limit: int | None = None) -> EventList:
    """Read everything to a list, as `read()` does: to look at it, or to submit part of it.

    Args:
        source: as in `read()`.
        limit: the most items to read; all of them where it is left out.

    Raises:
        ConfigError: as `read()`, but at once; or the limit is negative.
        OSError: as `read()`.
    """
    if limit is not None and limit < 0:
        raise ConfigError("limit: it must not be negative")
    return EventList(islice(read(source), limit))


def line_reader(start: bytes) -> LineReader[Any] | None:
    """What reads a source in which every line is an event by itself.

    Args:
        start: the first line that is not blank. None is returned where it is that of CSV or Parquet.
    """
    if start.lstrip().startswith(b"{"):
        return NdjsonReader()
    return None if start.startswith(MAGIC) or _delimiter(start) else log_reader(None, [start], ReadOptions())


def _detected_in(source: FileSource) -> Iterator[BotEvent | EventLine | UnreadableLine]:
    return _detected(source, blocks(source))


def _detected(source: FileSource, all_blocks: Iterator[Block]) -> Iterator[BotEvent | EventLine | UnreadableLine]:
    for block in all_blocks:
        start = next((line for line in block[1] if line and not line.isspace()), None)
        if start is None:
            # Blank and over-long lines alone: they come out the same in any format.
            yield from items_of(NdjsonReader(), iter([block]))
            continue
        again, each_line = chain([block], all_blocks), line_reader(start)
        if each_line is not None:
            yield from items_of(each_line, again)
        elif start.startswith(MAGIC):
            yield from _parquet(source)
            return
        else:
            yield from csv_events(again, delimiter=_delimiter(start) or ",")


def _delimiter(start: bytes) -> str | None:
    """What stands between the names of columns, if this line has names of columns."""
    # Whoever calls a server writes into its log: a line of a log is one, whatever its user agent contains.
    if isinstance(log_reader("combined", [start], ReadOptions()).item(start, 1), BotEvent):
        return None
    return next((delimiter for delimiter in ",;\t" if KEYS.intersection(_cells(start, delimiter))), None)


def _cells(line: bytes, delimiter: str) -> list[str]:
    try:
        cells = next(reader([line.decode()], delimiter=delimiter), [])
    except (Error, UnicodeDecodeError):
        return []
    return [cell.strip() for cell in cells] if len(cells) > 1 else []


def _parquet(source: FileSource) -> Iterator[BotEvent]:
    if not isinstance(source, str | os.PathLike):
        raise ConfigError("source: Parquet is read from its end: give the path of the file, not the open file")
    return parquet(source)
