"""Parsed addresses: the result of reading a list of e-mail addresses, on either surface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from omnivery import codec
from omnivery.display.record import Record


@frozen(kw_only=True)
class ParsedAddress(Record):
    """One e-mail address that could be parsed."""

    email: str | None = None
    """The address alone, without a name."""
    domain: str | None = None
    """The part after the @."""
    localpart: str | None = None
    """The part before the @."""
    name: str | None = None
    """The display name, if there was one."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


def _parsed(value: object) -> object:
    # Omnivery sends objects, Mailgun with the addresses alone.
    if not isinstance(value, list):
        return value
    return [{"email": item} if isinstance(item, str) else item for item in value]


@frozen(kw_only=True)
class ParseResult(Record):
    """A list of e-mail addresses, split into those that could be parsed and those that could not.

    Only the syntax is checked, not whether the mailbox exists.
    """

    parsed: tuple[ParsedAddress, ...] = field(default=(), metadata={codec.READ: _parsed})
    """Addresses that could be parsed."""
    # Omnivery spells it with an e, Mailgun without.
    unparseable: tuple[str, ...] = field(default=(), metadata={codec.ALIAS: "unparsable"})
    """Entries that could not be parsed, as they were sent."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""
