"""Events in JSON that an application has printed, a line each: syslog, the journal or a container carries them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.events.json_path import value_at
from omnivery.readers._carrier import Carrier, ways_of
from omnivery.readers._columns import KEYS, in_any_case
from omnivery.readers._format import ReadOptions, Sample
from omnivery.readers._joined_reader import JoinedReader
from omnivery.readers._json_columns import JsonColumns, in_own_names
from omnivery.readers._json_documents import NOT_AN_OBJECT
from omnivery.readers._json_envelope import IsRecord, parsed_object
from omnivery.readers._parts import joiner_for


@define(eq=False, kw_only=True)
class CarriedEventsReader(JoinedReader[Any]):
    """Reads the object that each line carries."""

    carrier: Carrier | None
    columns: JsonColumns | None

    def item(self, line: bytes, number: int) -> BotEvent | EventLine | UnreadableLine:
        """Return the event of a line."""
        inside = ((self.carrier.unwrap(line) or line) if self.carrier else line).strip()
        if not inside.startswith(b"{"):
            return UnreadableLine(line=number, reason=NOT_AN_OBJECT)
        if self.columns is not None:
            return self.columns.event(inside, number)
        return in_own_names(EventLine(data=inside, line=number))


def carried_share(sample: Sample, options: ReadOptions) -> float:
    """Return the share of lines that carry an event, unless as many are events themselves."""
    is_event = _test(options.columns)
    share, _ = _best(sample, is_event)
    return share if share and share * len(sample) > sum(map(is_event, sample)) else 0.0


def carried_reader(sample: Sample, options: ReadOptions) -> CarriedEventsReader:
    """Make the reader of a source that begins with these lines."""
    is_event = _test(options.columns)
    _, carrier = _best(sample, is_event)
    return CarriedEventsReader(
        carrier=carrier,
        columns=None if options.columns is None else JsonColumns(options.columns),
        parts=joiner_for(carrier.name, sample, is_event) if carrier else None,
    )


def _best(sample: Sample, is_event: IsRecord) -> tuple[float, Carrier | None]:
    """The way in which most lines carry an event, and how many do."""
    found = [(sum(map(is_event, inside)) / len(inside), carrier) for carrier, inside in ways_of(sample)]
    return max(found, key=lambda one: one[0], default=(0.0, None))


def _test(columns: Mapping[str, str] | None) -> IsRecord:
    paths = [path for path, field in (columns or {}).items() if field in KEYS]

    def is_event(data: bytes) -> bool:
        found = parsed_object(data) or {}
        # One name alone is that of many a member in an application's log.
        is_named = len(KEYS.intersection(in_any_case([*found]))) > 1
        return is_named or any(value_at(found, path) is not None for path in paths)

    return is_event
