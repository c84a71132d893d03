"""Whitelists: addresses and domains that are exempt from suppressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery import codec
from omnivery.display.record import Record
from omnivery.errors import ConfigError
from omnivery.mail.suppression import MAX_OUTAGE, SuppressionFields, SuppressionReport, add_records
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.operations import primary
from omnivery.mailgun.suppressions import AddressOrFields, fields_of
from omnivery.transport import body as encoding
from omnivery.transport.operation import IDEMPOTENT, SAFE, maybe_empty
from omnivery.transport.paging import AsyncPages, page_of
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.client import AsyncBaseClient
    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import ApiResponse


@frozen(kw_only=True)
class WhitelistEntry(Record):
    """One address or domain on a domain's whitelist."""

    type: str | None = None
    """`address`, or `domain` for every address in it."""
    value: str | None = None
    """The address or domain."""
    reason: str | None = None
    """Why it is on the list."""
    # Mailgun spells it without the underscore.
    created_at: datetime | None = field(default=None, metadata={codec.ALIAS: "createdAt"})
    """When it was added."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


@frozen(kw_only=True)
class WhitelistConfirmation(Record):
    """A change of a whitelist that took effect."""

    message: str | None = None
    """The service's text."""
    value: str | None = None
    """The address or domain that was added or removed."""
    type: str | None = None
    """`address` or `domain`; None if the response does not name it."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


# https://docs.omnivery.com/api-ref/mailgun-api (Whitelists)
LIST = primary("whitelists.list", "GET", "/{domain}/whitelists", returns=page_of(WhitelistEntry), safety=SAFE)
GET = primary("whitelists.get", "GET", "/{domain}/whitelists/{address}", returns=WhitelistEntry, safety=SAFE)
CREATE = primary(
    "whitelists.create", "POST", "/{domain}/whitelists", returns=maybe_empty(WhitelistConfirmation), safety=IDEMPOTENT
)
DELETE = primary(
    "whitelists.delete",
    "DELETE",
    "/{domain}/whitelists/{address}",
    returns=maybe_empty(WhitelistConfirmation),
    safety=IDEMPOTENT,
)


class AsyncWhitelists(AsyncResource[MailgunConfig]):
    """Addresses and domains that are exempt from suppressions: mail to them is delivered, whatever list they are on."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> AsyncPages[WhitelistEntry]:
        """Return all entries of a domain's whitelist.

        Args:
            limit: entries on a page; the service's own number if left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own if left out.
            options: options of the call for each page.
        """
        query = [] if limit is None else [("limit", str(limit))]
        return self._pages(LIST, domain=domain, query=query, options=options)

    async def get(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> WhitelistEntry:
        """Return the entry of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list.
        """
        return await self._send(GET, domain=domain, path={"address": address}, options=options)

    async def create(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> WhitelistConfirmation:
        """Exempt an address from suppressions: mail to it is delivered, whatever list it is on.

        Two documents disagree: Omnivery's page puts the address into the query, Mailgun into a form. The SDK sends
        both.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            BadRequestError: the service rejected the address.
        """
        fields = [("address", address)]
        return await self._send(CREATE, domain=domain, query=fields, body=encoding.form(fields), options=options)

    async def create_many(
        self,
        records: Iterable[AddressOrFields],
        *,
        concurrency: int = 8,
        max_outage: float | None = MAX_OUTAGE,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Add any number of addresses to the list, and report the outcome of each.

        The API has no bulk request for this list: each address is a request, with several in flight. A response that
        every request would get (401, 403, 404 …) ends the run.

        Args:
            records: addresses, or mappings with an `address` and nothing else.
            concurrency: requests in flight.
            max_outage: seconds for which the run waits for a service that accepts nothing, before it stops; None for
                no limit.
            domain: the sending domain; the client's own if left out.
            options: timeouts, deadline, retries and headers of each request.

        Raises:
            ConfigError: domain or key is missing, or `records` is a single one; nothing was sent. A record
                that is not valid is a rejection in the report, and the others go out.
        """

        async def send(
            bulk: AsyncBaseClient[Any], some: Sequence[SuppressionFields], chosen: CallOptions
        ) -> ApiResponse[Any]:
            fields = [("address", some[0]["address"])]
            return await bulk.call(CREATE, domain=domain, query=fields, body=encoding.form(fields), options=chosen)

        return await add_records(
            self._client,
            records,
            read=_address_alone,
            send=send,
            size=1,
            concurrency=concurrency,
            max_outage=max_outage,
            domain=domain,
            options=options,
        )

    async def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> WhitelistConfirmation:
        """Remove an address from the list.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list; after a retry, this call itself may have removed it.
        """
        return await self._send(DELETE, domain=domain, path={"address": address}, options=options)


def _address_alone(record: AddressOrFields) -> SuppressionFields:
    fields = fields_of(record)
    if len(fields) > 1:
        raise ConfigError("this list takes an address and nothing else")
    return fields
