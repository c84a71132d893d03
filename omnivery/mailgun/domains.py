"""Sending domains: their state, their DNS records, their tracking."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery import codec
from omnivery.display.record import Record
from omnivery.mail.dns import DnsRecord
from omnivery.mail.vocabulary import DomainState
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.confirmation import CONFIRMED, Confirmation
from omnivery.mailgun.operations import any_key, primary
from omnivery.transport import body as encoding
from omnivery.transport.config import flag, valid_domain
from omnivery.transport.operation import (
    IDEMPOTENT,
    NON_IDEMPOTENT,
    SAFE,
    inside,
)
from omnivery.transport.paging import AsyncPages, page_of, window
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


@frozen(kw_only=True)
class Domain(Record):
    """A sending domain."""

    name: str | None = None
    """Name of the domain."""
    state: DomainState | None = None
    """`pending`, `unverified`, `active`, `rejected` or `disabled`; the set is open. Only an active domain sends."""
    wildcard: bool | None = None
    """Whether it accepts mail for its subdomains, too."""
    force_dkim_authority: bool | None = None
    """Whether its own DKIM key is used even if it is a subdomain."""
    created_at: datetime | None = None
    """When it was created."""
    updated_at: datetime | None = None
    """When it was last changed; None in lists."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


@frozen(kw_only=True)
class DomainDetail(Record):
    """A sending domain with its DNS records."""

    domain: Domain | None = None
    """The domain itself."""
    receiving_dns_records: tuple[DnsRecord, ...] = ()
    """Records for incoming mail: bounces, unsubscribes and feedback."""
    sending_dns_records: tuple[DnsRecord, ...] = ()
    """Records for outgoing mail: SPF, DKIM, tracking."""
    message: str | None = None
    """The service's text, after a change."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


def _active(value: object) -> bool | None:
    # Mailgun also sends texts; `htmlonly` means on for the HTML part alone.
    words = {"yes": True, "true": True, "htmlonly": True, "no": False, "false": False}
    return value if isinstance(value, bool) else words.get(value) if isinstance(value, str) else None


@frozen(kw_only=True)
class TrackingSetting(Record):
    """One kind of tracking."""

    active: bool | None = field(default=None, metadata={codec.READ: _active})
    """Whether it is on."""
    html_footer: str | None = None
    """Footer of HTML messages; for the unsubscribe setting only."""
    text_footer: str | None = None
    """Footer of text messages; for the unsubscribe setting only."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


@frozen(kw_only=True)
class Tracking(Record):
    """Tracking settings of a domain."""

    click: TrackingSetting | None = None
    """Tracking of clicks."""
    open: TrackingSetting | None = None
    """Tracking of opens."""
    unsubscribe: TrackingSetting | None = None
    """The unsubscribe link."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


# https://docs.omnivery.com/api-ref/mailgun-api (Domains)
LIST = any_key("domains.list", "GET", "/domains", returns=page_of(Domain), safety=SAFE)
GET = any_key("domains.get", "GET", "/domains/{name}", returns=DomainDetail, safety=SAFE)
CREATE = primary("domains.create", "POST", "/domains", returns=DomainDetail, safety=NON_IDEMPOTENT)
DELETE = primary("domains.delete", "DELETE", "/domains/{name}", returns=CONFIRMED, safety=IDEMPOTENT)
# https://docs.omnivery.com/api-ref/mailgun-api (Domains, verify)
VERIFY = primary("domains.verify", "PUT", "/domains/{name}/verify", returns=DomainDetail, safety=IDEMPOTENT)
# https://docs.omnivery.com/api-ref/mailgun-api (Domains, tracking)
TRACKING = primary(
    "domains.tracking", "GET", "/domains/{name}/tracking", returns=inside("tracking", Tracking), safety=SAFE
)
# https://docs.omnivery.com/api-ref/mailgun-api (Domains, disable). The path has no /domains before it.
DISABLE = primary("domains.disable", "PATCH", "/{name}/disable", returns=DomainDetail, safety=NON_IDEMPOTENT)


class AsyncDomains(AsyncResource[MailgunConfig]):
    """Sending domains. Each method takes the domain's name; the client's own domain is not used here."""

    def list(
        self, *, state: DomainState | None = None, limit: int = 100, skip: int = 0, options: CallOptions | None = None
    ) -> AsyncPages[Domain]:
        """Return the domains that the key may see: all domains of the account, or a sending key's own.

        Args:
            state: only those in this state, such as `active`.
            limit: domains on a page.
            skip: domains to leave out at the start of the list.
            options: options of the call for each page.
        """
        query = window(limit, skip)
        if state is not None:
            query.append(("state", state))
        return self._pages(LIST, query=query, options=options)

    async def get(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Return one domain with its DNS records. A good way to check a key.

        Args:
            name: the domain.
            options: options of this call.

        Raises:
            NotFoundError: there is no such domain.
        """
        return await self._send(GET, path={"name": valid_domain(name, argument="name")}, options=options)

    async def create(
        self,
        name: str,
        *,
        smtp_password: str | None = None,
        wildcard: bool | None = None,
        options: CallOptions | None = None,
    ) -> DomainDetail:
        """Create a domain. It can send once the service's staff have vetted it and its DNS records are verified.

        Args:
            name: the domain.
            smtp_password: for SMTP submission, 5 to 32 characters.
            wildcard: whether it accepts mail for its subdomains, too; the service's default is false.
            options: options of this call.

        Raises:
            ConfigError: there is no primary key; nothing was sent.
            AmbiguousError: the response was lost, so the domain may exist: it is not retried.
        """
        fields = [("name", valid_domain(name, argument="name"))]
        if smtp_password is not None:
            fields.append(("smtp_password", smtp_password))
        if wildcard is not None:
            fields.append(("wildcard", "true" if flag(wildcard, argument="wildcard") else "false"))
        return await self._send(CREATE, body=encoding.form(fields), options=options)

    async def delete(self, name: str, *, options: CallOptions | None = None) -> Confirmation:
        """Delete a domain with everything in it.

        Args:
            name: the domain.
            options: options of this call.

        Raises:
            NotFoundError: there is no such domain; after a retry, this call itself may have deleted it.
        """
        return await self._send(DELETE, path={"name": valid_domain(name, argument="name")}, options=options)

    async def verify(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Have the domain's DNS records checked now, and return the result.

        Only a domain in the state `unverified`, which the service's staff have vetted, can be verified.

        Args:
            name: the domain.
            options: options of this call.
        """
        return await self._send(VERIFY, path={"name": valid_domain(name, argument="name")}, options=options)

    async def tracking(self, name: str, *, options: CallOptions | None = None) -> Tracking:
        """Return the tracking settings of a domain.

        Args:
            name: the domain.
            options: options of this call.
        """
        return await self._send(TRACKING, path={"name": valid_domain(name, argument="name")}, options=options)

    async def disable(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Stop all sending from a domain. Warning: the API cannot undo it.

        Only the service's web interface can enable the domain again.

        Args:
            name: the domain.
            options: options of this call.

        Raises:
            AmbiguousError: the response was lost, so the domain may be disabled: it is not retried.
        """
        return await self._send(DISABLE, path={"name": valid_domain(name, argument="name")}, options=options)
