"""An emulator of both APIs, with real HTTP, real signed webhooks and faults on demand. It needs no account.

It needs the extra `emulator`. Its verdicts are plausible, not the product's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.emulator.activity import Activity as Activity
    from omnivery.emulator.emulator import Emulator as Emulator
    from omnivery.emulator.fault_spec import FaultSpec as FaultSpec
    from omnivery.emulator.message import StoredFile as StoredFile
    from omnivery.emulator.message import StoredMessage as StoredMessage
    from omnivery.emulator.sample_events import newsletter_events as newsletter_events
    from omnivery.emulator.smtp_statistics import SmtpStatistics as SmtpStatistics
    from omnivery.emulator.store import SeenRequest as SeenRequest
    from omnivery.emulator.store import Statistics as Statistics
    from omnivery.emulator.store import WebhookAttempt as WebhookAttempt
else:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(__name__, extra="emulator")
