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
    from omnivery.webhooks.delivery import (
        ClientInfo,
        DeliveryEvent,
        DeliveryStatus,
        Envelope,
        Geolocation,
        bare_message_id,
        same_message,
    )
    from omnivery.webhooks.listener import Listener
    from omnivery.webhooks.payload import WebhookEvent, parse
    from omnivery.webhooks.receiver import Receiver, ReceiverStatistics
    from omnivery.webhooks.signature import sign, verify
    from omnivery.webhooks.store import StoredVerdict, StoreStatistics, VerdictStore
    from omnivery.webhooks.verdicts import BotVerdicts

__all__ = [
    "BotVerdicts",
    "ClientInfo",
    "DeliveryEvent",
    "DeliveryStatus",
    "Envelope",
    "Geolocation",
    "Listener",
    "Receiver",
    "ReceiverStatistics",
    "StoreStatistics",
    "StoredVerdict",
    "VerdictStore",
    "WebhookEvent",
    "bare_message_id",
    "parse",
    "same_message",
    "sign",
    "verify",
]

if not TYPE_CHECKING:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "BotVerdicts": "omnivery.webhooks.verdicts",
            "ClientInfo": "omnivery.webhooks.delivery",
            "DeliveryEvent": "omnivery.webhooks.delivery",
            "DeliveryStatus": "omnivery.webhooks.delivery",
            "Envelope": "omnivery.webhooks.delivery",
            "Geolocation": "omnivery.webhooks.delivery",
            "Listener": "omnivery.webhooks.listener",
            "Receiver": "omnivery.webhooks.receiver",
            "ReceiverStatistics": "omnivery.webhooks.receiver",
            "StoreStatistics": "omnivery.webhooks.store",
            "StoredVerdict": "omnivery.webhooks.store",
            "VerdictStore": "omnivery.webhooks.store",
            "WebhookEvent": "omnivery.webhooks.payload",
            "bare_message_id": "omnivery.webhooks.delivery",
            "parse": "omnivery.webhooks.payload",
            "same_message": "omnivery.webhooks.delivery",
            "sign": "omnivery.webhooks.signature",
            "verify": "omnivery.webhooks.signature",
        },
    )
