"""What an emulator has recorded, as Python values: the lists and counts that tests look at."""

from __future__ import annotations

from typing import Any

from omnivery.emulator.control.lists import query_of
from omnivery.emulator.message import StoredMessage
from omnivery.emulator.records.changes import RecordKind
from omnivery.emulator.records.wait import RecordWait
from omnivery.emulator.state import Parts
from omnivery.emulator.store import SeenRequest, Statistics, WebhookAttempt
from omnivery.events.verdict import Verdict
from omnivery.webhooks.delivery import DeliveryEvent


class Recorded:
    """What the emulator and its own receiver have recorded. The emulator brings its parts."""

    _parts: Parts

    @property
    def bot_events(self) -> list[dict[str, Any]]:
        """Events of the accepted batches and single checks, oldest first."""
        return self._parts.store.bot_events.all()

    @property
    def bot_batches(self) -> list[int]:
        """Number of events in each accepted batch, oldest first."""
        return self._parts.store.bot_events.batch_sizes()

    @property
    def messages(self) -> list[StoredMessage]:
        """Messages accepted on both surfaces, oldest first."""
        return self._parts.store.messages.all()

    @property
    def requests(self) -> list[SeenRequest]:
        """API requests as `(method, route, status)`, oldest first; the status is None for a closed connection."""
        return [SeenRequest(*row) for row in self._parts.store.requests.all()]

    @property
    def webhook_attempts(self) -> list[WebhookAttempt]:
        """Attempts to deliver webhooks, oldest first."""
        return self._parts.store.attempts

    @property
    def verdicts(self) -> list[Verdict]:
        """Verdicts that were delivered to `webhook_url`, oldest first."""
        return self._parts.store.verdicts.all()

    @property
    def received_counts(self) -> dict[str, int]:
        """Counts of the verdicts delivered to `webhook_url`: `verdicts`, `bots`, `humans`, `unknown`."""
        return self._parts.received.counts

    @property
    def delivery_events(self) -> list[DeliveryEvent]:
        """Delivery events that were delivered to `webhook_url`, oldest first."""
        return self._parts.store.delivery_events.all()

    @property
    def statistics(self) -> Statistics:
        """Counts since the emulator was created, or last reset."""
        return self._parts.store.statistics

    def wait_for(
        self, kind: RecordKind, count: int = 1, *, timeout: float = 5.0, after: int = 0, **filters: Any
    ) -> bool:
        """Block until enough records match. Return True then, and False if the time is up first.

            emulator.wait_for("messages", 2, recipient="ann@example.com")

        Args:
            kind: `messages`, `bot_events`, `verdicts`, `delivery_events`, `deliveries` or `requests`.
            count: how many must match. Those that are there already count.
            timeout: maximum number of seconds to wait.
            after: only records with higher ids count.
            filters: what the list of that kind takes as filters in the control API.

        Raises:
            ConfigError: there is no such kind or filter.
        """
        query, records = query_of(kind, filters), getattr(self._parts.store, kind)
        return RecordWait(
            changes=self._parts.store.changes,
            kind=kind,
            count=lambda: records.count(query, after=after),
            wanted=count,
            timeout=timeout,
        ).block()
