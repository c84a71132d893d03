"""The emulator's own receiver of webhooks, at `/_/webhook`: for trying things without a receiver of yours."""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar
from threading import Lock
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from omnivery.emulator.records.received import DeliveryEventRecords, VerdictRecords
from omnivery.events.event_list import event_row
from omnivery.events.verdict import Verdict
from omnivery.webhooks.payload import WebhookEvent
from omnivery.webhooks.receiver import Receiver
from omnivery.webhooks.verdicts import BotVerdicts

PATH = "/_/webhook"

_PARTS: ContextVar[list[bytes]] = ContextVar("omnivery_emulator_webhook")
"""The body of the call that is handled, as it arrived."""


class ReceivedCalls:
    """The receiver, an ASGI app. It records verdicts and delivery events, and counts. Any thread may read the counts.

    Args:
        signing_key: verifies the calls.
        verdicts: where verdicts go.
        delivery_events: where delivery events go.
    """

    def __init__(self, signing_key: str, *, verdicts: VerdictRecords, delivery_events: DeliveryEventRecords) -> None:
        self._receiver = Receiver(self._add, signing_key)
        self._verdicts, self._delivery_events = verdicts, delivery_events
        self._lock = Lock()
        self.reset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        parts: list[bytes] = []

        async def keep() -> Message:
            message = await receive()
            parts.append(message.get("body", b""))
            return message

        _PARTS.set(parts)
        await self._receiver(scope, keep, send)

    def reset(self) -> None:
        """Set the counts to zero."""
        with self._lock:
            self._counts: Counter[bool | None] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """Verdicts received since the start or the last reset, also those that are no longer kept."""
        with self._lock:
            bots, humans, unknown = self._counts[True], self._counts[False], self._counts[None]
        return {"verdicts": bots + humans + unknown, "bots": bots, "humans": humans, "unknown": unknown}

    async def _add(self, event: WebhookEvent) -> None:
        body = b"".join(_PARTS.get())
        if isinstance(event, BotVerdicts):
            self._verdicts.add(event, body)
            with self._lock:
                self._counts.update(verdict.is_bot for verdict in event)
        else:
            self._delivery_events.add(event, body)


def shown(verdict: Verdict) -> dict[str, Any]:
    """One verdict as the control API returns it."""
    return {"event_id": verdict.event_id, "is_bot": verdict.is_bot, "request": event_row(verdict.request)}
