"""SMTP credentials of a domain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery.display.record import Record
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.confirmation import CONFIRMED, Confirmation
from omnivery.mailgun.operations import primary
from omnivery.transport import body as encoding
from omnivery.transport.operation import IDEMPOTENT, NON_IDEMPOTENT, SAFE
from omnivery.transport.paging import AsyncPages, page_of, window
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


@frozen(kw_only=True)
class SmtpCredential(Record):
    """One SMTP user of a domain."""

    login: str | None = None
    """The user name: a plain name or a whole address."""
    mailbox: str | None = None
    """The mailbox of this user."""
    note: str | None = None
    """A note of the person who created it."""
    created_at: datetime | None = None
    """When it was created."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


@frozen(kw_only=True)
class CredentialCreated(Record):
    """A new SMTP user."""

    username: str | None = None
    """The user name, which the list calls `login`."""
    message: str | None = None
    """The service's text."""
    note: str | None = None
    """A note of the person who created it."""
    created_at: datetime | None = None
    """When it was created. The response names no zone; UTC is assumed."""
    updated_at: datetime | None = None
    """When it was last changed. The response names no zone; UTC is assumed."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


# https://docs.omnivery.com/api-ref/mailgun-api (Domains, credentials)
LIST = primary("credentials.list", "GET", "/domains/{domain}/credentials", returns=page_of(SmtpCredential), safety=SAFE)
CREATE = primary(
    "credentials.create", "POST", "/domains/{domain}/credentials", returns=CredentialCreated, safety=NON_IDEMPOTENT
)
UPDATE_PASSWORD = primary(
    "credentials.update_password", "PUT", "/domains/{domain}/credentials/{login}", returns=CONFIRMED, safety=IDEMPOTENT
)
DELETE = primary(
    "credentials.delete", "DELETE", "/domains/{domain}/credentials/{login}", returns=CONFIRMED, safety=IDEMPOTENT
)


class AsyncCredentials(AsyncResource[MailgunConfig]):
    """SMTP credentials of a domain.

    The API's page asks for a password of 5 to 32 characters, the service's guide for at least 8 with a capital and a
    special character. The server decides; the SDK does not check it.
    """

    def list(
        self, *, limit: int = 100, skip: int = 0, domain: str | None = None, options: CallOptions | None = None
    ) -> AsyncPages[SmtpCredential]:
        """Return the SMTP users of a domain.

        Args:
            limit: users on a page.
            skip: users to leave out at the start of the list.
            domain: the sending domain; the client's own if left out.
            options: options of the call for each page.
        """
        return self._pages(LIST, domain=domain, query=window(limit, skip), options=options)

    async def create(
        self, login: str, password: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> CredentialCreated:
        """Create an SMTP user.

        Args:
            login: the user name: a plain name, or a whole address in the domain.
            password: the password.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            BadRequestError: the name is taken, or the password is not good enough.
            AmbiguousError: the response was lost, so the user may exist: it is not retried.
        """
        body = encoding.form([("login", login), ("password", password)])
        return await self._send(CREATE, domain=domain, body=body, options=options)

    async def update_password(
        self, login: str, password: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> Confirmation:
        """Change the password of an SMTP user.

        Args:
            login: the user name, as the list has it.
            password: the new password.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: there is no such user.
        """
        body = encoding.form([("password", password)])
        return await self._send(UPDATE_PASSWORD, domain=domain, path={"login": login}, body=body, options=options)

    async def delete(
        self, login: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> Confirmation:
        """Delete an SMTP user.

        Args:
            login: the user name, as the list has it.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: there is no such user; after a retry, this call itself may have deleted it.
        """
        return await self._send(DELETE, domain=domain, path={"login": login}, options=options)
