"""Logs whose requests stand in JSON that is not one object a line: arrays, exports, pages of a cloud's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from attrs import define

from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.readers._carrier import ways_of
from omnivery.readers._format import Sample, WholeReader
from omnivery.readers._identity import split_at
from omnivery.readers._json_documents import json_objects
from omnivery.readers._json_envelope import IsRecord
from omnivery.readers._loki import is_loki, loki_lines
from omnivery.readers._request import RequestReader

_SAMPLE = 200
"""Objects by which it is found out what carries a log's lines."""
_SAMPLE_BYTES = 64 * 1024


@define(eq=False, kw_only=True)
class LogDocumentsReader(WholeReader[BotEvent]):
    """Reads each object as a line of the log, or as what carries one."""

    make: Callable[[Sample], RequestReader]
    """Makes the reader of a log that begins with these lines."""
    is_record: IsRecord

    def read(self, pieces: Iterator[bytes], path: Path | None) -> Iterator[BotEvent | UnreadableLine]:  # noqa: ARG002
        """Yield the clicks of the objects."""
        leave = self.leave if self.growing else None
        head, pieces = split_at(pieces, _SAMPLE_BYTES)
        chained = chain((head,), pieces)
        found = (
            loki_lines(chained, leave=leave) if is_loki(head) else json_objects(chained, self.is_record, leave=leave)
        )
        first = list(islice(found, _SAMPLE))
        reader = self.make([one.data for one in first if isinstance(one, EventLine)])
        reader.skipped = self.skipped
        for position, one in enumerate(chain(first, found), 1):
            if isinstance(one, EventLine) and not one.data.strip():
                self.skipped["blank"] += 1
                continue
            item = one if isinstance(one, UnreadableLine) else reader.item(one.data, one.line, position)
            if item is None:
                self.skipped["header"] += 1
                continue
            reader.look_at((item,))
            yield item


def record_test(reader: RequestReader) -> IsRecord:
    """Return what says whether an object is a line of a log, or carries one."""

    def is_record(data: bytes) -> bool:
        return reader.reads(data) or any(reader.reads(line) for _, inside in ways_of((data,)) for line in inside)

    return is_record


def objects_of(sample: Sample, is_record: IsRecord) -> Sequence[bytes]:
    """The first objects in JSON of which these are the first lines."""
    text = b"\n".join(sample)[:_SAMPLE_BYTES]
    if is_loki(text):
        return [one.data for one in islice(loki_lines((text,)), _SAMPLE) if isinstance(one, EventLine)]
    found = (one.data for one in json_objects((text,), is_record) if isinstance(one, EventLine))
    return list(islice(found, _SAMPLE))
