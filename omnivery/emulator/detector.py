"""The emulator's verdicts: bot or human. They are plausible, not the product's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from crawleruseragents import is_crawler  # type: ignore[import-untyped]  # it has no types

from omnivery.emulator.honeypot import Honeypot
from omnivery.events.ip_address import plain_address

Event: TypeAlias = Mapping[str, Any]
"""One interaction, in the API's own names."""

ALWAYS_BOT = "192.0.2."
"""Fixed test network: every event from here is a bot's. All three are documentation networks (RFC 5737)."""
ALWAYS_HUMAN = "198.51.100."
"""Fixed test network: every event from here is a human's."""
NEVER_JUDGED = "203.0.113."
"""Fixed test network: no event from here ever gets a verdict."""

FIXED = (ALWAYS_BOT, ALWAYS_HUMAN, NEVER_JUDGED)
"""All fixed test networks."""

HASTE = 2
"""Seconds after delivery within which a human neither opens nor clicks."""
BURST = 4
"""Number of interactions of one recipient with one message in one second that is too high for a human."""
AGENTS_REMEMBERED = 20_000
"""Number of user agents whose result is cached: a new one costs 0.2 ms."""


class Detector:
    """Judges events by a few simple rules.

    The verdicts are plausible, not the product's. They serve for tests and for trying the SDK, and say nothing about
    the quality of the service's verdicts.
    """

    def __init__(self) -> None:
        self.honeypot: Honeypot = Honeypot()
        self._is_bot_agent = lru_cache(maxsize=AGENTS_REMEMBERED)(is_bot_agent)

    def judge(self, events: Sequence[Event]) -> list[bool | None]:
        """Return for each event of a batch whether it is a bot's; None if it never gets a verdict."""
        bursts = _bursts(events)
        return [self._verdict(event, bursts) for event in events]

    def _verdict(self, event: Event, bursts: frozenset[_Moment]) -> bool | None:
        ip, agent = event.get("ip"), event.get("uas")
        # 1. The fixed test networks. An IPv4-mapped address counts as its IPv4 address.
        if isinstance(ip, str):
            if ":" in ip:
                ip = plain_address(ip) or ip
            if ip.startswith(FIXED):
                return None if ip.startswith(NEVER_JUDGED) else ip.startswith(ALWAYS_BOT)
        # 2. The client that requested the honeypot of this message.
        if self.honeypot and self.honeypot.caught(event.get("message_id"), ip=ip, agent=agent):
            return True
        # 3. No user agent, or one of a known crawler.
        if isinstance(agent, str) and self._is_bot_agent(agent):
            return True
        # 4. Too soon after delivery for a human. A time before delivery comes from a wrong clock and says nothing.
        ts, message_ts = event.get("ts"), event.get("message_ts")
        if isinstance(ts, int) and isinstance(message_ts, int) and 0 <= ts - message_ts < HASTE:
            return True
        # 5. Part of a burst: a scanner that follows all links at once.  6. Otherwise a human.
        return bool(bursts) and _moment(event) in bursts


def is_bot_agent(agent: str) -> bool:
    """Return whether a user agent is missing, or that of a known crawler."""
    # Web servers log a missing one as `-`. Browsers always send one.
    return agent.strip() in {"", "-"} or bool(is_crawler(agent))


_Moment: TypeAlias = tuple[str, str, int]


def _bursts(events: Sequence[Event]) -> frozenset[_Moment]:
    # Counted column by column first, whatever the values are: nearly every batch has no burst.
    try:
        columns = [[event.get(name) for event in events] for name in ("message_id", "recipient_id", "ts")]
        if max(Counter(zip(*columns, strict=True)).values(), default=0) < BURST:
            return frozenset()
    except TypeError:  # a value that has no hash, such as a list
        pass
    counts = Counter(moment for event in events if (moment := _moment(event)))
    return frozenset(moment for moment, count in counts.items() if count >= BURST)


def _moment(event: Event) -> _Moment | None:
    """Return message, recipient and second of an event; None if one of them is missing."""
    message, recipient, ts = event.get("message_id"), event.get("recipient_id"), event.get("ts")
    if isinstance(message, str) and isinstance(recipient, str) and isinstance(ts, int):
        return message, recipient, ts
    return None
