"""Records of bot events and their verdicts. A batch is one row with the body as it came: 500 rows would cost more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from omnivery.codec import dumps, loads
from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.timeline import Timeline
from omnivery.emulator.records.window import Conditions, RecordPage, Window

VerdictWord: TypeAlias = Literal["bot", "human", "none"]
"""A verdict in a query: `none` for an event that never gets one."""
CODES: dict[bool | None, int] = {False: 0, True: 1, None: 2}
"""How a verdict is stored, in one byte."""
VERDICTS: tuple[bool | None, ...] = (False, True, None)
"""The verdict of each code."""
WORDS: dict[str, int] = {"human": 0, "bot": 1, "none": 2}
"""The code of each word of a query."""
EXACT = ("action", "event_id", "recipient_id", "message_id", "domain")
"""Fields of an event that a query compares as a whole."""
STEP = 4
"""Batches that are read at a time."""
INSERT = """
INSERT INTO batches (first_id, at, size, bots, humans, domain, batch_id, single, verdicts, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
SELECT = "SELECT first_id, at, size, batch_id, single, verdicts, body FROM batches"


@frozen(kw_only=True)
class BotEventQuery:
    """Which events to return: those for which all that is given holds."""

    text: str | None = None
    """Text that occurs in one of its values, whatever its case."""
    ip: str | None = None
    """Its IP address; the beginning of one if it ends with a dot or colon."""
    agent: str | None = None
    """Text that occurs in its user agent, whatever its case."""
    verdict: VerdictWord | None = None
    """Its verdict."""
    action: str | None = None
    event_id: str | None = None
    recipient_id: str | None = None
    message_id: str | None = None
    domain: str | None = None
    """The field of that name in the event, not the sending domain of the path."""
    batch_id: str | None = None
    """The batch or check that it came with."""


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


class BotEventRecords:
    """The events of batches and single checks.

    Args:
        database: where they are kept.
        kept: number of events to keep; the oldest are deleted first.
        changes: is told of new events.
    """

    def __init__(self, database: RecordDatabase, *, kept: int, changes: Changes) -> None:
        self._database, self._kept, self._changes = database, kept, changes
        [(self._size, last)] = database.rows("SELECT total(size), max(first_id + size) FROM batches")
        [(saved,)] = database.rows("SELECT max(value + 0) FROM settings WHERE name = 'next_bot_event'")
        self._next = int(max(last or 1, saved or 1))
        self._timeline = self._counted()

    def add(self, batch: AcceptedBatch) -> int:
        """Store the events of a request, and return the id of the first."""
        bots, humans = batch.verdicts.count(1), batch.verdicts.count(0)
        with self._database.transaction() as connection:
            first = self._next
            row = (batch.domain, batch.batch_id, batch.single, batch.verdicts, batch.body)
            connection.execute(INSERT, (first, batch.at, batch.size, bots, humans, *row))
            self._next += batch.size
            self._size += batch.size
            self._shrink()
            self._timeline.add(batch.at, events=batch.size, bots=bots, humans=humans)
        self._changes.tell("bot_events")
        return first

    def find(self, query: BotEventQuery | None = None, window: Window | None = None) -> RecordPage[BotEventRecord]:
        """Return some events, newest first."""
        window = window or Window()
        return RecordPage.of(self._matching(query or BotEventQuery(), window), window)

    def count(self, query: BotEventQuery | None = None, *, after: int = 0) -> int:
        """Return the number of events that match, of those with an id above `after`."""
        if query is None or query == BotEventQuery():
            return min(max(0, self._next - 1 - after), int(self._size))
        return sum(1 for _ in self._matching(query, Window(after=after)))

    def newest_id(self) -> int:
        """Return the id of the newest event that was ever stored; 0 if there was none."""
        return self._next - 1

    def get(self, number: int) -> BotEventRecord | None:
        """Return an event; None if there is none with that id, or it is no longer kept."""
        found = self.find(window=Window(after=number - 1, before=number + 1, limit=1)).records
        return found[0] if found else None

    def all(self) -> list[dict[str, Any]]:
        """Return all events, oldest first."""
        everything = (record.event for record in self._matching(BotEventQuery(), Window(after=0)))
        events = list(everything)
        return events[max(0, len(events) - self._kept) :]

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
            connection.execute("DELETE FROM batches")
            connection.execute("INSERT OR REPLACE INTO settings VALUES ('next_bot_event', ?)", (str(self._next),))
            self._size = 0
            self._timeline = Timeline()
        self._changes.tell("bot_events")

    def _counted(self) -> Timeline:
        timeline = Timeline()
        rows = self._database.rows("SELECT at, size, bots, humans FROM batches ORDER BY first_id")
        for at, events, bots, humans in rows:
            timeline.add(at, events=events, bots=bots, humans=humans)
        return timeline

    def _shrink(self) -> None:
        """Delete the oldest batches, as long as the others hold as many events as are to be kept."""
        while self._size > self._kept:
            [(first, size)] = self._database.rows("SELECT first_id, size FROM batches ORDER BY first_id LIMIT 1")
            if self._size - size < self._kept:
                break
            self._database.execute("DELETE FROM batches WHERE first_id = ?", first)
            self._size -= size

    def _matching(self, query: BotEventQuery, window: Window) -> Iterator[BotEventRecord]:
        """Yield the events of a window that match, in its direction, without its limit."""
        matches = _matcher(query)
        needles = _needles(query)
        for row in self._rows(query, window):
            first, at, size, batch_id, single, verdicts, body = row
            # A body with a backslash may spell a value in another way.
            if any(needle not in body for needle in needles) and b"\\" not in body:
                continue
            if query.verdict and WORDS[query.verdict] not in verdicts:
                continue
            events = loads(body)["events"]
            for index in range(size) if window.is_forward else reversed(range(size)):
                if _outside(first + index, window) or not matches(events[index], verdicts[index]):
                    continue
                yield BotEventRecord(
                    id=first + index,
                    at=at,
                    batch_id=batch_id,
                    single=bool(single),
                    event=events[index],
                    is_bot=VERDICTS[verdicts[index]],
                )

    def _rows(self, query: BotEventQuery, window: Window) -> Iterator[tuple[Any, ...]]:
        """Yield the batches that have events of a window, in its direction."""
        order = "ASC" if window.is_forward else "DESC"
        last: int | None = None
        while True:
            conditions = Conditions()
            conditions.equal(batch_id=query.batch_id)
            if window.before is not None:
                conditions.add("first_id < ?", window.before)
            if window.after is not None:
                conditions.add("first_id + size > ?", window.after + 1)
            if last is not None:
                conditions.add("first_id > ?" if window.is_forward else "first_id < ?", last)
            statement = f"{SELECT}{conditions.where} ORDER BY first_id {order} LIMIT {STEP}"
            rows = self._database.rows(statement, *conditions.values)
            yield from rows
            if len(rows) < STEP:
                return
            last = rows[-1][0]


def _outside(number: int, window: Window) -> bool:
    return (window.before is not None and number >= window.before) or (
        window.after is not None and number <= window.after
    )


def _needles(query: BotEventQuery) -> list[bytes]:
    """What the body of a batch must contain, if one of its events is to match."""
    values = [getattr(query, name) for name in EXACT]
    return [dumps(value) for value in values if value is not None]


def _matcher(query: BotEventQuery) -> Callable[[dict[str, Any], int], bool]:
    """Return a function that tells of an event and its verdict's code whether it matches."""
    exact = [(name, value) for name in EXACT if (value := getattr(query, name)) is not None]
    code = WORDS[query.verdict] if query.verdict else None
    ip, agent, text = query.ip, (query.agent or "").lower(), (query.text or "").lower()

    def matches(event: dict[str, Any], verdict: int) -> bool:
        if code is not None and verdict != code:
            return False
        if any(event.get(name) != value for name, value in exact):
            return False
        if ip and not _has_address(str(event.get("ip") or ""), ip):
            return False
        if agent and agent not in str(event.get("uas") or "").lower():
            return False
        return not text or any(text in str(value).lower() for value in event.values())

    return matches


def _has_address(address: str, wanted: str) -> bool:
    return address.startswith(wanted) if wanted.endswith((".", ":")) else address == wanted
