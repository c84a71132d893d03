"""The rows of `bots results`: the same columns in every format."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define

from omnivery.events.event import EVENT_KINDS, FIELDS

if TYPE_CHECKING:
    from omnivery.automations.results import EventResult

KINDS: dict[str, type] = {
    "event_id": str,
    "is_bot": bool,
    **{name: EVENT_KINDS[name] for name in FIELDS if name != "event_id"},
    "attributes": dict,
    "accepted_at": float,
    "received_at": float,
    "first_received_at": float,
    "signed_at": int,
    "repeats": int,
}
"""The columns, and what each of them holds where it is not None."""
TYPED: dict[str, type] = {
    **KINDS,
    **dict.fromkeys(("ts", "message_ts", "accepted_at", "received_at", "first_received_at", "signed_at"), datetime),
}
"""The same columns where a time has a type of its own."""
_INT64 = range(-(2**63), 2**63)


def row_of(result: EventResult) -> dict[str, Any]:
    """One result as a value for each column.

    Whatever the event holds beyond the API's own fields is in `attributes`, under its own name: so no attribute hides
    a column, and each column has one type. A field of another type than the API's is there, too.
    """
    row: dict[str, Any] = {**dict.fromkeys(KINDS), "event_id": result.event_id, "accepted_at": result.accepted_at}
    verdict = result.verdict
    if verdict is None:
        return row
    attributes = {name: value for name, value in verdict.request.to_fields().items() if name != "event_id"}
    for name, kind in EVENT_KINDS.items():
        if type(value := attributes.get(name)) is kind and (kind is str or value in _INT64):
            row[name] = attributes.pop(name)
    row.update(
        is_bot=verdict.is_bot,
        attributes=attributes,
        received_at=verdict.received_at,
        first_received_at=verdict.first_received_at,
        signed_at=verdict.signed_at,
        repeats=verdict.repeats,
    )
    return row


@define(kw_only=True)
class KindCounts:
    """How many results there were of each kind."""

    verdicts: int = 0
    bots: int = 0
    humans: int = 0
    unknown: int = 0
    """Verdicts that say neither."""
    repeats: int = 0
    unmatched: int = 0
    """Verdicts of events that no journal has accepted."""
    missing: int = 0
    """Accepted events without a verdict."""

    def enter(self, result: EventResult) -> None:
        """Count one."""
        verdict = result.verdict
        if verdict is None:
            self.missing += 1
            return
        self.verdicts += 1
        self.bots += verdict.is_bot is True
        self.humans += verdict.is_bot is False
        self.unknown += verdict.is_bot is None
        self.repeats += verdict.repeats
        self.unmatched += result.accepted_at is None
