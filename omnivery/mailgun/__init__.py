"""The Mailgun-compatible API: sending, and all that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.mail.addresses import ParsedAddress, ParseResult
    from omnivery.mail.dns import DnsRecord
    from omnivery.mail.message import Queued
    from omnivery.mail.suppression import SuppressionFailure, SuppressionReport
    from omnivery.mail.webhook import HookName, Webhook, WebhookResult
    from omnivery.mailgun._sync import (
        Addresses,
        Bounces,
        Complaints,
        Credentials,
        Domains,
        Mailgun,
        Messages,
        Stats,
        Unsubscribes,
        Webhooks,
        Whitelists,
    )
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
    from omnivery.sync.base import Pages
    from omnivery.transport.paging import AsyncPages, ItemList, Page

__all__ = [
    "AddressConfirmation",
    "AddressParts",
    "AddressValidation",
    "Addresses",
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
    "Bounces",
    "Complaint",
    "Complaints",
    "Confirmation",
    "Credential",
    "CredentialCreated",
    "Credentials",
    "DnsRecord",
    "Domain",
    "DomainDetail",
    "Domains",
    "Fate",
    "HookName",
    "ItemList",
    "Mailgun",
    "Messages",
    "Page",
    "Pages",
    "ParseResult",
    "ParsedAddress",
    "Queued",
    "Region",
    "SendOutcome",
    "SendReport",
    "Stats",
    "StatsBucket",
    "StatsTotal",
    "SuppressionFailure",
    "SuppressionReport",
    "Tracking",
    "TrackingSetting",
    "Unsubscribe",
    "Unsubscribes",
    "Webhook",
    "WebhookResult",
    "Webhooks",
    "WhitelistConfirmation",
    "WhitelistEntry",
    "Whitelists",
]

if not TYPE_CHECKING:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "AddressConfirmation": "omnivery.mailgun.confirmation",
            "AddressParts": "omnivery.mailgun.addresses",
            "AddressValidation": "omnivery.mailgun.addresses",
            "Addresses": "omnivery.mailgun._sync",
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
            "Bounces": "omnivery.mailgun._sync",
            "Complaint": "omnivery.mailgun.complaints",
            "Complaints": "omnivery.mailgun._sync",
            "Confirmation": "omnivery.mailgun.confirmation",
            "Credential": "omnivery.mailgun.credentials",
            "CredentialCreated": "omnivery.mailgun.credentials",
            "Credentials": "omnivery.mailgun._sync",
            "DnsRecord": "omnivery.mail.dns",
            "Domain": "omnivery.mailgun.domains",
            "DomainDetail": "omnivery.mailgun.domains",
            "Domains": "omnivery.mailgun._sync",
            "Fate": "omnivery.mailgun.sending",
            "HookName": "omnivery.mail.webhook",
            "ItemList": "omnivery.transport.paging",
            "Mailgun": "omnivery.mailgun._sync",
            "Messages": "omnivery.mailgun._sync",
            "Page": "omnivery.transport.paging",
            "Pages": "omnivery.sync.base",
            "ParseResult": "omnivery.mail.addresses",
            "ParsedAddress": "omnivery.mail.addresses",
            "Queued": "omnivery.mail.message",
            "Region": "omnivery.mailgun.client",
            "SendOutcome": "omnivery.mailgun.sending",
            "SendReport": "omnivery.mailgun.sending",
            "Stats": "omnivery.mailgun._sync",
            "StatsBucket": "omnivery.mailgun.stats",
            "StatsTotal": "omnivery.mailgun.stats",
            "SuppressionFailure": "omnivery.mail.suppression",
            "SuppressionReport": "omnivery.mail.suppression",
            "Tracking": "omnivery.mailgun.domains",
            "TrackingSetting": "omnivery.mailgun.domains",
            "Unsubscribe": "omnivery.mailgun.unsubscribes",
            "Unsubscribes": "omnivery.mailgun._sync",
            "Webhook": "omnivery.mail.webhook",
            "WebhookResult": "omnivery.mail.webhook",
            "Webhooks": "omnivery.mailgun._sync",
            "WhitelistConfirmation": "omnivery.mailgun.whitelists",
            "WhitelistEntry": "omnivery.mailgun.whitelists",
            "Whitelists": "omnivery.mailgun._sync",
        },
    )
