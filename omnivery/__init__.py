"""omnivery: bot detection for e-mail interactions, and a Mailgun-compatible e-mail API.

Names load at first use: `import omnivery` itself loads nothing but the interpreter's own modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports
from omnivery._version import __version__

if TYPE_CHECKING:
    from omnivery import automations, errors, mailgun, webhooks
    from omnivery.automations._sync import Automations
    from omnivery.automations.client import AsyncAutomations
    from omnivery.events.event import BotEvent
    from omnivery.mail.message import Attachment, Message
    from omnivery.mailgun._sync import Mailgun
    from omnivery.mailgun.client import AsyncMailgun
    from omnivery.transport.config import (
        CallOptions,
        Limits,
        RetryPolicy,
        Timeouts,
    )

__all__ = [
    "AsyncAutomations",
    "AsyncMailgun",
    "Attachment",
    "Automations",
    "BotEvent",
    "CallOptions",
    "Limits",
    "Mailgun",
    "Message",
    "RetryPolicy",
    "Timeouts",
    "__version__",
    "automations",
    "errors",
    "mailgun",
    "webhooks",
]

if not TYPE_CHECKING:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "AsyncAutomations": "omnivery.automations.client",
            "AsyncMailgun": "omnivery.mailgun.client",
            "Attachment": "omnivery.mail.message",
            "Automations": "omnivery.automations._sync",
            "BotEvent": "omnivery.events.event",
            "CallOptions": "omnivery.transport.config",
            "Limits": "omnivery.transport.config",
            "Mailgun": "omnivery.mailgun._sync",
            "Message": "omnivery.mail.message",
            "RetryPolicy": "omnivery.transport.config",
            "Timeouts": "omnivery.transport.config",
            "automations": None,
            "errors": None,
            "mailgun": None,
            "webhooks": None,
        },
    )
