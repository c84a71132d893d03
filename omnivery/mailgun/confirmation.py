"""What the API answers to a change: a message, mostly. Its words are for people, and differ from what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from omnivery.transport.operation import maybe_empty


@frozen(kw_only=True)
class Confirmation:
    """A change that took effect."""

    message: str | None = None
    """The service's words; None where it gave none."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


@frozen(kw_only=True)
class AddressConfirmation:
    """A change of a suppression list that took effect. Some of these answers are empty: then all is None."""

    address: str | None = field(default=None, repr=False)
    """The address that was entered or removed."""
    message: str | None = field(default=None, repr=False)
    """The service's words, which may hold the address."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


CONFIRMED = maybe_empty(Confirmation)
ADDRESS_CONFIRMED = maybe_empty(AddressConfirmation)
