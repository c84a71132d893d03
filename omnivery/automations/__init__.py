"""The Automations API: bot detection, honeypots, and the e-mail operations beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.automations.bots import AsyncBots
    from omnivery.automations.bulk.outcome import (
        BatchFailure,
        BatchOutcome,
        BatchReceipt,
        Rejection,
        SubmitReport,
    )
    from omnivery.automations.client import AsyncAutomations
    from omnivery.automations.event import BotEvent, EventLine, UnreadableLine
    from omnivery.automations.identity import event_id_for, recipient_id_for
    from omnivery.automations.verdict import PendingVerdict, Verdict

__all__ = [
    "AsyncAutomations",
    "AsyncBots",
    "BatchFailure",
    "BatchOutcome",
    "BatchReceipt",
    "BotEvent",
    "EventLine",
    "PendingVerdict",
    "Rejection",
    "SubmitReport",
    "UnreadableLine",
    "Verdict",
    "event_id_for",
    "recipient_id_for",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "AsyncAutomations": "omnivery.automations.client",
        "AsyncBots": "omnivery.automations.bots",
        "BatchFailure": "omnivery.automations.bulk.outcome",
        "BatchOutcome": "omnivery.automations.bulk.outcome",
        "BatchReceipt": "omnivery.automations.bulk.outcome",
        "BotEvent": "omnivery.automations.event",
        "EventLine": "omnivery.automations.event",
        "PendingVerdict": "omnivery.automations.verdict",
        "Rejection": "omnivery.automations.bulk.outcome",
        "SubmitReport": "omnivery.automations.bulk.outcome",
        "UnreadableLine": "omnivery.automations.event",
        "Verdict": "omnivery.automations.verdict",
        "event_id_for": "omnivery.automations.identity",
        "recipient_id_for": "omnivery.automations.identity",
    },
)
