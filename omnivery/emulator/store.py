"""Records of what the emulator received and did, for tests, the control API and results of single checks."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, NamedTuple

from attrs import asdict, define, field, frozen

from omnivery.emulator.message import StoredMessage


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
    """The emulator's records, in memory. The server's thread writes them; any thread may read them.

    Args:
        kept: number of records of each kind to keep; the oldest are deleted first.
        messages_kept: number of messages to keep.
    """

    def __init__(self, *, kept: int, messages_kept: int) -> None:
        self._kept, self._messages_kept = kept, messages_kept
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Delete all records."""
        with self._lock:
            self._events: deque[dict[str, Any]] = deque(maxlen=self._kept)
            self._batches: deque[int] = deque(maxlen=self._kept)
            self._checks: dict[str, Check] = {}
            self._attempts: deque[WebhookAttempt] = deque(maxlen=self._kept)
            self._requests: deque[SeenRequest] = deque(maxlen=self._kept)
            self.forget_messages()
            self._counts = Statistics()

    def add_request(self, seen: SeenRequest) -> None:
        """Record an API request and its status."""
        with self._lock:
            self._requests.append(seen)
            self._counts.requests += 1

    def add_batch(self, events: list[dict[str, Any]]) -> None:
        """Record the events of an accepted batch."""
        with self._lock:
            self._events.extend(events)
            self._batches.append(len(events))
            self._counts.bot_batches += 1
            self._counts.bot_events += len(events)

    def add_single(self, event: dict[str, Any]) -> None:
        """Record the event of an accepted single check."""
        with self._lock:
            self._events.append(event)
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

    def add_message(self, message: StoredMessage) -> None:
        """Record an accepted message."""
        with self._lock:
            self._messages.append(message)
            self._counts.messages += 1

    def forget_messages(self) -> None:
        """Delete the messages, and nothing else; the counts remain."""
        with self._lock:
            self._messages: deque[StoredMessage] = deque(maxlen=self._messages_kept)

    def add_attempt(self, attempt: WebhookAttempt) -> None:
        """Record an attempt to deliver a webhook."""
        with self._lock:
            self._attempts.append(attempt)
            self._counts.webhook_attempts += 1

    def count_webhook(self, *, delivered: int = 0, rejected: int = 0, given_up: int = 0) -> None:
        """Count webhooks that were delivered, rejected or given up."""
        with self._lock:
            self._counts.webhooks_delivered += delivered
            self._counts.webhooks_rejected += rejected
            self._counts.webhooks_given_up += given_up

    @property
    def events(self) -> list[dict[str, Any]]:
        """Events received, oldest first."""
        with self._lock:
            return list(self._events)

    @property
    def batches(self) -> list[int]:
        """Size of each accepted batch, oldest first."""
        with self._lock:
            return list(self._batches)

    @property
    def messages(self) -> list[StoredMessage]:
        """Messages accepted, oldest first."""
        with self._lock:
            return list(self._messages)

    @property
    def attempts(self) -> list[WebhookAttempt]:
        """Attempts to deliver webhooks, oldest first."""
        with self._lock:
            return list(self._attempts)

    @property
    def requests(self) -> list[SeenRequest]:
        """API requests, oldest first."""
        with self._lock:
            return list(self._requests)

    @property
    def statistics(self) -> Statistics:
        """A copy of the counts."""
        with self._lock:
            return Statistics(**asdict(self._counts))
