"""Records of bot events and their verdicts. A batch is one row with the body as it came: 500 rows would cost more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import inf
from typing import Any

from attrs import define, evolve, field, frozen

from omnivery.codec import dumps, loads
from omnivery.emulator.records.blocks import Blocks
from omnivery.emulator.records.bot_event_query import BotEventMatch, BotEventQuery
from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.timeline import Timeline
from omnivery.emulator.records.window import RecordPage, Window

CODES: dict[bool | None, int] = {False: 0, True: 1, None: 2}
"""How a verdict is stored, in one byte."""
VERDICTS: tuple[bool | None, ...] = (False, True, None)
"""The verdict of each code."""
INSERT = """
INSERT INTO batches (first_id, at, size, bots, humans, domain, batch_id, single, verdicts, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
COLUMNS = "first_id, at, size, batch_id, single, verdicts, body"


@frozen(kw_only=True)
class BotEventRecord:
    """One event and its verdict."""

    id: int
    """The record's id, which grows."""
    at: float
    """When it was accepted, in unix seconds."""
    batch_id: str
    """The id of its batch or check; the webhook with its verdict names it, too."""
    single: bool
    """Whether it came as a single check."""
    event: dict[str, Any] = field(repr=False)
    """The event, as it was submitted."""
    is_bot: bool | None
    """The verdict; None for an event that never gets one."""


@frozen(kw_only=True)
class AcceptedBatch:
    """The events of one request, as the server has them at hand."""

    at: float
    domain: str
    batch_id: str
    size: int
    verdicts: bytes
    """A code for each event."""
    body: bytes = field(repr=False)
    """A JSON object with the list `events`, as it came."""
    single: bool = False


def accepted_check(event: dict[str, Any], is_bot: bool | None, *, domain: str, check_id: str) -> AcceptedBatch:  # noqa: FBT001  # a verdict, not an option
    """Return a single check as a batch of one event."""
    return AcceptedBatch(
        at=time.time(),
        domain=domain,
        batch_id=check_id,
        size=1,
        verdicts=bytes([CODES[is_bot]]),
        body=dumps({"events": [event]}),
        single=True,
    )


@define
class _TimeLimit:
    seconds: float
    read_to: int | None = None
    """The last event that was read, if the time was up then."""
    _begun: float = field(init=False, factory=time.monotonic)

    def is_reached(self, number: int) -> bool:
        if time.monotonic() - self._begun < self.seconds:
            return False
        self.read_to = number
        return True


class BotEventRecords:
    """The events of batches and single checks.

    Args:
        database: where they are kept.
        kept: number of events to keep; the oldest are deleted first.
        changes: is told of new events.
    """

    def __init__(self, database: RecordDatabase, *, kept: int, changes: Changes) -> None:
        self._database, self._changes = database, changes
        self._blocks = Blocks(database=database, table="batches", kept=kept, setting="next_bot_event")
        self._timeline = self._counted()

    def add(self, batch: AcceptedBatch) -> int:
        """Store the events of a request, and return the id of the first."""
        bots, humans = batch.verdicts.count(1), batch.verdicts.count(0)
        with self._database.transaction() as connection:
            first = self._blocks.next_id
            row = (batch.domain, batch.batch_id, batch.single, batch.verdicts, batch.body)
            connection.execute(INSERT, (first, batch.at, batch.size, bots, humans, *row))
            self._blocks.grow(batch.size)
            self._timeline.add(batch.at, events=batch.size, bots=bots, humans=humans)
        self._changes.tell("bot_events")
        return first

    def find(
        self, query: BotEventQuery | None = None, window: Window | None = None, *, seconds: float = inf
    ) -> RecordPage[BotEventRecord]:
        """Return some events, newest first.

        Args:
            query: what must hold for them.
            window: which of them.
            seconds: how long to read batches; the page says how far that was.
        """
        window, limit = window or Window(), _TimeLimit(seconds)
        page = RecordPage.of(self._matching(query or BotEventQuery(), window, limit), window)
        return page if limit.read_to is None else evolve(page, more=True, read_to=limit.read_to)

    def count(self, query: BotEventQuery | None = None, *, after: int = 0) -> int:
        """Return the number of events that match, of those with an id above `after`."""
        if query is None or query == BotEventQuery():
            return self._blocks.count(after=after)
        return sum(1 for _ in self._matching(query, Window(after=after)))

    def newest_id(self) -> int:
        """Return the id of the newest event that was ever stored; 0 if there was none."""
        return self._blocks.next_id - 1

    def get(self, number: int) -> BotEventRecord | None:
        """Return an event; None if there is none with that id, or it is no longer kept."""
        found = self.find(window=Window(after=number - 1, before=number + 1, limit=1)).records
        return found[0] if found else None

    def all(self) -> list[dict[str, Any]]:
        """Return all events, oldest first."""
        everything = (record.event for record in self._matching(BotEventQuery(), Window(after=0)))
        events = list(everything)
        return events[max(0, len(events) - self._blocks.kept) :]

    def batch_sizes(self) -> list[int]:
        """Return the number of events of each batch, oldest first, without single checks."""
        rows = self._database.rows("SELECT size FROM batches WHERE NOT single ORDER BY first_id")
        return [size for [size] in rows]

    def numbers(self, since: float) -> list[tuple[int, int, int, int]]:
        """Return the numbers of events by time, also of those no longer kept: unix second, events, bots, humans."""
        with self._database.lock:
            return self._timeline.since(since)

    def clear(self) -> None:
        """Delete all events. Their ids are not used again."""
        with self._database.transaction() as connection:
            self._blocks.clear(connection)
            self._timeline = Timeline()
        self._changes.tell("bot_events")

    def _counted(self) -> Timeline:
        timeline = Timeline()
        rows = self._database.rows("SELECT at, size, bots, humans FROM batches ORDER BY first_id")
        for at, events, bots, humans in rows:
            timeline.add(at, events=events, bots=bots, humans=humans)
        return timeline

    def _matching(
        self, query: BotEventQuery, window: Window, limit: _TimeLimit | None = None
    ) -> Iterator[BotEventRecord]:
        """Yield the events of a window that match, in its direction, without its limit."""
        match = BotEventMatch(query)
        for row in self._blocks.rows(COLUMNS, window, batch_id=query.batch_id):
            first, at, size, batch_id, single, verdicts, body = row
            if match.is_possible(body, verdicts):
                events = loads(body)["events"]
                for index in range(size) if window.is_forward else reversed(range(size)):
                    if first + index not in window or not match(events[index], verdicts[index]):
                        continue
                    yield BotEventRecord(
                        id=first + index,
                        at=at,
                        batch_id=batch_id,
                        single=bool(single),
                        event=events[index],
                        is_bot=VERDICTS[verdicts[index]],
                    )
            if limit and limit.is_reached(first + size - 1 if window.is_forward else first):
                return
