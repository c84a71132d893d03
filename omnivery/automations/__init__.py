"""The Automations API: bot detection, honeypots, and the e-mail operations beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.automations.account import AsyncAccount, AuthInfo
    from omnivery.automations.addresses import AsyncAddresses, KickboxResult
    from omnivery.automations.bots import AsyncBots
    from omnivery.automations.bulk.outcome import (
        BatchFailure,
        BatchOutcome,
        BatchReceipt,
        Rejection,
        SubmitReport,
    )
    from omnivery.automations.client import AsyncAutomations
    from omnivery.automations.domains import AsyncDomains, Domain, DomainDetail
    from omnivery.automations.event import BotEvent, EventLine, UnreadableLine
    from omnivery.automations.honeypots import AsyncHoneypots
    from omnivery.automations.identity import event_id_for, recipient_id_for
    from omnivery.automations.messages import AsyncMessages
    from omnivery.automations.suppressions import (
        AsyncSuppressions,
        SuppressionAdded,
    )
    from omnivery.automations.verdict import PendingVerdict, Verdict
    from omnivery.automations.webhooks import AsyncWebhooks
    from omnivery.message import Queued
    from omnivery.suppression import SuppressionFailure, SuppressionReport

__all__ = [
    "AsyncAccount",
    "AsyncAddresses",
    "AsyncAutomations",
    "AsyncBots",
    "AsyncDomains",
    "AsyncHoneypots",
    "AsyncMessages",
    "AsyncSuppressions",
    "AsyncWebhooks",
    "AuthInfo",
    "BatchFailure",
    "BatchOutcome",
    "BatchReceipt",
    "BotEvent",
    "Domain",
    "DomainDetail",
    "EventLine",
    "KickboxResult",
    "PendingVerdict",
    "Queued",
    "Rejection",
    "SubmitReport",
    "SuppressionAdded",
    "SuppressionFailure",
    "SuppressionReport",
    "UnreadableLine",
    "Verdict",
    "event_id_for",
    "recipient_id_for",
]

if not TYPE_CHECKING:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "AsyncAccount": "omnivery.automations.account",
            "AsyncAddresses": "omnivery.automations.addresses",
            "AsyncAutomations": "omnivery.automations.client",
            "AsyncBots": "omnivery.automations.bots",
            "AsyncDomains": "omnivery.automations.domains",
            "AsyncHoneypots": "omnivery.automations.honeypots",
            "AsyncMessages": "omnivery.automations.messages",
            "AsyncSuppressions": "omnivery.automations.suppressions",
            "AsyncWebhooks": "omnivery.automations.webhooks",
            "AuthInfo": "omnivery.automations.account",
            "BatchFailure": "omnivery.automations.bulk.outcome",
            "BatchOutcome": "omnivery.automations.bulk.outcome",
            "BatchReceipt": "omnivery.automations.bulk.outcome",
            "BotEvent": "omnivery.automations.event",
            "Domain": "omnivery.automations.domains",
            "DomainDetail": "omnivery.automations.domains",
            "EventLine": "omnivery.automations.event",
            "KickboxResult": "omnivery.automations.addresses",
            "PendingVerdict": "omnivery.automations.verdict",
            "Queued": "omnivery.message",
            "Rejection": "omnivery.automations.bulk.outcome",
            "SubmitReport": "omnivery.automations.bulk.outcome",
            "SuppressionAdded": "omnivery.automations.suppressions",
            "SuppressionFailure": "omnivery.suppression",
            "SuppressionReport": "omnivery.suppression",
            "UnreadableLine": "omnivery.automations.event",
            "Verdict": "omnivery.automations.verdict",
            "event_id_for": "omnivery.automations.identity",
            "recipient_id_for": "omnivery.automations.identity",
        },
    )
