"""A verdict: what the service says about one interaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from omnivery import codec
from omnivery.display.record import Record
from omnivery.events.event import BotEvent


def _read(value: object) -> BotEvent | None:
    return BotEvent.from_fields(value) if isinstance(value, Mapping) else None


def _made(given: BotEvent | Mapping[str, Any]) -> BotEvent:
    return given if isinstance(given, BotEvent) else BotEvent.from_fields(given)


@frozen(kw_only=True)
class Verdict(Record):
    """What the service says of one interaction: a bot, a human, or unknown.

    Source: https://docs.omnivery.com/api-ref/automations-api (Bot detection, result).
    """

    is_bot: bool | None = None
    """True for a bot, False for a human, None where the response does not say, which is not False."""
    request: BotEvent = field(factory=BotEvent, converter=_made, metadata={codec.READ: _read})
    """The interaction as it was submitted, your own attributes included. A mapping of its fields is turned into it."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the response that the SDK does not know."""

    @property
    def event_id(self) -> str | None:
        """The interaction's own id, by which a verdict is matched to its event; None where none was given."""
        value: object = self.request.event_id
        return value if isinstance(value, str) else None

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Your own attributes of the interaction; empty if it has none."""
        return self.request.attributes or {}


@frozen(kw_only=True)
class PendingVerdict(Record):
    """A single check whose verdict comes later: ask for it with `bots.result()` or `bots.wait()`."""

    request_id: str
    """The service's id of this check."""
    domain: str | None = None
    """The sending domain under which the check was made, and under which its result is found."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the response that the SDK does not know."""
