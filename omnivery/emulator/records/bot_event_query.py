"""Queries for bot events, and how the events of a batch are compared with one."""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias

from attrs import frozen

from omnivery.codec import dumps

VerdictWord: TypeAlias = Literal["bot", "human", "none"]
"""A verdict in a query: `none` for an event that never gets one."""
WORDS: dict[str, int] = {"human": 0, "bot": 1, "none": 2}
"""The code of each word of a query."""
EXACT = ("action", "event_id", "recipient_id", "message_id", "domain")
"""Fields of an event that a query compares as a whole."""
PLAIN_TEXT = re.compile(r"(?! )[a-z0-9 ._/@+-]*[b-dghj-mp-z][a-z0-9 ._/@+-]*(?<! )")
"""Text that can only be a part of a string, or of `true` and `false`: not of a number, of `None`, nor of two values."""


@frozen(kw_only=True)
class BotEventQuery:
    """Which events to return: those for which all that is given holds."""

    text: str | None = None
    """Text that occurs in one of its values, whatever its case."""
    ip: str | None = None
    """Its IP address; the beginning of one if it ends with a dot or colon."""
    agent: str | None = None
    """Text that occurs in its user agent, whatever its case."""
    verdict: VerdictWord | None = None
    """Its verdict."""
    action: str | None = None
    event_id: str | None = None
    recipient_id: str | None = None
    message_id: str | None = None
    domain: str | None = None
    """The field of that name in the event, not the sending domain of the path."""
    batch_id: str | None = None
    """The batch or check that it came with."""


class BotEventMatch:
    """Compares events with a query.

    Args:
        query: what must hold.
    """

    def __init__(self, query: BotEventQuery) -> None:
        self._exact = [(name, value) for name in EXACT if (value := getattr(query, name)) is not None]
        self._code = WORDS[query.verdict] if query.verdict else None
        self._ip, self._agent, self._text = query.ip, (query.agent or "").lower(), (query.text or "").lower()
        self._needles = [dumps(value) for _, value in self._exact]
        if query.ip:
            self._needles.append(dumps(query.ip)[: -1 if _is_beginning(query.ip) else None])
        plain = [self._agent] if self._agent.isascii() else []
        plain += [self._text] if PLAIN_TEXT.fullmatch(self._text) else []
        self._lower_needles = [dumps(text)[1:-1] for text in plain if text]

    def __call__(self, event: dict[str, Any], verdict: int) -> bool:
        """Return whether an event matches, with its verdict's code."""
        if self._code is not None and verdict != self._code:
            return False
        if any(event.get(name) != value for name, value in self._exact):
            return False
        if self._ip and not _has_address(str(event.get("ip") or ""), self._ip):
            return False
        if self._agent and self._agent not in str(event.get("uas") or "").lower():
            return False
        return not self._text or any(self._text in str(value).lower() for value in event.values())

    def is_possible(self, body: bytes, verdicts: bytes) -> bool:
        """Return False for a batch none of whose events match, as far as its bytes tell: to read them takes longer."""
        if self._code is not None and self._code not in verdicts:
            return False
        if b"\\" in body:  # which may spell a value in another way
            return True
        if any(needle not in body for needle in self._needles):
            return False
        # The lower case of some other letters is an ASCII one.
        if not self._lower_needles or not body.isascii():
            return True
        lower = body.lower()
        return all(needle in lower for needle in self._lower_needles)


def _has_address(address: str, wanted: str) -> bool:
    return address.startswith(wanted) if _is_beginning(wanted) else address == wanted


def _is_beginning(address: str) -> bool:
    return address.endswith((".", ":"))
