"""E-mail addresses: validation, and parsing of lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery import codec
from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.display.record import Record
from omnivery.mail.addresses import ParseResult
from omnivery.mail.vocabulary import ValidationReason, ValidationResult
from omnivery.transport.config import one_or_several, required_text
from omnivery.transport.operation import SAFE
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


@frozen(kw_only=True)
class KickboxResult(Record):
    """The result of validating one e-mail address, from Kickbox, the company that the service asks.

    Source: https://docs.kickbox.com/docs/single-verification-api.
    """

    result: ValidationResult | None = None
    """`deliverable`, `undeliverable`, `risky` or `unknown`. `unknown` is a result, not an error."""
    reason: ValidationReason | None = None
    """Why: `invalid_email`, `invalid_domain`, `rejected_email`, `accepted_email`, `low_quality`, `low_deliverability`,
    `no_connect`, `timeout`, `invalid_smtp`, `unavailable_smtp` or `unexpected_error`; the set is open."""
    role: bool | None = None
    """Whether it belongs to a function rather than a person, such as `sales@…`."""
    free: bool | None = None
    """Whether it belongs to a free mail service."""
    disposable: bool | None = None
    """Whether it belongs to a service of disposable addresses."""
    accept_all: bool | None = None
    """Whether its domain accepts mail for any address, so that nothing is known of this one."""
    did_you_mean: str | None = None
    """A likely correction of a misspelled address."""
    sendex: float | None = None
    """Kickbox's score of the address, from 0 to 1."""
    email: str | None = None
    """The normalised address."""
    user: str | None = None
    """The part before the @."""
    domain: str | None = None
    """The part after the @."""
    success: bool | None = None
    """Whether Kickbox could process the request."""
    message: str | None = None
    """The service's text, if there is one."""
    time_logged: datetime | None = field(default=None, metadata={codec.WIRE_NAME: "timeLogged"})
    """Time of the check, in UTC."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


# https://docs.omnivery.com/api-ref/automations-api (Email validation)
VALIDATE = operation("addresses.validate", "GET", "/{domain}/validate", returns=KickboxResult, safety=SAFE)
# https://docs.omnivery.com/api-ref/automations-api (Email parsing)
PARSE = operation("addresses.parse", "GET", "/address/parse", returns=ParseResult, safety=SAFE)


class AsyncAddresses(AsyncResource[AutomationsConfig]):
    """Validation and parsing of e-mail addresses."""

    async def validate(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> KickboxResult:
        """Check whether an e-mail address can receive mail.

        The domain's settings must allow it: the service passes the address to another company (Kickbox).

        Args:
            address: one address, without a name.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: the address is empty or the domain is missing; nothing was sent.
        """
        required_text(address, argument="address")
        return await self._send(VALIDATE, domain=domain, query=[("address", address)], options=options)

    async def parse(self, addresses: str | Iterable[str], *, options: CallOptions | None = None) -> ParseResult:
        """Split a list of e-mail addresses into those that can be parsed and those that cannot. Checks syntax only.

        Args:
            addresses: addresses with or without names, as one comma-separated text or as an iterable. A name that
                contains a comma must be quoted.
            options: options of this call.

        Raises:
            ConfigError: there is no address; nothing was sent.
            BadRequestError: the text is too long; Mailgun's limit is 8000 characters.
        """
        joined = required_text(",".join(one_or_several(addresses, argument="addresses")), argument="addresses")
        return await self._send(PARSE, query=[("addresses", joined)], options=options)
