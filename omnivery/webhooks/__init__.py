"""Webhook calls from the service: prove who sent them, read them, receive them.

    app = Receiver(handler, signing_key)                what to run or mount: an ASGI app
    store = VerdictStore("verdicts.db")                 what keeps verdicts on disk: Receiver(None, key, store=store)
    with Listener(app) as listener:                     runs it on a port, where there is no server: notebooks, scripts
    event = parse(body, signing_key)                    in a web framework of your own
    verify(body, signing_key)                           only to ask whether the sender is the service

An event is either `BotVerdicts`, the answer to a batch of bot events, or a `DeliveryEvent`: what became of a message.
The signing key is the account's own and signs every webhook call; give the old and the new one while it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.webhooks.delivery import ClientInfo as ClientInfo
    from omnivery.webhooks.delivery import DeliveryEvent as DeliveryEvent
    from omnivery.webhooks.delivery import DeliveryStatus as DeliveryStatus
    from omnivery.webhooks.delivery import Envelope as Envelope
    from omnivery.webhooks.delivery import Geolocation as Geolocation
    from omnivery.webhooks.delivery import bare_message_id as bare_message_id
    from omnivery.webhooks.delivery import same_message as same_message
    from omnivery.webhooks.listener import Listener as Listener
    from omnivery.webhooks.payload import WebhookEvent as WebhookEvent
    from omnivery.webhooks.payload import parse as parse
    from omnivery.webhooks.receiver import Receiver as Receiver
    from omnivery.webhooks.receiver import ReceiverStatistics as ReceiverStatistics
    from omnivery.webhooks.signature import sign as sign
    from omnivery.webhooks.signature import verify as verify
    from omnivery.webhooks.store import StoredVerdict as StoredVerdict
    from omnivery.webhooks.store import StoreStatistics as StoreStatistics
    from omnivery.webhooks.store import VerdictStore as VerdictStore
    from omnivery.webhooks.verdicts import BotVerdicts as BotVerdicts
else:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(__name__)
