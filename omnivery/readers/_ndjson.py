"""NDJSON: one event a line, handed on as the bytes that were read."""

from __future__ import annotations

from collections.abc import Iterator

from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers._file_events import events_from
from omnivery.readers._format import EachLine
from omnivery.readers._opening import FileSource


def ndjson(source: FileSource) -> Iterator[EventLine | UnreadableLine]:
    """Read events from NDJSON: one JSON object a line, in the API's own names, `event_id` among them.

    Lines are not parsed here: the bulk run looks at each once and splices its bytes into a batch. Blank lines are
    skipped, and count in the line numbers. A line longer than 1,000,000 bytes comes out as an `UnreadableLine`.

    Args:
        source: a path, `"-"` for standard input, or a file open in binary mode, which stays open. Gzip is known by
            its first bytes.

    Raises:
        ConfigError: the source is neither a path nor a file in binary mode.
        OSError: it cannot be opened; or, while iterating, it cannot be read. `gzip.BadGzipFile` where compressed
            data is damaged or cut off; every whole line before that place has come out by then.

    Source: https://github.com/ndjson/ndjson-spec
    """
    return events_from(source, NdjsonReader)


class NdjsonReader(EachLine[EventLine]):
    """Hands on each line as it is."""

    def item(self, line: bytes, number: int) -> EventLine:
        """Return the line with its number."""
        return EventLine(data=line, line=number)
