"""Sending domains, read-only: the Mailgun-compatible API creates and changes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery import codec
from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.display.record import Record
from omnivery.errors import DecodeError
from omnivery.mail.dns import DnsRecord
from omnivery.mail.vocabulary import DomainState
from omnivery.transport.config import flag, valid_domain
from omnivery.transport.operation import SAFE, ResponseParser, json_body, with_extra
from omnivery.transport.paging import AsyncPages, whole_list_of
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import Response

DNS_LISTS = ("receiving_dns_records", "sending_dns_records")


@frozen(kw_only=True)
class Domain(Record):
    """A sending domain, as in the list."""

    id: int | None = None
    """Number of the domain."""
    cid: int | None = None
    """Number of the customer."""
    name: str | None = None
    """Name, such as `mail.example.com`."""
    state: DomainState | None = None
    """`pending`, `unverified`, `active`, `rejected` or `disabled`; the set is open. Only an active domain sends."""
    wildcard: bool | None = None
    """Whether it accepts mail for its subdomains, too."""
    force_dkim_authority: bool | None = None
    """Whether it signs with its own DKIM key instead of its parent domain's."""
    data_location: str | None = None
    """Location of its data, such as `eu1`."""
    created_at: datetime | None = None
    """When it was created, in UTC."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


@frozen(kw_only=True)
class DomainDetail(Record):
    """A sending domain in detail."""

    name: str | None = None
    """Name, such as `mail.example.com`."""
    state: DomainState | None = None
    """`pending`, `unverified`, `active`, `rejected` or `disabled`; the set is open. Only an active domain sends."""
    channel: str | None = None
    """Kind of messages that it sends: `email`."""
    data_location: str | None = None
    """Location of its data, such as `eu1`."""
    dkim_auth: bool | None = None
    """Whether it signs with its own DKIM key instead of its parent domain's."""
    limit: str | None = None
    """Sending limit, such as `5000/86400`: presumably messages per seconds."""
    seedmail: str | None = None
    """E-mail address that gets a copy of sent messages."""
    transactional: bool | None = None
    """Whether it sends transactional messages rather than newsletters."""
    wildcard: bool | None = None
    """Whether it accepts mail for its subdomains, too."""
    created_at: datetime | None = None
    """When it was created, in UTC."""
    updated_at: datetime | None = None
    """When it was last changed, in UTC."""
    receiving_dns_records: tuple[DnsRecord, ...] | None = None
    """DNS records for incoming mail; None unless `dns=True` was passed."""
    sending_dns_records: tuple[DnsRecord, ...] | None = None
    """DNS records for outgoing mail; None unless `dns=True` was passed."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


def _read_detail(response: Response) -> DomainDetail:
    """The domain is in an object; whether its DNS lists are in it or beside it is not documented: both are read."""
    body = json_body(response)
    inner = body.get("domain") if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        raise DecodeError(f"the response ({response.status}) has no 'domain'")
    beside = {name: body[name] for name in DNS_LISTS if name in body}
    return with_extra(codec.structure({**beside, **inner}, DomainDetail), body, known=("domain", *DNS_LISTS))


# https://docs.omnivery.com/api-ref/automations-api (Domains, list)
LIST = operation("domains.list", "GET", "/domains", returns=whole_list_of(Domain), safety=SAFE)
# https://docs.omnivery.com/api-ref/automations-api (Domains, detail)
GET = operation(
    "domains.get", "GET", "/domains/{name}", returns=ResponseParser(name="DomainDetail", read=_read_detail), safety=SAFE
)


class AsyncDomains(AsyncResource[AutomationsConfig]):
    """Sending domains."""

    def list(self, *, options: CallOptions | None = None) -> AsyncPages[Domain]:
        """Return the domains that the token may see: all domains of the account, or a domain token's own.

        This API returns the whole list at once: there is only one page.

        Args:
            options: options of this call.
        """
        return self._pages(LIST, options=options)

    async def get(self, name: str, *, dns: bool = False, options: CallOptions | None = None) -> DomainDetail:
        """Return one domain in detail.

        Args:
            name: the domain's name.
            dns: whether to return its DNS records, too.
            options: options of this call.

        Raises:
            ConfigError: the name cannot be a domain; nothing was sent.
            NotFoundError: the token sees no such domain.
        """
        query = [("dns", "true")] if flag(dns, argument="dns") else []
        return await self._send(GET, path={"name": valid_domain(name, argument="name")}, query=query, options=options)
