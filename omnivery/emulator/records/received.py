"""Records of what the emulator's own receiver received: verdicts, and delivery events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from attrs import field, frozen

from omnivery.codec import loads
from omnivery.emulator.records.blocks import Blocks
from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.window import Conditions, RecordPage, Window, select_window
from omnivery.events.verdict import Verdict
from omnivery.webhooks.delivery import DeliveryEvent
from omnivery.webhooks.payload import parse_unverified
from omnivery.webhooks.verdicts import BotVerdicts


@frozen(kw_only=True)
class VerdictQuery:
    """Which verdicts to return: those for which all that is given holds."""

    is_bot: bool | None = None
    event_id: str | None = None


@frozen(kw_only=True)
class VerdictRecord:
    """One verdict that was received."""

    id: int
    """The record's id, which grows."""
    at: float
    """When it was received, in unix seconds."""
    verdict: Verdict


@frozen(kw_only=True)
class DeliveryEventRecord:
    """One delivery event that was received."""

    id: int
    """The record's id, which grows."""
    at: float
    """When it was received, in unix seconds."""
    event: DeliveryEvent = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    """Its payload, as it was received."""


class VerdictRecords:
    """The verdicts, stored as the bodies of the calls that brought them.

    Args:
        database: where they are kept.
        kept: number of verdicts to keep; the oldest are deleted first.
        changes: is told of new verdicts.
    """

    def __init__(self, database: RecordDatabase, *, kept: int, changes: Changes) -> None:
        self._database, self._changes = database, changes
        self._blocks = Blocks(database=database, table="received", kept=kept, setting="next_verdict")

    def add(self, verdicts: BotVerdicts, body: bytes) -> None:
        """Store the verdicts of a call."""
        if not len(verdicts):
            return
        results = [verdict.is_bot for verdict in verdicts]
        counts = (len(results), results.count(True), results.count(False))
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO received (first_id, at, size, bots, humans, body) VALUES (?, ?, ?, ?, ?, ?)",
                (self._blocks.next_id, time.time(), *counts, body),
            )
            self._blocks.grow(len(results))
        self._changes.tell("verdicts")

    def find(self, query: VerdictQuery | None = None, window: Window | None = None) -> RecordPage[VerdictRecord]:
        """Return some verdicts, newest first."""
        window = window or Window()
        return RecordPage.of(self._matching(query or VerdictQuery(), window), window)

    def count(self, query: VerdictQuery | None = None, *, after: int = 0) -> int:
        """Return the number of verdicts that match, of those with an id above `after`."""
        if query is None or query == VerdictQuery():
            return self._blocks.count(after=after)
        return sum(1 for _ in self._matching(query, Window(after=after)))

    def newest_id(self) -> int:
        """Return the id of the newest verdict that was ever stored; 0 if there was none."""
        return self._blocks.next_id - 1

    def all(self) -> list[Verdict]:
        """Return all verdicts, oldest first."""
        verdicts = [record.verdict for record in self._matching(VerdictQuery(), Window(after=0))]
        return verdicts[max(0, len(verdicts) - self._blocks.kept) :]

    def clear(self) -> None:
        """Delete all verdicts. Their ids are not used again."""
        with self._database.transaction() as connection:
            self._blocks.clear(connection)
        self._changes.tell("verdicts")

    def _matching(self, query: VerdictQuery, window: Window) -> Iterator[VerdictRecord]:
        """Yield the verdicts of a window that match, in its direction, without its limit."""
        for first, at, body in self._blocks.rows("first_id, at, body", window):
            call = parse_unverified(body)
            verdicts = list(enumerate(call if isinstance(call, BotVerdicts) else (), first))
            for number, verdict in verdicts if window.is_forward else reversed(verdicts):
                if number not in window:
                    continue
                if query.is_bot is not None and verdict.is_bot is not query.is_bot:
                    continue
                if query.event_id is None or verdict.event_id == query.event_id:
                    yield VerdictRecord(id=number, at=at, verdict=verdict)


@frozen(kw_only=True)
class DeliveryEventQuery:
    """Which events to return: those for which all that is given holds."""

    event: str | None = None
    """The event's name in the payload, such as `opened`."""
    recipient: str | None = None
    """The recipient, whatever its case."""


class DeliveryEventRecords:
    """The delivery events, stored as the bodies of the calls that brought them.

    Args:
        database: where they are kept.
        kept: number of events to keep; the oldest are deleted first.
        changes: is told of new events.
    """

    def __init__(self, database: RecordDatabase, *, kept: int, changes: Changes) -> None:
        self._database, self._kept, self._changes = database, kept, changes

    def add(self, event: DeliveryEvent, body: bytes) -> None:
        """Store the event of a call."""
        recipient = None if event.recipient is None else event.recipient.lower()
        values = (time.time(), event.event, recipient, body)
        with self._database.transaction() as connection:
            statement = "INSERT INTO received_events (at, event, recipient, body) VALUES (?, ?, ?, ?)"
            number = connection.execute(statement, values).lastrowid or 0
            connection.execute("DELETE FROM received_events WHERE id <= ?", (number - self._kept,))
        self._changes.tell("delivery_events")

    def find(
        self, query: DeliveryEventQuery | None = None, window: Window | None = None
    ) -> RecordPage[DeliveryEventRecord]:
        """Return some events, newest first."""
        select = "SELECT id, at, body FROM received_events"
        rows, more = select_window(self._database, select, _event_conditions(query), window or Window())
        return RecordPage(records=tuple(_event(*row) for row in rows), more=more)

    def count(self, query: DeliveryEventQuery | None = None, *, after: int = 0) -> int:
        """Return the number of events that match, of those with an id above `after`."""
        conditions = _event_conditions(query)
        conditions.add("id > ?", after)
        statement = f"SELECT count(*) FROM received_events{conditions.where}"  # noqa: S608  # our own words
        return int(self._database.rows(statement, *conditions.values)[0][0])

    def newest_id(self) -> int:
        """Return the id of the newest event that was ever stored; 0 if there was none."""
        rows = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'received_events'")
        return int(rows[0][0]) if rows else 0

    def all(self) -> list[DeliveryEvent]:
        """Return all events, oldest first."""
        rows = self._database.rows("SELECT id, at, body FROM received_events ORDER BY id")
        return [_event(*row).event for row in rows]

    def clear(self) -> None:
        """Delete all events. Their ids are not used again."""
        self._database.execute("DELETE FROM received_events")
        self._changes.tell("delivery_events")


def _event_conditions(query: DeliveryEventQuery | None) -> Conditions:
    conditions = Conditions()
    if query is not None:
        recipient = None if query.recipient is None else query.recipient.lower()
        conditions.equal(event=query.event, recipient=recipient)
    return conditions


def _event(number: int, at: float, body: bytes) -> DeliveryEventRecord:
    event = parse_unverified(body)
    if isinstance(event, BotVerdicts):
        raise TypeError("verdicts are stored elsewhere")
    return DeliveryEventRecord(id=number, at=at, event=event, data=loads(body)["event-data"])
