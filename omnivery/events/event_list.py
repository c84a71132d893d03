"""A list of events that can be shown and used as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omnivery import codec
from omnivery.display.table import SHOWN, Table, table_of
from omnivery.display.tabular import Tabular
from omnivery.events.event import (
    EVENT_KINDS,
    FIELDS,
    BotEvent,
    EventLike,
    EventLine,
    UnreadableLine,
)
from omnivery.events.validation import fault_of


class EventList(Tabular, list[EventLike]):
    """Events in any of the forms that a bulk run takes: a list that notebooks and data frames show as a table.

    Each of the API's fields is a column, and each attribute of your own. Lines of NDJSON are parsed for the table.
    `line` is the number of the line in the source, if it is known. `reason` says why a line is not an event.
    """

    __slots__ = ()

    def _table(self) -> Table:
        kinds = {**EVENT_KINDS, "line": int}
        return table_of("Events", map(event_row, self), columns=FIELDS, kinds=kinds)

    def _overview(self) -> Table:
        return table_of("Events", map(event_row, self[:SHOWN]), columns=FIELDS, total=len(self))


def event_row(event: EventLike) -> Mapping[str, Any]:
    """Return the fields and attributes of one event in one mapping, as they are sent."""
    if isinstance(event, BotEvent):
        attributes = event.attributes if isinstance(event.attributes, Mapping) else {}
        return {**attributes, **{name: getattr(event, name) for name in FIELDS}}
    if isinstance(event, Mapping):
        return event
    if isinstance(event, UnreadableLine):
        return {"line": event.line, "reason": event.reason}
    where = {"line": event.line} if isinstance(event, EventLine) else {}
    data = event.data if isinstance(event, EventLine) else event
    read = codec.loads_or_none(data) if isinstance(data, bytes) else None
    return {**where, **read} if isinstance(read, dict) else {**where, "reason": fault_of(event)}
