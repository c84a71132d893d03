"""Responses to changes, mostly a message. Its text is for people: do not branch on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from omnivery.display.record import Record
from omnivery.transport.operation import maybe_empty


@frozen(kw_only=True)
class Confirmation(Record):
    """A change that took effect."""

    message: str | None = None
    """The service's text; None if it sent none."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


@frozen(kw_only=True)
class AddressConfirmation(Record):
    """A change of a suppression list that took effect. All fields are None if the response is empty."""

    address: str | None = None
    """The address that was added or removed."""
    message: str | None = None
    """The service's text, which may contain the address."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


CONFIRMED = maybe_empty(Confirmation)
ADDRESS_CONFIRMED = maybe_empty(AddressConfirmation)
