"""The Automations API: bot detection, honeypots, and the e-mail operations beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.address_check import ParsedAddress, ParseResult
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
    from omnivery.dns import DnsRecord
    from omnivery.hooks import HookName, WebhookResult
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
    "DnsRecord",
    "Domain",
    "DomainDetail",
    "EventLine",
    "HookName",
    "KickboxResult",
    "ParseResult",
    "ParsedAddress",
    "PendingVerdict",
    "Queued",
    "Rejection",
    "SubmitReport",
    "SuppressionAdded",
    "SuppressionFailure",
    "SuppressionReport",
    "UnreadableLine",
    "Verdict",
    "WebhookResult",
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
            "DnsRecord": "omnivery.dns",
            "Domain": "omnivery.automations.domains",
            "DomainDetail": "omnivery.automations.domains",
            "EventLine": "omnivery.automations.event",
            "HookName": "omnivery.hooks",
            "KickboxResult": "omnivery.automations.addresses",
            "ParseResult": "omnivery.address_check",
            "ParsedAddress": "omnivery.address_check",
            "PendingVerdict": "omnivery.automations.verdict",
            "Queued": "omnivery.message",
            "Rejection": "omnivery.automations.bulk.outcome",
            "SubmitReport": "omnivery.automations.bulk.outcome",
            "SuppressionAdded": "omnivery.automations.suppressions",
            "SuppressionFailure": "omnivery.suppression",
            "SuppressionReport": "omnivery.suppression",
            "UnreadableLine": "omnivery.automations.event",
            "Verdict": "omnivery.automations.verdict",
            "WebhookResult": "omnivery.hooks",
            "event_id_for": "omnivery.automations.identity",
            "recipient_id_for": "omnivery.automations.identity",
        },
    )
