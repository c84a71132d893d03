"""E-mail addresses: is there somebody to receive mail, and what do they look like in parts?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery import codec
from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.errors import ConfigError
from omnivery.mail.addresses import ParseResult
from omnivery.transport.operation import SAFE
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


@frozen(kw_only=True)
class KickboxResult:
    """What Kickbox, which the service asks, found out about an address.

    Source: https://docs.kickbox.com/docs/single-verification-api.
    """

    result: str | None = None
    """`deliverable`, `undeliverable`, `risky`, or `unknown`, which is an answer and no error."""
    reason: str | None = None
    """Why, in one word, such as `accepted_email`, `rejected_email` or `low_quality`; the list is open."""
    role: bool | None = None
    """Whether it is a function's address, such as `sales@…`, and no person's."""
    free: bool | None = None
    """Whether it is with a free mail service."""
    disposable: bool | None = None
    """Whether it is with a service for throw-away addresses."""
    accept_all: bool | None = None
    """Whether its domain takes mail for any address, so that nothing is known of this one."""
    did_you_mean: str | None = field(default=None, repr=False)
    """A better spelling, where a slip of the keys is likely."""
    sendex: float | None = None
    """Kickbox's grade of the address, from 0 to 1."""
    email: str | None = field(default=None, repr=False)
    """The address in its normal spelling."""
    user: str | None = field(default=None, repr=False)
    """What stands before the @."""
    domain: str | None = None
    """What stands behind the @."""
    success: bool | None = None
    """Whether the check itself could be done."""
    message: str | None = field(default=None, repr=False)
    """The service's words, if it has any."""
    time_logged: datetime | None = field(default=None, metadata={codec.WIRE_NAME: "timeLogged"})
    """When the check was done, in UTC."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


# https://docs.omnivery.com/api-ref/automations-api (Email validation)
VALIDATE = operation("addresses.validate", "GET", "/{domain}/validate", returns=KickboxResult, safety=SAFE)
# https://docs.omnivery.com/api-ref/automations-api (Email parsing)
PARSE = operation("addresses.parse", "GET", "/address/parse", returns=ParseResult, safety=SAFE)


class AsyncAddresses(AsyncResource[AutomationsConfig]):
    """Checks of e-mail addresses."""

    async def validate(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> KickboxResult:
        """Find out whether an address can receive mail.

        The address is given to Kickbox, another company: the domain's settings must allow it.

        Args:
            address: the address.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            ConfigError: the address is empty or the domain is missing; nothing was sent.
        """
        _not_empty(address, argument="address")
        return await self._send(VALIDATE, domain=domain, query=[("address", address)], options=options)

    async def parse(self, addresses: str | Iterable[str], *, options: CallOptions | None = None) -> ParseResult:
        """Read addresses as they stand in a header, such as `Ann <ann@example.com>`, and sort out what is none.

        Only their syntax is looked at, not whether anybody receives mail there.

        Args:
            addresses: several addresses, or one text with commas between them.
            options: what this call does differently.

        Raises:
            ConfigError: there is no address; nothing was sent.
            BadRequestError: there are too many; Mailgun takes 8000 characters.
        """
        joined = addresses if isinstance(addresses, str) else ",".join(addresses)
        _not_empty(joined, argument="addresses")
        return await self._send(PARSE, query=[("addresses", joined)], options=options)


def _not_empty(value: str, *, argument: str) -> None:
    if not value.strip():
        raise ConfigError(f"{argument}: must not be empty. Nothing was sent.")
