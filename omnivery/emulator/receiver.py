"""The emulator's own receiver of webhooks, at `/_/webhook`: for trying things without a receiver of yours."""

from __future__ import annotations

from collections import Counter, deque
from threading import Lock
from typing import Any

from omnivery.events.event_list import event_row
from omnivery.events.verdict import Verdict
from omnivery.webhooks.delivery import DeliveryEvent
from omnivery.webhooks.payload import WebhookEvent
from omnivery.webhooks.receiver import Receiver
from omnivery.webhooks.verdicts import BotVerdicts

PATH = "/_/webhook"


class ReceivedCalls:
    """What the receiver has received: the newest verdicts and delivery events, and counts. Any thread may read it.

    Args:
        signing_key: verifies the calls.
        kept: number of verdicts and of delivery events to keep; the oldest are deleted first.
    """

    def __init__(self, signing_key: str, *, kept: int) -> None:
        self.app: Receiver = Receiver(self._add, signing_key)
        """The ASGI app."""
        self._kept = kept
        self._lock = Lock()
        self.reset()

    def reset(self) -> None:
        """Delete everything received."""
        with self._lock:
            self._verdicts: deque[Verdict] = deque(maxlen=self._kept)
            self._deliveries: deque[DeliveryEvent] = deque(maxlen=self._kept)
            self._counts: Counter[bool | None] = Counter()

    @property
    def verdicts(self) -> list[Verdict]:
        """The verdicts, oldest first."""
        with self._lock:
            return list(self._verdicts)

    @property
    def delivery_events(self) -> list[DeliveryEvent]:
        """The delivery events, oldest first."""
        with self._lock:
            return list(self._deliveries)

    @property
    def counts(self) -> dict[str, int]:
        """Verdicts received since the start or the last reset, also those that are no longer kept."""
        with self._lock:
            bots, humans, unknown = self._counts[True], self._counts[False], self._counts[None]
        return {"verdicts": bots + humans + unknown, "bots": bots, "humans": humans, "unknown": unknown}

    async def _add(self, event: WebhookEvent) -> None:
        with self._lock:
            if isinstance(event, BotVerdicts):
                self._verdicts.extend(event)
                self._counts.update(verdict.is_bot for verdict in event)
            else:
                self._deliveries.append(event)


def shown(verdict: Verdict) -> dict[str, Any]:
    """One verdict as the control API returns it."""
    return {"event_id": verdict.event_id, "is_bot": verdict.is_bot, "request": event_row(verdict.request)}
