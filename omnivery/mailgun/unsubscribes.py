"""Unsubscribes: addresses whose owners want no more mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery import codec
from omnivery.display.record import Record
from omnivery.mail.suppression import MAX_OUTAGE, SuppressionReport
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.confirmation import ADDRESS_CONFIRMED, AddressConfirmation
from omnivery.mailgun.operations import primary
from omnivery.mailgun.suppressions import AddressOrFields, create_many
from omnivery.transport import body as encoding
from omnivery.transport.operation import IDEMPOTENT, SAFE, maybe_empty
from omnivery.transport.paging import AsyncPages, page_of
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


def _tags(value: object) -> object:
    # Mailgun sends one tag as text, several as a list.
    return [value] if isinstance(value, str) else value


@frozen(kw_only=True)
class Unsubscribe(Record):
    """One address on a domain's list of unsubscribes. The response for a single one is not documented."""

    address: str | None = None
    """The recipient."""
    error: str | None = None
    """Why it is on the list."""
    tags: tuple[str, ...] = field(default=(), metadata={codec.ALIAS: "tag", codec.READ: _tags})
    """Tags of the messages that are not wanted; `*` for all. Mailgun's; empty if the response does not name any."""
    created_at: datetime | None = None
    """When it was added."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


# https://docs.omnivery.com/api-ref/mailgun-api (Unsubscribes)
LIST = primary("unsubscribes.list", "GET", "/{domain}/unsubscribes", returns=page_of(Unsubscribe), safety=SAFE)
GET = primary(
    "unsubscribes.get", "GET", "/{domain}/unsubscribes/{address}", returns=maybe_empty(Unsubscribe), safety=SAFE
)
CREATE = primary("unsubscribes.create", "POST", "/{domain}/unsubscribes", returns=ADDRESS_CONFIRMED, safety=IDEMPOTENT)
DELETE = primary(
    "unsubscribes.delete", "DELETE", "/{domain}/unsubscribes/{address}", returns=ADDRESS_CONFIRMED, safety=IDEMPOTENT
)


class AsyncUnsubscribes(AsyncResource[MailgunConfig]):
    """Addresses that a domain no longer sends to, because their owners unsubscribed."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> AsyncPages[Unsubscribe]:
        """Return all unsubscribes of a domain.

        Args:
            limit: entries on a page; the service's own number if left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own if left out.
            options: options of the call for each page.
        """
        query = [] if limit is None else [("limit", str(limit))]
        return self._pages(LIST, domain=domain, query=query, options=options)

    async def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> Unsubscribe:
        """Return the unsubscribe of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list.
        """
        return await self._send(GET, domain=domain, path={"address": address}, options=options)

    async def create(
        self, address: str, *, error: str | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Add an address to the list, or replace its entry.

        Args:
            address: the recipient.
            error: why, in your own words; the API's table asks for it, its text does not.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            BadRequestError: the service rejected the address.
        """
        fields = [("address", address)]
        if error is not None:
            fields.append(("error", error))
        return await self._send(CREATE, domain=domain, body=encoding.form(fields), options=options)

    async def create_many(
        self,
        records: Iterable[AddressOrFields],
        *,
        concurrency: int = 8,
        max_outage: float | None = MAX_OUTAGE,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Add any number of addresses to the list, a thousand in a request, and report the outcome of each.

        The bulk request is Mailgun's; Omnivery's page does not mention it. The records of a failed request
        are undelivered, and the report returns them. A response that every request would get (401, 403, 404 …) ends the
        run.

        Args:
            records: addresses, or mappings in the API's own names: `address`, `error`, `tags`, `created_at`.
            concurrency: requests in flight.
            max_outage: seconds for which the run waits for a service that accepts nothing, before it stops; None for
                no limit.
            domain: the sending domain; the client's own if left out.
            options: timeouts, deadline, retries and headers of each request.

        Raises:
            ConfigError: domain or key is missing, or `records` is a single one; nothing was sent. A record
                that is not valid is a rejection in the report, and the others go out.
        """
        return await create_many(
            self._client,
            CREATE,
            records,
            concurrency=concurrency,
            max_outage=max_outage,
            domain=domain,
            options=options,
        )

    async def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Remove an address from the list, so that mail is delivered to it again.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list; after a retry, this call itself may have removed it.
        """
        return await self._send(DELETE, domain=domain, path={"address": address}, options=options)
