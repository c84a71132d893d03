"""JSON that is not one object a line: an array of events, or events over many lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define

from omnivery import codec
from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.readers._columns import KEYS
from omnivery.readers._file_events import FileEvents, events_from
from omnivery.readers._format import Sample, WholeReader
from omnivery.readers._json_columns import JsonColumns
from omnivery.readers._json_documents import json_objects
from omnivery.readers._opening import FileSources


def json(source: FileSources, *, columns: Mapping[str, str] | None = None) -> FileEvents[Any]:
    """Read events from JSON: an array of objects, or objects one after the other, over any number of lines.

    Objects become events as those of `ndjson()` do; their number of a line is that on which they begin. Of bodies of
    the API's own, the objects in `events` are read. One object is in memory at a time. One that does not end, or is
    longer than 1,000,000 bytes, comes out as an `UnreadableLine`, and so does what is no object.

    Args:
        source: as in `read()`.
        columns: paths to the event's fields, as in `ndjson()`.

    Raises:
        ConfigError: it is no source; or `columns` names a field that an event does not have.
        OSError, SourceError: as `read()`.
    """
    json_reader(columns)  # what is wrong with the columns is told at the call
    return events_from(source, lambda: json_reader(columns))


def json_reader(columns: Mapping[str, str] | None) -> JsonReader:
    """Make the reader for these columns."""
    return JsonReader(None if columns is None else JsonColumns(columns))


def json_share(sample: Sample) -> float:
    """Return 1.0 if the first lines are those of JSON that is not one object a line."""
    first = sample[0].lstrip(_BEFORE).rstrip()
    second = sample[1].lstrip() if len(sample) > 1 else b""
    if first.startswith(b"["):
        return float(_ARRAY.match(first + b"\n" + second) is not None)
    if not first.startswith(b"{"):
        return 0.0
    if _is_json(first):
        # The body of a batch, or an object behind the separator of RFC 7464.
        return float(_RECORD_SEPARATOR in sample[0] or _events_of_a_body(first) is not None)
    # Objects over several lines, several on one, or lines that were cut out of an array.
    return float(
        (not first.endswith(b"}") and second[:1] in {b'"', b"}"})
        or _ADJACENT.search(first) is not None
        or (first.endswith(b",") and _is_json(first[:-1]))
    )


_RECORD_SEPARATOR = b"\x1e"
_BEFORE = b" \t\r\n" + _RECORD_SEPARATOR
"""What may stand before the first object."""


_ARRAY = re.compile(rb"\[\s*+(?:[\[{\]]|$)")
_ADJACENT = re.compile(rb"\}\s*+\{")


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

    def read(
        self,
        pieces: Iterator[bytes],
        path: Path | None,  # noqa: ARG002  # it is read from its start
    ) -> Iterator[BotEvent | EventLine | UnreadableLine]:
        """Yield the events."""
        for found in json_objects(pieces):
            if isinstance(found, UnreadableLine):
                yield found
            elif (inside := _events_of_a_body(found.data)) is not None:
                yield from (self._item(data, found.line) for data in inside)
            else:
                yield self._item(found.data, found.line)

    def _item(self, data: bytes, line: int) -> BotEvent | EventLine | UnreadableLine:
        return EventLine(data=data, line=line) if self.columns is None else self.columns.event(data, line)


def _events_of_a_body(data: bytes) -> Iterator[bytes] | None:
    """The events in the body of a batch; None if an object is none."""
    if b'"events"' not in data:
        return None
    try:
        body: Any = codec.loads(data)
    except ValueError:
        return None
    events = body.get("events") if KEYS.isdisjoint(body) else None
    return map(codec.dumps, events) if isinstance(events, list) else None
