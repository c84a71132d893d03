"""omnivery: bot detection for e-mail interactions, and a Mailgun-compatible e-mail API.

Names load at first use: `import omnivery` itself loads nothing but the interpreter's own modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery import automations as automations
    from omnivery import errors as errors
    from omnivery import mailgun as mailgun
    from omnivery import webhooks as webhooks
    from omnivery._logging import RedactionFilter as RedactionFilter
    from omnivery._version import __version__ as __version__
    from omnivery.automations._sync import Automations as Automations
    from omnivery.automations.client import AsyncAutomations as AsyncAutomations
    from omnivery.events.event import BotEvent as BotEvent
    from omnivery.mail.attachment import Attachment as Attachment
    from omnivery.mail.message import Message as Message
    from omnivery.mailgun._sync import Mailgun as Mailgun
    from omnivery.mailgun.client import AsyncMailgun as AsyncMailgun
    from omnivery.transport.config import CallOptions as CallOptions
    from omnivery.transport.config import Limits as Limits
    from omnivery.transport.config import RetryPolicy as RetryPolicy
    from omnivery.transport.config import Timeouts as Timeouts
    from omnivery.transport.http import ApiResponse as ApiResponse
    from omnivery.transport.observe import Attempt as Attempt
    from omnivery.transport.observe import Observer as Observer
else:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(__name__)
