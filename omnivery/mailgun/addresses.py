"""E-mail addresses: validation, and parsing of lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery.display.record import Record
from omnivery.mail.addresses import ParseResult
from omnivery.mail.vocabulary import ValidationReason
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.operations import any_key, sending
from omnivery.transport.config import one_or_several, required_text
from omnivery.transport.operation import SAFE
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


@frozen(kw_only=True)
class AddressParts(Record):
    """The parts of an e-mail address."""

    domain: str | None = None
    """The part after the @."""
    local_part: str | None = None
    """The part before the @."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


@frozen(kw_only=True)
class AddressValidation(Record):
    """The result of validating one e-mail address."""

    address: str | None = None
    """The address that was validated."""
    is_valid: bool | None = None
    """Whether mail to it is likely to arrive; None if the response did not say, which is not False."""
    reason: ValidationReason | None = None
    """Why: `invalid_email`, `invalid_domain`, `rejected_email`, `accepted_email`, `low_quality`, `low_deliverability`,
    `no_connect`, `timeout`, `invalid_smtp`, `unavailable_smtp` or `unexpected_error`; the set is open."""
    is_disposable_address: bool | None = None
    """Whether it belongs to a service of disposable addresses."""
    is_role_address: bool | None = None
    """Whether it belongs to a function rather than a person, such as `info@`."""
    did_you_mean: str | None = None
    """A likely correction of a misspelt address."""
    parts: AddressParts | None = None
    """The parts of the address."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


# https://docs.omnivery.com/api-ref/mailgun-api (Email validation)
VALIDATE = sending("addresses.validate", "GET", "/address/private/validate", returns=AddressValidation, safety=SAFE)
# https://docs.omnivery.com/api-ref/mailgun-api (Email validation, parse)
PARSE = any_key("addresses.parse", "GET", "/address/private/parse", returns=ParseResult, safety=SAFE)


class AsyncAddresses(AsyncResource[MailgunConfig]):
    """Validation and parsing of e-mail addresses."""

    async def validate(self, address: str, *, options: CallOptions | None = None) -> AddressValidation:
        """Check whether an e-mail address can receive mail.

        The domain's settings must allow it: the service passes the address to another company (Kickbox).

        Args:
            address: one address, without a name.
            options: options of this call.

        Raises:
            ConfigError: the address is empty; nothing was sent.
            AuthenticationError, ForbiddenError: the key is not a domain's sending key, which this operation requires.
        """
        required_text(address, argument="address")
        return await self._send(VALIDATE, query=[("address", address)], options=options)

    async def parse(self, addresses: str | Iterable[str], *, options: CallOptions | None = None) -> ParseResult:
        """Split a list of e-mail addresses into those that can be parsed and those that cannot. Checks syntax only.

        Args:
            addresses: addresses with or without names, as one comma-separated text or as an iterable. A name that
                contains a comma must be quoted.
            options: options of this call.

        Raises:
            ConfigError: there is no address; nothing was sent.
        """
        joined = required_text(",".join(one_or_several(addresses, argument="addresses")), argument="addresses")
        return await self._send(PARSE, query=[("addresses", joined)], options=options)
