"""What the emulator was told and what it did: kept for tests, for the control API, and for later questions."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, NamedTuple

from attrs import asdict, define, field, frozen

from omnivery.emulator.message import StoredMessage


class SeenRequest(NamedTuple):
    """One API request that found its route."""

    method: str
    """HTTP method."""
    route: str
    """The route's name, as `fail_next` takes it."""
    status: int | None
    """Status of the answer; None where the connection was cut instead."""


@frozen(kw_only=True)
class WebhookAttempt:
    """One try to deliver one webhook."""

    url: str = field(repr=False)
    """Where it was to go: a caller's address, which may hold a secret."""
    batch_id: str
    """Which batch or check it answers, or which message it tells about; the webhook says so too."""
    kind: str
    """What it carries: `bot` for verdicts, or the delivery event's name."""
    events: int
    """How many verdicts or events it carries."""
    attempt: int
    """1 for the first try; 0 for the note that the emulator stopped before the next one."""
    status: int | None = None
    """Status of the receiver's answer; None where none came."""
    error: str | None = None
    """Why no answer came."""


@define(kw_only=True)
class Statistics:
    """Counts since the start or the last reset, also of what is no longer kept."""

    requests: int = 0
    """API requests that found their route."""
    bot_batches: int = 0
    """Batches accepted."""
    bot_checks: int = 0
    """Single checks accepted."""
    bot_events: int = 0
    """Events in both."""
    messages: int = 0
    """Messages accepted."""
    webhook_attempts: int = 0
    """Tries to deliver a webhook."""
    webhooks_delivered: int = 0
    """Webhooks that the receiver took."""
    webhooks_rejected: int = 0
    """Webhooks that the receiver refused for good, with 406."""
    webhooks_given_up: int = 0
    """Webhooks that failed at every try, or were under way when the emulator stopped."""


@frozen(kw_only=True)
class Check:
    """A single check that is answered later."""

    domain: str
    """The sending domain that it was made under."""
    ready_at: float
    """When its result is there, by `time.monotonic`; infinite for never."""
    result: dict[str, Any] = field(repr=False)
    """The answer."""


class Store:
    """The emulator's memory. Written by the server's thread, read by any.

    Args:
        kept: how many of each kind are remembered; the oldest go first.
        messages_kept: how many messages are.
    """

    def __init__(self, *, kept: int, messages_kept: int) -> None:
        self._kept, self._messages_kept = kept, messages_kept
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._events: deque[dict[str, Any]] = deque(maxlen=self._kept)
            self._batches: deque[int] = deque(maxlen=self._kept)
            self._checks: dict[str, Check] = {}
            self._attempts: deque[WebhookAttempt] = deque(maxlen=self._kept)
            self._requests: deque[SeenRequest] = deque(maxlen=self._kept)
            self.forget_messages()
            self._counts = Statistics()

    def add_request(self, seen: SeenRequest) -> None:
        """Remember an API request and its outcome."""
        with self._lock:
            self._requests.append(seen)
            self._counts.requests += 1

    def add_batch(self, events: list[dict[str, Any]]) -> None:
        """Remember the events of an accepted batch."""
        with self._lock:
            self._events.extend(events)
            self._batches.append(len(events))
            self._counts.bot_batches += 1
            self._counts.bot_events += len(events)

    def add_single(self, event: dict[str, Any]) -> None:
        """Remember the event of an accepted single check."""
        with self._lock:
            self._events.append(event)
            self._counts.bot_checks += 1
            self._counts.bot_events += 1

    def add_check(self, request_id: str, check: Check) -> None:
        """Remember what to answer later under a request id."""
        with self._lock:
            if len(self._checks) >= self._kept:
                del self._checks[next(iter(self._checks))]
            self._checks[request_id] = check

    def find_check(self, request_id: str) -> Check | None:
        """The check of that request id, if it is known and not forgotten."""
        with self._lock:
            return self._checks.get(request_id)

    def add_message(self, message: StoredMessage) -> None:
        """Remember an accepted message."""
        with self._lock:
            self._messages.append(message)
            self._counts.messages += 1

    def forget_messages(self) -> None:
        """Forget the messages, and nothing else; they stay counted."""
        with self._lock:
            self._messages: deque[StoredMessage] = deque(maxlen=self._messages_kept)

    def add_attempt(self, attempt: WebhookAttempt) -> None:
        """Remember one try to deliver a webhook."""
        with self._lock:
            self._attempts.append(attempt)
            self._counts.webhook_attempts += 1

    def count_webhook(self, *, delivered: int = 0, rejected: int = 0, given_up: int = 0) -> None:
        """Count webhooks that came to their end."""
        with self._lock:
            self._counts.webhooks_delivered += delivered
            self._counts.webhooks_rejected += rejected
            self._counts.webhooks_given_up += given_up

    @property
    def events(self) -> list[dict[str, Any]]:
        """Interactions received, oldest first."""
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
        """Tries to deliver webhooks, oldest first."""
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
