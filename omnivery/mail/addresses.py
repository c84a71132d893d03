"""Parsed addresses: what both APIs answer when they are asked to read a list of addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from omnivery import codec


@frozen(kw_only=True)
class ParsedAddress:
    """One address that could be read."""

    email: str | None = field(default=None, repr=False)
    """The address alone, without a name."""
    domain: str | None = field(default=None, repr=False)
    """What stands behind the @."""
    localpart: str | None = field(default=None, repr=False)
    """What stands before the @."""
    name: str | None = field(default=None, repr=False)
    """The display name, where there was one."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


def _parsed(value: object) -> object:
    # Omnivery answers with objects, Mailgun with the addresses alone.
    if not isinstance(value, list):
        return value
    return [{"email": item} if isinstance(item, str) else item for item in value]


@frozen(kw_only=True)
class ParseResult:
    """A list of addresses, sorted into those that could be read and those that could not.

    Only their syntax was looked at, not whether anybody receives mail there.
    """

    parsed: tuple[ParsedAddress, ...] = field(default=(), metadata={codec.READ: _parsed})
    """Those that could be read."""
    # Omnivery spells it with an e, Mailgun without.
    unparseable: tuple[str, ...] = field(default=(), repr=False, metadata={codec.ALIAS: "unparsable"})
    """Those that could not, as they were sent."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""
