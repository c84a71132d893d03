"""The Automations API: bot detection, honeypots, and the e-mail operations beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.automations._sync import (
        Account,
        Addresses,
        Automations,
        Bots,
        Domains,
        Honeypots,
        Messages,
        Suppressions,
        Webhooks,
    )
    from omnivery.automations.account import AsyncAccount, AuthInfo
    from omnivery.automations.addresses import AsyncAddresses, KickboxResult
    from omnivery.automations.bots import AsyncBots
    from omnivery.automations.client import AsyncAutomations
    from omnivery.automations.domains import AsyncDomains, Domain, DomainDetail
    from omnivery.automations.honeypots import AsyncHoneypots
    from omnivery.automations.messages import AsyncMessages
    from omnivery.automations.report import BatchReceipt, SubmitReport
    from omnivery.automations.suppressions import (
        AsyncSuppressions,
        SuppressionAdded,
    )
    from omnivery.automations.webhooks import AsyncWebhooks
    from omnivery.automations.writer.options import WriterReport, WriterStatistics
    from omnivery.automations.writer.sync import EventWriter
    from omnivery.automations.writer.writer import AsyncEventWriter
    from omnivery.bulk.engine import AsyncBulkRun
    from omnivery.bulk.report import BatchFailure, BatchOutcome, Rejection
    from omnivery.events.event import BotEvent, EventLine, UnreadableLine
    from omnivery.events.event_list import EventList
    from omnivery.events.ids import event_id_for, recipient_id_for
    from omnivery.events.verdict import PendingVerdict, Verdict
    from omnivery.mail.addresses import ParsedAddress, ParseResult
    from omnivery.mail.dns import DnsRecord
    from omnivery.mail.message import Queued
    from omnivery.mail.suppression import SuppressionFailure, SuppressionReport
    from omnivery.mail.webhook import HookName, WebhookResult
    from omnivery.sync.run import BulkRun

__all__ = [
    "Account",
    "Addresses",
    "AsyncAccount",
    "AsyncAddresses",
    "AsyncAutomations",
    "AsyncBots",
    "AsyncBulkRun",
    "AsyncDomains",
    "AsyncEventWriter",
    "AsyncHoneypots",
    "AsyncMessages",
    "AsyncSuppressions",
    "AsyncWebhooks",
    "AuthInfo",
    "Automations",
    "BatchFailure",
    "BatchOutcome",
    "BatchReceipt",
    "BotEvent",
    "Bots",
    "BulkRun",
    "DnsRecord",
    "Domain",
    "DomainDetail",
    "Domains",
    "EventLine",
    "EventList",
    "EventWriter",
    "Honeypots",
    "HookName",
    "KickboxResult",
    "Messages",
    "ParseResult",
    "ParsedAddress",
    "PendingVerdict",
    "Queued",
    "Rejection",
    "SubmitReport",
    "SuppressionAdded",
    "SuppressionFailure",
    "SuppressionReport",
    "Suppressions",
    "UnreadableLine",
    "Verdict",
    "WebhookResult",
    "Webhooks",
    "WriterReport",
    "WriterStatistics",
    "event_id_for",
    "recipient_id_for",
]

if not TYPE_CHECKING:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "Account": "omnivery.automations._sync",
            "Addresses": "omnivery.automations._sync",
            "AsyncAccount": "omnivery.automations.account",
            "AsyncAddresses": "omnivery.automations.addresses",
            "AsyncAutomations": "omnivery.automations.client",
            "AsyncBots": "omnivery.automations.bots",
            "AsyncBulkRun": "omnivery.bulk.engine",
            "AsyncDomains": "omnivery.automations.domains",
            "AsyncEventWriter": "omnivery.automations.writer.writer",
            "AsyncHoneypots": "omnivery.automations.honeypots",
            "AsyncMessages": "omnivery.automations.messages",
            "AsyncSuppressions": "omnivery.automations.suppressions",
            "AsyncWebhooks": "omnivery.automations.webhooks",
            "AuthInfo": "omnivery.automations.account",
            "Automations": "omnivery.automations._sync",
            "BatchFailure": "omnivery.bulk.report",
            "BatchOutcome": "omnivery.bulk.report",
            "BatchReceipt": "omnivery.bulk.report",
            "BotEvent": "omnivery.events.event",
            "Bots": "omnivery.automations._sync",
            "BulkRun": "omnivery.sync.run",
            "DnsRecord": "omnivery.mail.dns",
            "Domain": "omnivery.automations.domains",
            "DomainDetail": "omnivery.automations.domains",
            "Domains": "omnivery.automations._sync",
            "EventLine": "omnivery.events.event",
            "EventList": "omnivery.events.event_list",
            "EventWriter": "omnivery.automations.writer.sync",
            "Honeypots": "omnivery.automations._sync",
            "HookName": "omnivery.mail.webhook",
            "KickboxResult": "omnivery.automations.addresses",
            "Messages": "omnivery.automations._sync",
            "ParseResult": "omnivery.mail.addresses",
            "ParsedAddress": "omnivery.mail.addresses",
            "PendingVerdict": "omnivery.events.verdict",
            "Queued": "omnivery.mail.message",
            "Rejection": "omnivery.bulk.report",
            "SubmitReport": "omnivery.bulk.report",
            "SuppressionAdded": "omnivery.automations.suppressions",
            "SuppressionFailure": "omnivery.mail.suppression",
            "SuppressionReport": "omnivery.mail.suppression",
            "Suppressions": "omnivery.automations._sync",
            "UnreadableLine": "omnivery.events.event",
            "Verdict": "omnivery.events.verdict",
            "WebhookResult": "omnivery.mail.webhook",
            "Webhooks": "omnivery.automations._sync",
            "WriterReport": "omnivery.automations.writer.options",
            "WriterStatistics": "omnivery.automations.writer.options",
            "event_id_for": "omnivery.events.ids",
            "recipient_id_for": "omnivery.events.ids",
        },
    )
