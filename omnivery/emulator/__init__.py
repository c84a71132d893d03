"""An emulator of both APIs: real HTTP, real signed webhooks, and faults on demand; no account needed.

It comes with the extra `emulator`. Its verdicts are plausible, not the product's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.emulator.faults import Chaos
    from omnivery.emulator.message import StoredFile, StoredMessage
    from omnivery.emulator.server import Emulator
    from omnivery.emulator.store import SeenRequest, Statistics, WebhookAttempt

__all__ = ["Chaos", "Emulator", "SeenRequest", "Statistics", "StoredFile", "StoredMessage", "WebhookAttempt"]

if not TYPE_CHECKING:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "Chaos": "omnivery.emulator.faults",
            "Emulator": "omnivery.emulator.server",
            "SeenRequest": "omnivery.emulator.store",
            "Statistics": "omnivery.emulator.store",
            "StoredFile": "omnivery.emulator.message",
            "StoredMessage": "omnivery.emulator.message",
            "WebhookAttempt": "omnivery.emulator.store",
        },
    )
