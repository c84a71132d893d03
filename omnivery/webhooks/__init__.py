"""Webhook calls from the service: prove who sent them, read them, receive them.

    app = Receiver(handler, signing_key)                what to run or mount: an ASGI app
    event = parse(body, signing_key)                    in a web framework of your own
    verify(body, signing_key)                           only to ask whether the sender is the service

The signing key is the account's own and signs every webhook call; give the old and the new one while it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.webhooks.payload import WebhookEvent, parse
    from omnivery.webhooks.receiver import Receiver, ReceiverStatistics
    from omnivery.webhooks.signature import sign, verify
    from omnivery.webhooks.verdicts import BotVerdicts

__all__ = [
    "BotVerdicts",
    "Receiver",
    "ReceiverStatistics",
    "WebhookEvent",
    "parse",
    "sign",
    "verify",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "BotVerdicts": "omnivery.webhooks.verdicts",
        "Receiver": "omnivery.webhooks.receiver",
        "ReceiverStatistics": "omnivery.webhooks.receiver",
        "WebhookEvent": "omnivery.webhooks.payload",
        "parse": "omnivery.webhooks.payload",
        "sign": "omnivery.webhooks.signature",
        "verify": "omnivery.webhooks.signature",
    },
)
