"""The Mailgun-compatible API: sending mail, domains, statistics, suppression lists, webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.mail.addresses import ParsedAddress as ParsedAddress
    from omnivery.mail.addresses import ParseResult as ParseResult
    from omnivery.mail.bulk import AsyncSendRun as AsyncSendRun
    from omnivery.mail.bulk import SendRun as SendRun
    from omnivery.mail.dns import DnsRecord as DnsRecord
    from omnivery.mail.message import Queued as Queued
    from omnivery.mail.sending import SendOutcome as SendOutcome
    from omnivery.mail.sending import SendReport as SendReport
    from omnivery.mail.sending import SendStatus as SendStatus
    from omnivery.mail.suppression import SuppressionFailure as SuppressionFailure
    from omnivery.mail.suppression import SuppressionReport as SuppressionReport
    from omnivery.mail.webhook import Webhook as Webhook
    from omnivery.mail.webhook import WebhookResult as WebhookResult
    from omnivery.mail.webhook import WebhookType as WebhookType
    from omnivery.mailgun._sync import Addresses as Addresses
    from omnivery.mailgun._sync import Bounces as Bounces
    from omnivery.mailgun._sync import Complaints as Complaints
    from omnivery.mailgun._sync import Credentials as Credentials
    from omnivery.mailgun._sync import Domains as Domains
    from omnivery.mailgun._sync import Mailgun as Mailgun
    from omnivery.mailgun._sync import Messages as Messages
    from omnivery.mailgun._sync import Stats as Stats
    from omnivery.mailgun._sync import Unsubscribes as Unsubscribes
    from omnivery.mailgun._sync import Webhooks as Webhooks
    from omnivery.mailgun._sync import Whitelists as Whitelists
    from omnivery.mailgun.addresses import AddressParts as AddressParts
    from omnivery.mailgun.addresses import AddressValidation as AddressValidation
    from omnivery.mailgun.addresses import AsyncAddresses as AsyncAddresses
    from omnivery.mailgun.bounces import AsyncBounces as AsyncBounces
    from omnivery.mailgun.bounces import Bounce as Bounce
    from omnivery.mailgun.client import AsyncMailgun as AsyncMailgun
    from omnivery.mailgun.complaints import AsyncComplaints as AsyncComplaints
    from omnivery.mailgun.complaints import Complaint as Complaint
    from omnivery.mailgun.config import Region as Region
    from omnivery.mailgun.confirmation import AddressConfirmation as AddressConfirmation
    from omnivery.mailgun.confirmation import Confirmation as Confirmation
    from omnivery.mailgun.credentials import AsyncCredentials as AsyncCredentials
    from omnivery.mailgun.credentials import CredentialCreated as CredentialCreated
    from omnivery.mailgun.credentials import SmtpCredential as SmtpCredential
    from omnivery.mailgun.domains import AsyncDomains as AsyncDomains
    from omnivery.mailgun.domains import Domain as Domain
    from omnivery.mailgun.domains import DomainDetail as DomainDetail
    from omnivery.mailgun.domains import Tracking as Tracking
    from omnivery.mailgun.domains import TrackingSetting as TrackingSetting
    from omnivery.mailgun.messages import AsyncMessages as AsyncMessages
    from omnivery.mailgun.stats import AsyncStats as AsyncStats
    from omnivery.mailgun.stats import StatsBucket as StatsBucket
    from omnivery.mailgun.stats import StatsTotal as StatsTotal
    from omnivery.mailgun.unsubscribes import AsyncUnsubscribes as AsyncUnsubscribes
    from omnivery.mailgun.unsubscribes import Unsubscribe as Unsubscribe
    from omnivery.mailgun.webhooks import AsyncWebhooks as AsyncWebhooks
    from omnivery.mailgun.whitelists import AsyncWhitelists as AsyncWhitelists
    from omnivery.mailgun.whitelists import WhitelistConfirmation as WhitelistConfirmation
    from omnivery.mailgun.whitelists import WhitelistEntry as WhitelistEntry
    from omnivery.sync.base import Pages as Pages
    from omnivery.transport.paging import AsyncPages as AsyncPages
    from omnivery.transport.paging import ItemList as ItemList
    from omnivery.transport.paging import Page as Page
else:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(__name__)
