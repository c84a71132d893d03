"""Sending domains, to look at: they are made and changed by the Mailgun-compatible API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery import codec
from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.errors import DecodeError
from omnivery.mail.dns import DnsRecord
from omnivery.transport.operation import SAFE, ResponseParser, json_body
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    import builtins

    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import Response

DNS_LISTS = ("receiving_dns_records", "sending_dns_records")


@frozen(kw_only=True)
class Domain:
    """A sending domain, as it stands in the list."""

    id: int | None = None
    """The domain's number."""
    cid: int | None = None
    """Number of the customer whose it is."""
    name: str | None = None
    """Its name, such as `mail.example.com`."""
    state: str | None = None
    """`pending`, `unverified`, `active`, `rejected` or `disabled`; the list is open. Only `active` sends."""
    wildcard: bool | None = None
    """Whether it takes mail for all of its subdomains."""
    force_dkim_authority: bool | None = None
    """Whether it signs with a DKIM key of its own, and not with its parent's."""
    data_location: str | None = None
    """Where its data are kept, such as `eu1`."""
    created_at: datetime | None = None
    """When it was made, in UTC."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


@frozen(kw_only=True)
class DomainDetail:
    """A sending domain in detail."""

    name: str | None = None
    """Its name, such as `mail.example.com`."""
    state: str | None = None
    """`pending`, `unverified`, `active`, `rejected` or `disabled`; the list is open. Only `active` sends."""
    channel: str | None = None
    """What it sends: `email`."""
    data_location: str | None = None
    """Where its data are kept, such as `eu1`."""
    dkim_auth: bool | None = None
    """Whether it signs with a DKIM key of its own, and not with its parent's."""
    limit: str | None = None
    """How much it may send, such as `5000/86400`: messages by seconds, presumably."""
    seedmail: str | None = field(default=None, repr=False)
    """Address that gets a copy of what is sent."""
    transactional: bool | None = None
    """Whether it sends messages that the recipient waits for, and no newsletters."""
    wildcard: bool | None = None
    """Whether it takes mail for all of its subdomains."""
    created_at: datetime | None = None
    """When it was made, in UTC."""
    updated_at: datetime | None = None
    """When it was last changed, in UTC."""
    receiving_dns_records: tuple[DnsRecord, ...] | None = None
    """What it needs in its DNS to receive; None unless `dns` was asked for."""
    sending_dns_records: tuple[DnsRecord, ...] | None = None
    """What it needs in its DNS to send; None unless `dns` was asked for."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


def _read_list(answer: Response) -> list[Domain]:
    return codec.structure(json_body(answer), list[Domain])


def _read_detail(answer: Response) -> DomainDetail:
    """The domain is wrapped; where its DNS lists stand is not documented, so they are found inside and beside it."""
    body = json_body(answer)
    inner = body.get("domain") if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        raise DecodeError(f"the answer ({answer.status}) has no 'domain'")
    beside = {name: body[name] for name in DNS_LISTS if name in body}
    return codec.structure({**beside, **inner}, DomainDetail)


# https://docs.omnivery.com/api-ref/automations-api (Domains, list)
LIST = operation(
    "domains.list", "GET", "/domains", returns=ResponseParser(name="list[Domain]", read=_read_list), safety=SAFE
)
# https://docs.omnivery.com/api-ref/automations-api (Domains, detail)
GET = operation(
    "domains.get", "GET", "/domains/{name}", returns=ResponseParser(name="DomainDetail", read=_read_detail), safety=SAFE
)


class AsyncDomains(AsyncResource[AutomationsConfig]):
    """Sending domains."""

    async def list(self, *, options: CallOptions | None = None) -> builtins.list[Domain]:
        """Return the domains that the token may see: all of the account's, or the one that it is bound to.

        There are no pages: this API gives the whole list at once.

        Args:
            options: what this call does differently.

        Raises:
            AuthenticationError: the service does not know the token.
        """
        return await self._send(LIST, options=options)

    async def get(self, name: str, *, dns: bool = False, options: CallOptions | None = None) -> DomainDetail:
        """Return one domain in detail.

        Args:
            name: the domain's name.
            dns: whether to return its DNS records, too.
            options: what this call does differently.

        Raises:
            ConfigError: the name is empty; nothing was sent.
            NotFoundError: the token sees no such domain.
        """
        query = [("dns", "true")] if dns else []
        return await self._send(GET, path={"name": name}, query=query, options=options)
