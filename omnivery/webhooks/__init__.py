"""Webhook calls from the service: verify, read and receive them.

    app = Receiver(handler, signing_key)                an ASGI app, to run or to mount
    store = VerdictStore("verdicts.db")                 verdicts on disk: Receiver(None, key, store=store)
    with Listener(app) as listener:                     a server for the app, in notebooks and scripts
    event = parse(body, signing_key)                    for any other web framework
    verify(body, signing_key)                           the signature alone: True or False
    explain(body, signing_key)                          why it is False, and what to do next

A call brings either `BotVerdicts`, the verdicts of a batch of bot events, or a `DeliveryEvent`, what happened to one
message. An account's one signing key signs all its webhook calls; give the old and the new key while it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.webhooks.call_log import ReceiverStatistics as ReceiverStatistics
    from omnivery.webhooks.delivery import DeliveryEvent as DeliveryEvent
    from omnivery.webhooks.delivery import bare_message_id as bare_message_id
    from omnivery.webhooks.delivery import same_message as same_message
    from omnivery.webhooks.delivery_parts import ClientInfo as ClientInfo
    from omnivery.webhooks.delivery_parts import DeliveryStatus as DeliveryStatus
    from omnivery.webhooks.delivery_parts import Envelope as Envelope
    from omnivery.webhooks.delivery_parts import Geolocation as Geolocation
    from omnivery.webhooks.explanation import explain as explain
    from omnivery.webhooks.listener import Listener as Listener
    from omnivery.webhooks.payload import WebhookEvent as WebhookEvent
    from omnivery.webhooks.payload import parse as parse
    from omnivery.webhooks.payload import parse_unverified as parse_unverified
    from omnivery.webhooks.reasons import Explanation as Explanation
    from omnivery.webhooks.reasons import RefusalReason as RefusalReason
    from omnivery.webhooks.reasons import SignatureCause as SignatureCause
    from omnivery.webhooks.receiver import Receiver as Receiver
    from omnivery.webhooks.signature import sign as sign
    from omnivery.webhooks.signature import verify as verify
    from omnivery.webhooks.store import VerdictStore as VerdictStore
    from omnivery.webhooks.stored_verdict import StoredVerdict as StoredVerdict
    from omnivery.webhooks.stored_verdict import StoreStatistics as StoreStatistics
    from omnivery.webhooks.verdicts import BotVerdicts as BotVerdicts
else:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(__name__)
