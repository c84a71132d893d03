"""Sending domains: their state, their DNS records, their tracking."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery import codec
from omnivery.mail.dns import DnsRecord
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.confirmation import CONFIRMED, Confirmation
from omnivery.mailgun.operations import any_key, primary
from omnivery.transport import body as encoding
from omnivery.transport.operation import (
    IDEMPOTENT,
    NON_IDEMPOTENT,
    SAFE,
    inside,
)
from omnivery.transport.paging import AsyncPages, page_of
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


@frozen(kw_only=True)
class Domain:
    """A sending domain."""

    name: str | None = None
    """Its name."""
    state: str | None = None
    """`pending`, `unverified`, `active`, `rejected` or `disabled`; the set is open. Only an active domain sends."""
    wildcard: bool | None = None
    """Whether it takes mail for its sub-domains as well."""
    force_dkim_authority: bool | None = None
    """Whether its own DKIM key is used even where it is a sub-domain."""
    created_at: datetime | None = None
    """When it was made."""
    updated_at: datetime | None = None
    """When it was last changed; None in lists."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


@frozen(kw_only=True)
class DomainDetail:
    """A sending domain with the DNS records that belong to it."""

    domain: Domain | None = None
    """The domain itself."""
    receiving_dns_records: tuple[DnsRecord, ...] = ()
    """Records for mail that comes in: bounces, and feedback of recipients."""
    sending_dns_records: tuple[DnsRecord, ...] = ()
    """Records for mail that goes out: SPF, DKIM, tracking."""
    message: str | None = None
    """The service's words, after a change."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


def _active(value: object) -> bool | None:
    # Mailgun answers with words as well; `htmlonly` is on, for the HTML part alone.
    words = {"yes": True, "true": True, "htmlonly": True, "no": False, "false": False}
    return value if isinstance(value, bool) else words.get(value) if isinstance(value, str) else None


@frozen(kw_only=True)
class TrackingSetting:
    """One kind of tracking."""

    active: bool | None = field(default=None, metadata={codec.READ: _active})
    """Whether it is on."""
    html_footer: str | None = field(default=None, repr=False)
    """Of the unsubscribe setting alone: what is put under HTML messages."""
    text_footer: str | None = field(default=None, repr=False)
    """Of the unsubscribe setting alone: what is put under text messages."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


@frozen(kw_only=True)
class Tracking:
    """What is tracked in a domain's messages."""

    click: TrackingSetting | None = None
    """Links that are followed."""
    open: TrackingSetting | None = None
    """Messages that are opened."""
    unsubscribe: TrackingSetting | None = None
    """A link to unsubscribe with."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


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
    """Sending domains. Each method takes the domain's name: the client's own domain is not used here."""

    def list(
        self, *, state: str | None = None, limit: int = 100, options: CallOptions | None = None
    ) -> AsyncPages[Domain]:
        """Return the domains that the key may see: all of the account's, or a sending key's own.

        Args:
            state: only those in this state, such as `active`.
            limit: domains on a page.
            options: what the call for each page does differently.
        """
        query = [("limit", str(limit))]
        if state is not None:
            query.append(("state", state))
        return self._pages(LIST, query=query, options=options)

    async def get(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Return one domain with its DNS records. A good way to check a key.

        Args:
            name: the domain.
            options: what this call does differently.

        Raises:
            NotFoundError: there is no such domain.
        """
        return await self._send(GET, path={"name": name}, options=options)

    async def create(
        self,
        name: str,
        *,
        smtp_password: str | None = None,
        wildcard: bool | None = None,
        options: CallOptions | None = None,
    ) -> DomainDetail:
        """Make a domain. It sends once the service's staff have vetted it and its DNS records are verified.

        Args:
            name: the domain.
            smtp_password: for SMTP submission, 5 to 32 characters.
            wildcard: whether it takes mail for its sub-domains as well; not, when left out.
            options: what this call does differently.

        Raises:
            ConfigError: there is no primary key; nothing was sent.
            AmbiguousError: the answer was lost, so the domain may have been made: it is not tried again.
        """
        fields = [("name", name)]
        if smtp_password is not None:
            fields.append(("smtp_password", smtp_password))
        if wildcard is not None:
            fields.append(("wildcard", "true" if wildcard else "false"))
        return await self._send(CREATE, body=encoding.form(fields), options=options)

    async def delete(self, name: str, *, options: CallOptions | None = None) -> Confirmation:
        """Delete a domain with everything that belongs to it.

        Args:
            name: the domain.
            options: what this call does differently.

        Raises:
            NotFoundError: there is no such domain; after a repeated attempt it may be this call that deleted it.
        """
        return await self._send(DELETE, path={"name": name}, options=options)

    async def verify(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Have the domain's DNS records looked up now, and return what was found.

        Only a domain in the state `unverified` can be verified: the service's staff have vetted it already.

        Args:
            name: the domain.
            options: what this call does differently.
        """
        return await self._send(VERIFY, path={"name": name}, options=options)

    async def tracking(self, name: str, *, options: CallOptions | None = None) -> Tracking:
        """Return what is tracked in a domain's messages.

        Args:
            name: the domain.
            options: what this call does differently.
        """
        return await self._send(TRACKING, path={"name": name}, options=options)

    async def disable(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Warning: this stops all sending from a domain, and the API cannot undo it.

        Only the service's web interface can switch the domain on again.

        Args:
            name: the domain.
            options: what this call does differently.

        Raises:
            AmbiguousError: the answer was lost, so the domain may be disabled: it is not tried again.
        """
        return await self._send(DISABLE, path={"name": name}, options=options)
