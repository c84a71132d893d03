"""Bot events: one open or click each, in the three shapes in which the SDK takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import define


@define(kw_only=True)
class BotEvent:
    """One interaction with an e-mail: somebody, or something, opened it or clicked a link in it.

    `ip`, `uas` and `event_id` are required in bulk; a single `bots.check()` needs only `ip` or `uas`. Every
    further field makes the verdict more accurate.

    The class is mutable, which nothing else in the SDK is: building events dominates the cost of a pipeline, and a
    frozen class takes twice as long to build.

    Source: https://docs.omnivery.com/api-ref/automations-api (Bot detection).
    """

    ip: str | None = None
    """Address that the interaction came from, IPv4 or IPv6; not that of your own proxy."""
    uas: str | None = None
    """User-Agent header. Send `-`, as web servers log it, where the client sent none."""
    event_id: str | None = None
    """Your own key of this interaction, which comes back with the verdict; see `event_id_for`."""
    action: str | None = None
    """What was done, `open` or `click`; the service takes `click` where it is left out."""
    domain: str | None = None
    """The *recipient's* e-mail domain, in clear: the service looks up its MX. Not your sending domain."""
    recipient_id: str | None = None
    """Your key of the recipient; a hash is best, see `recipient_id_for`."""
    message_id: str | None = None
    """Your key of the message; the same text as in the message's honeypot link."""
    ts: int | None = None
    """When the interaction happened, in unix seconds."""
    message_ts: int | None = None
    """When the message was delivered, in unix seconds."""
    attributes: Mapping[str, Any] | None = None
    """Your own keys and JSON values: they travel beside the fields and come back with the verdict."""

    def __repr__(self) -> str:
        # Address, agent and recipient are personal data and stay out of logs and tracebacks.
        return f"BotEvent(event_id={self.event_id!r}, action={self.action!r}, ts={self.ts!r})"


@define(kw_only=True)
class EventLine:
    """One event as a line of NDJSON, kept as the very bytes that were read, and where it stood."""

    data: bytes
    """The event: one JSON object, without a line break."""
    line: int
    """The line's number in its source, from 1."""

    def __repr__(self) -> str:
        return f"EventLine(line={self.line}, bytes={len(self.data)})"


@define(kw_only=True)
class UnreadableLine:
    """A line of a source that holds no event. In a bulk run it counts as one rejected item."""

    line: int
    """The line's number in its source, from 1."""
    reason: str
    """What is wrong with it, in words that hold none of its content."""


EventLike: TypeAlias = BotEvent | Mapping[str, Any] | bytes | EventLine | UnreadableLine
"""Whatever a bulk run takes as one event: a `BotEvent`, a mapping in the API's own names, or a line of NDJSON."""

FIELDS = ("ip", "uas", "event_id", "action", "domain", "recipient_id", "message_id", "ts", "message_ts")
"""The names that the API itself gives a meaning; every other key of an event is the user's own."""
FIELD_NAMES = frozenset(FIELDS)
"""The same, to look a name up."""
