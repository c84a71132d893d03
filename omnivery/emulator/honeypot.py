"""Who requested the honeypots of messages: hidden links that no human follows."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

from omnivery.events.ip_address import plain_address

MEMORY = 30 * 60
"""Seconds for which a visit is remembered (documented)."""
MOST_VISITS = 100_000
"""Most visits that are kept, so that a scanner cannot fill the memory: this emulator's own limit."""


class Honeypot:
    """The visits to all honeypots. Of a visitor it keeps, as the service does, IP address and user agent."""

    def __init__(self) -> None:
        self._visits: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._visits)

    def add(self, message_id: str, *, ip: str, agent: str) -> None:
        """Remember a visitor of one message's honeypot."""
        visit = (message_id, plain_address(ip) or ip, agent)
        self._visits.pop(visit, None)
        self._visits[visit] = time.monotonic() + MEMORY
        if len(self._visits) > MOST_VISITS:
            self._visits.popitem(last=False)

    def caught(self, message_id: Any, *, ip: Any, agent: Any) -> bool:
        """Whether that visitor requested the honeypot of that message, and not too long ago."""
        if not self._visits:
            return False
        visit = (message_id, ip, agent)
        return all(isinstance(part, str) for part in visit) and self._visits.get(visit, 0) > time.monotonic()

    def forget(self) -> None:
        """Forget all visits."""
        self._visits.clear()
