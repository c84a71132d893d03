"""JSON that is not one object a line: an array of events, or events over many lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from omnivery import codec
from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.events.json_path import value_at
from omnivery.readers._choice import SAMPLE_LINES
from omnivery.readers._columns import KEYS, names_event, own_columns
from omnivery.readers._file_events import FileEvents, events_from
from omnivery.readers._file_source import FileSources
from omnivery.readers._format import Sample, WholeReader
from omnivery.readers._json_columns import JsonColumns, in_own_names
from omnivery.readers._json_documents import json_objects
from omnivery.readers._json_envelope import IsRecord, parsed_object, records_in


def json(source: FileSources, *, columns: Mapping[str, str] | None = None) -> FileEvents[Any]:
    """Read events from JSON: an array of objects, or objects one after the other, over any number of lines.

    Objects become events as those of `ndjson()` do; their number of a line is that on which they begin. Where an object
    is no event, and holds a list of events, these are read: `{"events": [{…}, …]}`, `{"hits": {"hits": [{…}, …]}}`. One
    object is in memory at a time. One that does not end, or is longer than 1,000,000 bytes, comes out as an
    `UnreadableLine`, and so does what is no object. With `columns`, ids that are derived take the place of the object
    in the source for the number of the line.

    Args:
        source: as in `read()`.
        columns: paths to the event's fields, as in `ndjson()`.

    Raises:
        ConfigError: it is no source; or `columns` names a field that an event does not have.
        OSError, SourceError: as `read()`.
    """
    own = own_columns(columns)
    json_reader(own)  # what is wrong with the columns is told at the call
    return events_from(source, lambda: json_reader(own))


def json_reader(columns: Mapping[str, str] | None) -> JsonReader:
    """Make the reader for these columns."""
    return JsonReader(None if columns is None else JsonColumns(columns))


def json_share(sample: Sample, columns: Mapping[str, str] | None) -> float:
    """Return 1.0 if the first lines are those of JSON that is not one event a line."""
    return float(is_laid_out(sample) or records_in(sample[0], event_test(columns)) is not None or _is_body(sample[0]))


def event_test(columns: Mapping[str, str] | None) -> IsRecord:
    """Return what says whether an object is an event: it has a field by which these are told, or a path to one."""

    def is_event(data: bytes) -> bool:
        found = parsed_object(data)
        return found is not None and (
            names_event(found) or any(value_at(found, path) is not None for path in columns or ())
        )

    return is_event


def is_laid_out(sample: Sample) -> bool:
    """Whether lines are those of JSON that is not one object a line."""
    first = sample[0].lstrip(_BEFORE).rstrip()
    second = sample[1].lstrip() if len(sample) > 1 else b""
    if first.startswith(b"["):
        return _ARRAY.match(first + b"\n" + second) is not None
    if not first.startswith(b"{"):
        return False
    if first == b"{" and not second:
        return True  # all that is there so far
    if _is_json(first):
        return _RECORD_SEPARATOR in sample[0]  # of RFC 7464
    if 2 * sum(map(_is_object, sample)) > len(sample):
        return False  # The first line is damaged: line by line, that costs no other line.
    # Objects over several lines, several on one, or lines that were cut out of an array.
    return (
        (not first.endswith(b"}") and second[:1] in {b'"', b"}"})
        or _ADJACENT.search(first) is not None
        or (first.endswith(b",") and _is_json(first[:-1]))
    )


_RECORD_SEPARATOR = b"\x1e"
_BEFORE = b" \t\r\n" + _RECORD_SEPARATOR
"""What may stand before the first object."""


_ARRAY = re.compile(rb"\[\s*+(?:[\[{\]]|$)")
_ADJACENT = re.compile(rb"\}\s*+\{")


def _is_object(line: bytes) -> bool:
    return line.startswith(b"{") and _is_json(line)


def _is_json(line: bytes) -> bool:
    try:
        codec.loads(line)
    except ValueError:
        return False
    return True


@define(eq=False)
class JsonReader(WholeReader[Any]):
    """Reads the objects in JSON."""

    columns: JsonColumns | None = None
    _converts: bool = field(init=False, default=False)
    """Whether one of the first objects has values that have to be converted."""

    def read(
        self,
        pieces: Iterator[bytes],
        path: Path | None,  # noqa: ARG002  # it is read from its start
    ) -> Iterator[BotEvent | EventLine | UnreadableLine]:
        """Yield the events."""
        is_event = event_test(None if self.columns is None else self.columns.columns)
        leave = self.leave if self.growing else None
        for position, found in enumerate(json_objects(pieces, is_event, leave=leave), 1):
            if isinstance(found, UnreadableLine):
                yield found
            elif not _is_body(found.data):
                yield self._item(found, position)

    def _item(self, found: EventLine, position: int) -> BotEvent | EventLine | UnreadableLine:
        if self.columns is not None:
            return self.columns.event(found.data, found.line, position)
        if position > SAMPLE_LINES and not self._converts:
            return found  # as in nearly all documents: to look at each takes half as long again
        item = in_own_names(found, position)
        self._converts = self._converts or isinstance(item, BotEvent)
        return item


def _is_body(data: bytes) -> bool:
    """Whether an object is the body of a batch without events."""
    body = parsed_object(data) if b'"events"' in data else None
    return body is not None and body.get("events") == [] and KEYS.isdisjoint(body)
