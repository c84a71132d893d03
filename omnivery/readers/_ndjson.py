"""NDJSON: one event a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any

from attrs import define, field, frozen

from omnivery.events.encoded import LINE
from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.events.sound_lines import can_check_lines
from omnivery.readers._choice import Choice, Chosen
from omnivery.readers._columns import own_columns
from omnivery.readers._file_events import FileEvents, file_events
from omnivery.readers._file_source import FileSources
from omnivery.readers._format import EachLine, Placed, Sample
from omnivery.readers._json_columns import JsonColumns, in_own_names
from omnivery.readers._lines import Block, Cut
from omnivery.readers._slices import LinesLeft


def ndjson(source: FileSources, *, columns: Mapping[str, str] | None = None) -> FileEvents[Any]:
    """Read events from NDJSON: one JSON object a line, in the API's own names, or in others.

    In the API's own names, lines are not parsed here: the bulk run looks at each once and splices its bytes into a
    batch. They come out as `EventLine`s. If one of the first lines has values that have to be converted, each line is
    parsed, and those that have such values become `BotEvent`s: names in capitals, ids that are numbers, times in other
    forms or units, as `csv()` reads them, the types that MongoDB writes around values. Where a line has no `event_id`,
    it is derived by `event_id_for()`, from `url` and the number of the line too.

    With `columns`, each line is parsed and becomes a `BotEvent`. Members that are neither named there nor like an
    event's field become the event's own attributes.

    Blank lines are skipped, and count in the line numbers. A line longer than 1,000,000 bytes comes out as an
    `UnreadableLine`.

    Args:
        source: as in `read()`.
        columns: paths to the event's fields, with dots for nested objects: `{"request.remote_ip": "ip"}`. An empty
            mapping has each line in the API's own names parsed, and its values converted.

    Raises:
        ConfigError: it is no source; or `columns` names a field that an event does not have.
        OSError, SourceError: as `read()`.

    Source: https://github.com/ndjson/ndjson-spec
    """
    own = own_columns(columns)
    ndjson_reader(own)  # what is wrong with the columns is told at the call
    return file_events(source, _Values(own))


@frozen
class _Values(Choice):
    """Chooses the reader of NDJSON by the values of the first lines."""

    columns: Mapping[str, str] | None

    def choose(self, sample: Sample, *, final: bool) -> Chosen | None:
        """Return the reader, once a line is there."""
        return Chosen(ndjson_reader(self.columns, sample), "ndjson") if sample or final else None


class NdjsonReader(EachLine[EventLine]):
    """Hands on each line as it is.

    Blocks without a blank line, which nearly all are, are handed on as a whole. Where lines can be checked, the run
    does so, and finds the blank ones.
    """

    def read(self, blocks: Iterable[Block]) -> Iterator[Placed[EventLine]]:
        """Yield the lines of one block after the other."""
        in_blocks = self.in_blocks and can_check_lines()
        for first, block in blocks:
            if in_blocks and isinstance(block, Cut):
                left: Any = LinesLeft(block.ended, first, self)
                yield Placed(left, range(first, first + len(block)))
                continue
            lines = [*block]  # once: they may be cut at each look
            if not all(lines) or any(map(bytes.isspace, lines)):  # type: ignore[arg-type]  # None is not among them
                yield from super().read([(first, lines)])
                continue
            numbers = range(first, first + len(lines))
            items: list[Any] = (
                list(zip(repeat(LINE), lines, numbers, strict=False))
                if self.encoded
                else [EventLine(data=line, line=number) for number, line in zip(numbers, lines, strict=True)]  # type: ignore[arg-type]
            )
            yield Placed(items, numbers)

    def item(self, line: bytes, number: int) -> EventLine:
        """Return the line with its number."""
        return EventLine(data=line, line=number)


class NdjsonValuesReader(EachLine[Any]):
    """Converts values that are not in the form in which the API takes them, and hands on other lines as they are."""

    def item(self, line: bytes, number: int) -> BotEvent | EventLine:
        """Return the line with its number, or its event."""
        return in_own_names(EventLine(data=line, line=number))


@define(eq=False)
class NdjsonColumnsReader(EachLine[BotEvent]):
    """Makes an event of the object in each line."""

    columns: JsonColumns = field()

    def item(self, line: bytes, number: int) -> BotEvent | UnreadableLine:
        """Return the event of a line."""
        return self.columns.event(line, number)


def ndjson_reader(
    columns: Mapping[str, str] | None, sample: Sample = ()
) -> NdjsonReader | NdjsonValuesReader | NdjsonColumnsReader:
    """Make the reader for these columns, of lines that begin with a sample."""
    if columns is not None:
        return NdjsonColumnsReader(JsonColumns(columns))
    lines = (EventLine(data=line, line=1) for line in sample)
    return NdjsonValuesReader() if any(isinstance(in_own_names(one), BotEvent) for one in lines) else NdjsonReader()
