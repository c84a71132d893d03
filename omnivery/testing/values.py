"""Events and messages that are valid as they are, to be changed where a test needs it."""

from __future__ import annotations

import secrets
import time
from typing import Any

from omnivery.events.event import BotEvent
from omnivery.mail.message import Message

READER_IP = "198.51.100.7"
"""From the network whose events the emulator always judges to be a human's."""
READER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
DELIVERED_BEFORE = 600
"""Seconds from delivery to the interaction."""


def bot_event(**fields: Any) -> BotEvent:
    """Return a valid event with every field: a click that the emulator judges to be a human's, with an id of its own.

    With an `ip` of 192.0.2.0/24 it is a bot's, and with one of 203.0.113.0/24 there is never a verdict.

    Args:
        fields: fields of `BotEvent` to set, `attributes` among them. None leaves a field out.

    Raises:
        TypeError: an event has no such field.
    """
    now = int(time.time())
    defaults: dict[str, Any] = {
        "ip": READER_IP,
        "uas": READER_AGENT,
        "event_id": secrets.token_hex(16),
        "action": "click",
        "domain": "example.com",
        "recipient_id": secrets.token_hex(16),
        "message_id": secrets.token_hex(16),
        "ts": now,
        "message_ts": now - DELIVERED_BEFORE,
    }
    return BotEvent(**{**defaults, **fields})


def message(**fields: Any) -> Message:
    """Return a valid message from `news@mail.example.com`, which the emulator's first domain may send.

    Args:
        fields: fields of `Message` to set.

    Raises:
        TypeError: a message has no such field.
    """
    defaults: dict[str, Any] = {
        "from_": "Example News <news@mail.example.com>",
        "to": "Ann <ann@example.com>",
        "subject": "Your report",
        "text": "Here it is: https://example.com/report",
    }
    return Message(**{**defaults, **fields})
