"""The account: the owner and role of the token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.display.record import Record
from omnivery.transport.operation import SAFE, inside
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


@frozen(kw_only=True)
class AuthInfo(Record):
    """Owner and role of a token."""

    cid: int | None = None
    """Number of the customer."""
    did: int | None = None
    """Number of the domain that the token belongs to; presumably None for an account's token."""
    tid: int | None = None
    """Number of the token."""
    domain: str | None = None
    """The domain that the token belongs to; presumably None for an account's token."""
    role: str | None = None
    """Role of the token, such as `sending`; the set of roles is not published."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


# https://docs.omnivery.com/api-ref/automations-api (Account, test)
TEST = operation("account.test", "GET", "/test", returns=inside("auth", AuthInfo), safety=SAFE)


class AsyncAccount(AsyncResource[AutomationsConfig]):
    """The account of the token."""

    async def test(self, *, options: CallOptions | None = None) -> AuthInfo:
        """Return the owner of the token: the cheapest check that token and base URL are right.

        Args:
            options: options of this call.

        Raises:
            AuthenticationError: the service does not know the token.
        """
        return await self._send(TEST, options=options)
