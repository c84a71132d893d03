"""The Automations API: bot detection, honeypots, and the e-mail operations beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.automations._sync import Account as Account
    from omnivery.automations._sync import Addresses as Addresses
    from omnivery.automations._sync import Automations as Automations
    from omnivery.automations._sync import Bots as Bots
    from omnivery.automations._sync import Domains as Domains
    from omnivery.automations._sync import Honeypots as Honeypots
    from omnivery.automations._sync import Messages as Messages
    from omnivery.automations._sync import Suppressions as Suppressions
    from omnivery.automations._sync import Webhooks as Webhooks
    from omnivery.automations.account import AsyncAccount as AsyncAccount
    from omnivery.automations.account import AuthInfo as AuthInfo
    from omnivery.automations.addresses import AsyncAddresses as AsyncAddresses
    from omnivery.automations.addresses import KickboxResult as KickboxResult
    from omnivery.automations.bots import AsyncBots as AsyncBots
    from omnivery.automations.client import AsyncAutomations as AsyncAutomations
    from omnivery.automations.domains import AsyncDomains as AsyncDomains
    from omnivery.automations.domains import Domain as Domain
    from omnivery.automations.domains import DomainDetail as DomainDetail
    from omnivery.automations.honeypots import AsyncHoneypots as AsyncHoneypots
    from omnivery.automations.messages import AsyncMessages as AsyncMessages
    from omnivery.automations.report import BatchOutcome as BatchOutcome
    from omnivery.automations.report import BatchReceipt as BatchReceipt
    from omnivery.automations.report import SubmitReport as SubmitReport
    from omnivery.automations.round_trip import RoundTripReport as RoundTripReport
    from omnivery.automations.run import AsyncBulkRun as AsyncBulkRun
    from omnivery.automations.run import BulkRun as BulkRun
    from omnivery.automations.suppressions import AsyncSuppressions as AsyncSuppressions
    from omnivery.automations.suppressions import SuppressionAdded as SuppressionAdded
    from omnivery.automations.webhooks import AsyncWebhooks as AsyncWebhooks
    from omnivery.automations.webhooks import WebhookSample as WebhookSample
    from omnivery.automations.writer.options import WriterReport as WriterReport
    from omnivery.automations.writer.options import WriterStatistics as WriterStatistics
    from omnivery.automations.writer.sync import EventWriter as EventWriter
    from omnivery.automations.writer.writer import AsyncEventWriter as AsyncEventWriter
    from omnivery.bulk.report import BatchFailure as BatchFailure
    from omnivery.bulk.report import Rejection as Rejection
    from omnivery.events.event import BotEvent as BotEvent
    from omnivery.events.event import EventLine as EventLine
    from omnivery.events.event import UnreadableLine as UnreadableLine
    from omnivery.events.event_list import EventList as EventList
    from omnivery.events.ids import event_id_for as event_id_for
    from omnivery.events.ids import recipient_id_for as recipient_id_for
    from omnivery.events.verdict import PendingVerdict as PendingVerdict
    from omnivery.events.verdict import Verdict as Verdict
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
    from omnivery.mail.webhook import WebhookResult as WebhookResult
    from omnivery.mail.webhook import WebhookType as WebhookType
    from omnivery.sync.base import Pages as Pages
    from omnivery.transport.paging import AsyncPages as AsyncPages
    from omnivery.transport.paging import ItemList as ItemList
    from omnivery.transport.paging import Page as Page
else:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(__name__)
