"""Verdicts of the service about single interactions."""

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
    """The service's verdict about one interaction: a bot, a human, or unknown.

    Source: https://docs.omnivery.com/api-ref/automations-api (Bot detection, result).
    """

    is_bot: bool | None = None
    """True for a bot, False for a human, None (which does not mean False) if the response does not say."""
    request: BotEvent = field(factory=BotEvent, converter=_made, metadata={codec.READ: _read})
    """The interaction as it was submitted, your own attributes included. A mapping of its fields is converted."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the response that the SDK does not know."""

    @property
    def event_id(self) -> str | None:
        """The id of the interaction, by which a verdict is matched to its event; None if it was submitted without.

        Text, also where the response has a number.
        """
        value: object = self.request.event_id
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return value if isinstance(value, str) else None

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Your own attributes of the interaction; empty if it has none."""
        return self.request.attributes or {}


@frozen(kw_only=True)
class PendingVerdict(Record):
    """A single check whose verdict comes later: fetch it with `bots.result()` or `bots.wait()`."""

    request_id: str
    """The service's id of this check."""
    domain: str | None = None
    """The sending domain of the check. Its result is found under the same domain."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the response that the SDK does not know."""
