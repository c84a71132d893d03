"""What a verdict store holds: the verdict of each event, counts, and both as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from omnivery.codec import parse_datetime
from omnivery.display.record import Record
from omnivery.display.table import Table, table_of
from omnivery.events.event import EVENT_KINDS, FIELDS, BotEvent
from omnivery.events.event_list import event_row


@frozen(kw_only=True)
class StoredVerdict(Record):
    """The verdict for one event: of several for its id, the one that was signed last."""

    event_id: str
    """The event's own id."""
    is_bot: bool | None
    """True for a bot, False for a human, None if the call did not say: never take None for False."""
    request: BotEvent
    """The event as it was submitted, your own attributes included."""
    signed_at: int
    """When the service signed the call with this verdict, in unix seconds."""
    received_at: float
    """When that call arrived, in unix seconds."""
    first_received_at: float
    """When the first verdict for this id arrived, in unix seconds."""
    repeats: int
    """How many further verdicts for this id have arrived."""

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Your own attributes of the event; empty if it has none."""
        return self.request.attributes or {}


@frozen(kw_only=True)
class StoreStatistics(Record):
    """Counts of what a verdict store holds."""

    verdicts: int
    """Events with a verdict: bots, humans and unknown."""
    bots: int
    """Of these, bots."""
    humans: int
    """Of these, humans."""
    unknown: int
    """Of these, verdicts that say neither."""
    repeats: int
    """Verdicts that arrived for an event that had one."""
    payloads: int
    """Calls whose raw payload is kept."""
    without_id: int
    """Verdicts without an event id, as of single checks, and unreadable entries: they are in their raw payload only."""


def table_of_stored(verdicts: Sequence[StoredVerdict], *, total: int | None) -> Table:
    """The table of verdicts: the event's fields and attributes, then what the store knows of the verdict."""
    events = [event_row(verdict.request) for verdict in verdicts]
    names = [*dict.fromkeys(["event_id", *FIELDS, *(name for event in events for name in event)])]
    own: dict[str, type] = {"is_bot": bool, "signed_at": datetime, "received_at": datetime, "repeats": int}
    labels = {name: _free(name, names) for name in own}
    rows = [
        {
            **event,
            "event_id": verdict.event_id,
            labels["is_bot"]: verdict.is_bot,
            labels["signed_at"]: parse_datetime(verdict.signed_at),
            labels["received_at"]: parse_datetime(verdict.received_at),
            labels["repeats"]: verdict.repeats,
        }
        for event, verdict in zip(events, verdicts, strict=True)
    ]
    return table_of(
        "Stored verdicts",
        rows,
        columns=("event_id", labels["is_bot"], *FIELDS, *names, *labels.values()),
        kinds={**EVENT_KINDS, **{labels[name]: kind for name, kind in own.items()}},
        total=total,
    )


def _free(name: str, taken: Sequence[str]) -> str:
    """A column's name; an attribute of the user's own may have it already."""
    while name in taken:
        name += "'"
    return name
