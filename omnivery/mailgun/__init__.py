"""The Mailgun-compatible API: sending, and all that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.address_check import ParsedAddress, ParseResult
    from omnivery.dns import DnsRecord
    from omnivery.hooks import HookName, Webhook, WebhookResult
    from omnivery.mailgun.addresses import AddressParts, AddressValidation, AsyncAddresses
    from omnivery.mailgun.bounces import AsyncBounces, Bounce
    from omnivery.mailgun.client import AsyncMailgun, Region
    from omnivery.mailgun.complaints import AsyncComplaints, Complaint
    from omnivery.mailgun.confirmation import AddressConfirmation, Confirmation
    from omnivery.mailgun.credentials import AsyncCredentials, Credential, CredentialCreated
    from omnivery.mailgun.domains import AsyncDomains, Domain, DomainDetail, Tracking, TrackingSetting
    from omnivery.mailgun.messages import AsyncMessages
    from omnivery.mailgun.sending import Fate, SendOutcome, SendReport
    from omnivery.mailgun.stats import AsyncStats, StatsBucket, StatsTotal
    from omnivery.mailgun.unsubscribes import AsyncUnsubscribes, Unsubscribe
    from omnivery.mailgun.webhooks import AsyncWebhooks
    from omnivery.mailgun.whitelists import AsyncWhitelists, WhitelistConfirmation, WhitelistEntry
    from omnivery.message import Queued
    from omnivery.suppression import SuppressionFailure, SuppressionReport
    from omnivery.transport.paging import AsyncPages, Page

__all__ = [
    "AddressConfirmation",
    "AddressParts",
    "AddressValidation",
    "AsyncAddresses",
    "AsyncBounces",
    "AsyncComplaints",
    "AsyncCredentials",
    "AsyncDomains",
    "AsyncMailgun",
    "AsyncMessages",
    "AsyncPages",
    "AsyncStats",
    "AsyncUnsubscribes",
    "AsyncWebhooks",
    "AsyncWhitelists",
    "Bounce",
    "Complaint",
    "Confirmation",
    "Credential",
    "CredentialCreated",
    "DnsRecord",
    "Domain",
    "DomainDetail",
    "Fate",
    "HookName",
    "Page",
    "ParseResult",
    "ParsedAddress",
    "Queued",
    "Region",
    "SendOutcome",
    "SendReport",
    "StatsBucket",
    "StatsTotal",
    "SuppressionFailure",
    "SuppressionReport",
    "Tracking",
    "TrackingSetting",
    "Unsubscribe",
    "Webhook",
    "WebhookResult",
    "WhitelistConfirmation",
    "WhitelistEntry",
]

if not TYPE_CHECKING:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "AddressConfirmation": "omnivery.mailgun.confirmation",
            "AddressParts": "omnivery.mailgun.addresses",
            "AddressValidation": "omnivery.mailgun.addresses",
            "AsyncAddresses": "omnivery.mailgun.addresses",
            "AsyncBounces": "omnivery.mailgun.bounces",
            "AsyncComplaints": "omnivery.mailgun.complaints",
            "AsyncCredentials": "omnivery.mailgun.credentials",
            "AsyncDomains": "omnivery.mailgun.domains",
            "AsyncMailgun": "omnivery.mailgun.client",
            "AsyncMessages": "omnivery.mailgun.messages",
            "AsyncPages": "omnivery.transport.paging",
            "AsyncStats": "omnivery.mailgun.stats",
            "AsyncUnsubscribes": "omnivery.mailgun.unsubscribes",
            "AsyncWebhooks": "omnivery.mailgun.webhooks",
            "AsyncWhitelists": "omnivery.mailgun.whitelists",
            "Bounce": "omnivery.mailgun.bounces",
            "Complaint": "omnivery.mailgun.complaints",
            "Confirmation": "omnivery.mailgun.confirmation",
            "Credential": "omnivery.mailgun.credentials",
            "CredentialCreated": "omnivery.mailgun.credentials",
            "DnsRecord": "omnivery.dns",
            "Domain": "omnivery.mailgun.domains",
            "DomainDetail": "omnivery.mailgun.domains",
            "Fate": "omnivery.mailgun.sending",
            "HookName": "omnivery.hooks",
            "Page": "omnivery.transport.paging",
            "ParseResult": "omnivery.address_check",
            "ParsedAddress": "omnivery.address_check",
            "Queued": "omnivery.message",
            "Region": "omnivery.mailgun.client",
            "SendOutcome": "omnivery.mailgun.sending",
            "SendReport": "omnivery.mailgun.sending",
            "StatsBucket": "omnivery.mailgun.stats",
            "StatsTotal": "omnivery.mailgun.stats",
            "SuppressionFailure": "omnivery.suppression",
            "SuppressionReport": "omnivery.suppression",
            "Tracking": "omnivery.mailgun.domains",
            "TrackingSetting": "omnivery.mailgun.domains",
            "Unsubscribe": "omnivery.mailgun.unsubscribes",
            "Webhook": "omnivery.hooks",
            "WebhookResult": "omnivery.hooks",
            "WhitelistConfirmation": "omnivery.mailgun.whitelists",
            "WhitelistEntry": "omnivery.mailgun.whitelists",
        },
    )
