"""Who did it, a bot or a human? Verdicts of the emulator: plausible, not the product's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from crawleruseragents import is_crawler  # type: ignore[import-untyped]  # it has none

from omnivery.events.ip_address import plain_address

Event: TypeAlias = Mapping[str, Any]
"""One interaction, in the API's own names."""

ALWAYS_BOT = "192.0.2."
"""Fixed test network: every event from here is a bot's. All three are documentation networks (RFC 5737)."""
ALWAYS_HUMAN = "198.51.100."
"""Fixed test network: every event from here is a human's."""
NEVER_ANSWERED = "203.0.113."
"""Fixed test network: no event from here ever gets a verdict."""

HASTE = 2
"""Seconds after delivery within which nobody reads and clicks."""
BURST = 4
"""Interactions of one recipient with one message in one second that are too many for a hand."""
AGENTS_REMEMBERED = 20_000
"""User agents whose look-up is kept: a new one costs 0.2 ms."""


class Detector:
    """Judges events by a few simple rules.

    The verdicts are plausible, not the product's: they are good for trying the loop and for tests, and say nothing
    about how well the service tells bots from humans.
    """

    def __init__(self) -> None:
        self._is_crawler = lru_cache(maxsize=AGENTS_REMEMBERED)(is_crawler)

    def judge(self, events: Sequence[Event]) -> list[bool | None]:
        """Say for each event of a batch whether a bot did it; None where no verdict will ever be given."""
        bursts = _bursts(events)
        return [self._verdict(event, bursts) for event in events]

    def _verdict(self, event: Event, bursts: frozenset[_Moment]) -> bool | None:
        ip, agent = event.get("ip"), event.get("uas")
        # 1. The fixed test networks, whatever else the event says. An IPv4-mapped address is that IPv4 address.
        if isinstance(ip, str):
            ip = plain_address(ip) or ip
        if isinstance(ip, str) and ip.startswith((ALWAYS_BOT, ALWAYS_HUMAN, NEVER_ANSWERED)):
            return None if ip.startswith(NEVER_ANSWERED) else ip.startswith(ALWAYS_BOT)
        if isinstance(agent, str):
            # 2. No user agent: `-` is how web servers log a missing one. Browsers always send theirs.
            if agent.strip() in {"", "-"}:
                return True
            # 3. A user agent that says what it is.
            if self._is_crawler(agent):
                return True
        # 4. Too soon after delivery for a human. Times before delivery are a wrong clock and say nothing.
        ts, message_ts = event.get("ts"), event.get("message_ts")
        if isinstance(ts, int) and isinstance(message_ts, int) and 0 <= ts - message_ts < HASTE:
            return True
        # 5. One of a burst: a scanner that follows every link at once.  6. Otherwise a human.
        return bool(bursts) and _moment(event) in bursts


_Moment: TypeAlias = tuple[str, str, int]


def _bursts(events: Sequence[Event]) -> frozenset[_Moment]:
    counts = Counter(moment for event in events if (moment := _moment(event)))
    return frozenset(moment for moment, count in counts.items() if count >= BURST)


def _moment(event: Event) -> _Moment | None:
    """Message, recipient and second of an event, if it names all three."""
    message, recipient, ts = event.get("message_id"), event.get("recipient_id"), event.get("ts")
    if isinstance(message, str) and isinstance(recipient, str) and isinstance(ts, int):
        return message, recipient, ts
    return None
