"""The emulator's records, all kinds of them, and counts: for tests, the control API and the page."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, NamedTuple

from attrs import asdict, define, field, frozen

from omnivery.codec import dumps, loads
from omnivery.emulator.message import StoredMessage
from omnivery.emulator.records.bot_events import AcceptedBatch, BotEventRecords
from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.deliveries import DeliveryAttempt, DeliveryRecords, DeliveryState, NewDelivery
from omnivery.emulator.records.messages import MessageRecords
from omnivery.emulator.records.received import DeliveryEventRecords, VerdictRecords
from omnivery.emulator.records.requests import NewRequest, RequestRecords

COUNTED = """
SELECT
    (SELECT count(*) FROM requests),
    (SELECT count(*) FROM batches WHERE NOT single),
    (SELECT count(*) FROM batches WHERE single),
    (SELECT coalesce(sum(size), 0) FROM batches),
    (SELECT count(*) FROM messages),
    (SELECT count(*) FROM attempts),
    (SELECT count(*) FROM deliveries WHERE state = 'delivered'),
    (SELECT count(*) FROM deliveries WHERE state = 'rejected'),
    (SELECT count(*) FROM deliveries WHERE state = 'given up')
"""
"""The counts that the kept records give, in the order of `Statistics`."""


class SeenRequest(NamedTuple):
    """One API request that matched a route."""

    method: str
    """HTTP method."""
    route: str
    """The route's name, as `fail_next` takes it."""
    status: int | None
    """Status of the response; None if the connection was closed instead."""


@frozen(kw_only=True)
class WebhookAttempt:
    """One attempt to deliver a webhook."""

    url: str = field(repr=False)
    """The URL, which may contain a secret."""
    batch_id: str
    """The batch, check or message that it is about; the webhook's body names it, too."""
    kind: str
    """`bot` for verdicts, or the name of the delivery event."""
    events: int
    """Number of verdicts or events in it."""
    attempt: int
    """1 for the first attempt; 0 if the emulator stopped before the next attempt."""
    status: int | None = None
    """Status of the receiver's response; None if there was no response."""
    error: str | None = None
    """Why there was no response."""


@define(kw_only=True)
class Statistics:
    """Counts since the start or the last reset. They include records that are no longer kept."""

    requests: int = 0
    """API requests that matched a route."""
    bot_batches: int = 0
    """Batches accepted."""
    bot_checks: int = 0
    """Single checks accepted."""
    bot_events: int = 0
    """Events in both."""
    messages: int = 0
    """Messages accepted."""
    webhook_attempts: int = 0
    """Attempts to deliver a webhook."""
    webhooks_delivered: int = 0
    """Webhooks that the receiver accepted."""
    webhooks_rejected: int = 0
    """Webhooks that the receiver refused for good, with 406."""
    webhooks_given_up: int = 0
    """Webhooks that failed at every attempt, or were in progress when the emulator stopped."""


@frozen(kw_only=True)
class Check:
    """A single check whose result comes later."""

    domain: str
    """The sending domain."""
    ready_at: float
    """When the result becomes available, by `time.monotonic`; infinity for never."""
    result: dict[str, Any] = field(repr=False)
    """The result."""


class Store:
    """The emulator's records. The server's thread writes them; any thread may read them.

    Args:
        kept: number of records of each kind to keep; the oldest are deleted first.
        messages_kept: number of messages to keep.
        db: the file to keep them in; None for memory.

    Raises:
        ConfigError: the file cannot be used, or another emulator uses it.
    """

    def __init__(self, *, kept: int, messages_kept: int, db: str | os.PathLike[str] | None = None) -> None:
        self._kept = kept
        self._lock = threading.RLock()
        self.changes: Changes = Changes()
        """Tells of new records."""
        self.database: RecordDatabase = RecordDatabase(db)
        """Where they are kept."""
        database, changes = self.database, self.changes
        self.requests: RequestRecords = RequestRecords(database, kept=kept, changes=changes)
        self.messages: MessageRecords = MessageRecords(database, kept=messages_kept, changes=changes)
        self.bot_events: BotEventRecords = BotEventRecords(database, kept=kept, changes=changes)
        self.verdicts: VerdictRecords = VerdictRecords(database, kept=kept, changes=changes)
        self.delivery_events: DeliveryEventRecords = DeliveryEventRecords(database, kept=kept, changes=changes)
        self.deliveries: DeliveryRecords = DeliveryRecords(database, kept=kept, changes=changes)
        self._checks: dict[str, Check] = {}
        self._counts = self._saved_counts()

    def release(self) -> None:
        """Save the counts, and let another emulator have the file."""
        if self.database.path is not None:
            content = dumps(asdict(self.statistics)).decode()
            self.database.execute("INSERT OR REPLACE INTO settings VALUES ('statistics', ?)", content)
            self.database.release()

    def reset(self) -> None:
        """Delete all records. Ids go on: none is used twice."""
        with self._lock, self.database.transaction():
            for records in (
                self.requests,
                self.messages,
                self.bot_events,
                self.verdicts,
                self.delivery_events,
                self.deliveries,
            ):
                records.clear()
            self.database.execute("DELETE FROM settings WHERE name = 'statistics'")
            self._checks = {}
            self._counts = Statistics()

    def add_request(self, seen: SeenRequest, *, path: str = "", duration: float = 0.0) -> None:
        """Record an API request and its status, once the response is ready."""
        at = time.time() - duration
        method, route, status = seen
        self.requests.add(NewRequest(at=at, method=method, path=path, route=route, status=status, duration=duration))
        with self._lock:
            self._counts.requests += 1

    def add_batch(self, batch: AcceptedBatch) -> None:
        """Record the events of an accepted batch."""
        self.bot_events.add(batch)
        with self._lock:
            self._counts.bot_batches += 1
            self._counts.bot_events += batch.size

    def add_single(self, check: AcceptedBatch) -> None:
        """Record the event of an accepted single check."""
        self.bot_events.add(check)
        with self._lock:
            self._counts.bot_checks += 1
            self._counts.bot_events += 1

    def add_check(self, request_id: str, check: Check) -> None:
        """Record the later result of a single check, under its request id."""
        with self._lock:
            if len(self._checks) >= self._kept:
                del self._checks[next(iter(self._checks))]
            self._checks[request_id] = check

    def find_check(self, request_id: str) -> Check | None:
        """Return the check with that request id; None if it is unknown or no longer kept."""
        with self._lock:
            return self._checks.get(request_id)

    def add_message(self, message: StoredMessage) -> int:
        """Record an accepted message, and return its record's id."""
        number = self.messages.add(message)
        with self._lock:
            self._counts.messages += 1
        return number

    def forget_messages(self) -> None:
        """Delete the messages, and nothing else; the counts remain."""
        self.messages.clear()

    def add_delivery(self, delivery: NewDelivery) -> int:
        """Record a webhook that is to be delivered, and return its record's id."""
        return self.deliveries.add(delivery)

    def add_attempt(
        self, number: int, attempt: DeliveryAttempt, *, state: DeliveryState, due_at: float | None = None
    ) -> None:
        """Record an attempt to deliver a webhook, and what came of it.

        Raises:
            OmniveryError: it was not recorded, because the disk is full for instance. It is counted all the same.
        """
        with self._lock:
            self._counts.webhook_attempts += 1
            self._counts.webhooks_delivered += state == "delivered"
            self._counts.webhooks_rejected += state == "rejected"
            self._counts.webhooks_given_up += state == "given up"
        self.deliveries.add_attempt(number, attempt, state=state, due_at=due_at)

    @property
    def attempts(self) -> list[WebhookAttempt]:
        """Attempts to deliver webhooks, oldest first."""
        names = ("url", "batch_id", "kind", "events", "attempt", "status", "error")
        return [WebhookAttempt(**dict(zip(names, row, strict=True))) for row in self.deliveries.all_attempts()]

    @property
    def statistics(self) -> Statistics:
        """A copy of the counts."""
        with self._lock:
            return Statistics(**asdict(self._counts))

    def _saved_counts(self) -> Statistics:
        """The counts of an earlier run. One that was killed saved none, but its records can be counted."""
        rows = self.database.rows("SELECT value FROM settings WHERE name = 'statistics'")
        saved = asdict(Statistics(**loads(rows[0][0])) if rows else Statistics())
        [counted] = self.database.rows(COUNTED)
        return Statistics(**{name: max(saved[name], count) for name, count in zip(saved, counted, strict=True)})
