"""Bounces: addresses that the platform no longer delivers to because they bounced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery import codec
from omnivery.mail.suppression import SuppressionReport
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.confirmation import ADDRESS_CONFIRMED, CONFIRMED, AddressConfirmation, Confirmation
from omnivery.mailgun.operations import primary
from omnivery.mailgun.suppressions import Record, create_many
from omnivery.transport import body as encoding
from omnivery.transport.operation import IDEMPOTENT, SAFE
from omnivery.transport.paging import AsyncPages, page_of
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


@frozen(kw_only=True)
class Bounce:
    """One address on a domain's bounce list."""

    address: str | None = field(default=None, repr=False)
    """The recipient."""
    # The API sends text; older answers of Mailgun's have a number.
    code: str | None = field(default=None, metadata={codec.READ: codec.as_text})
    """SMTP code of the refusal, such as `550`."""
    error: str | None = field(default=None, repr=False)
    """What the recipient's server said."""
    created_at: datetime | None = None
    """When it was entered."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


# https://docs.omnivery.com/api-ref/mailgun-api (Bounces)
LIST = primary("bounces.list", "GET", "/{domain}/bounces", returns=page_of(Bounce), safety=SAFE)
GET = primary("bounces.get", "GET", "/{domain}/bounces/{address}", returns=Bounce, safety=SAFE)
CREATE = primary("bounces.create", "POST", "/{domain}/bounces", returns=ADDRESS_CONFIRMED, safety=IDEMPOTENT)
DELETE = primary(
    "bounces.delete", "DELETE", "/{domain}/bounces/{address}", returns=ADDRESS_CONFIRMED, safety=IDEMPOTENT
)
DELETE_ALL = primary("bounces.delete_all", "DELETE", "/{domain}/bounces", returns=CONFIRMED, safety=IDEMPOTENT)


class AsyncBounces(AsyncResource[MailgunConfig]):
    """Addresses that a domain no longer sends to, because they bounced."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> AsyncPages[Bounce]:
        """Return all bounces of a domain.

        Args:
            limit: entries on a page; the service's own number when left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own when left out.
            options: what the call for each page does differently.
        """
        query = [] if limit is None else [("limit", str(limit))]
        return self._pages(LIST, domain=domain, query=query, options=options)

    async def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> Bounce:
        """Return the bounce of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: the address is not on the list.
        """
        return await self._send(GET, domain=domain, path={"address": address}, options=options)

    async def create(
        self,
        address: str,
        *,
        code: str | int | None = None,
        error: str | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> AddressConfirmation:
        """Put an address on the list; one that is there already is replaced.

        Args:
            address: the recipient.
            code: SMTP code of the refusal; the service's own (Mailgun's is 550) when left out.
            error: what the recipient's server said.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            BadRequestError: the service found fault with the address.
        """
        record = {"address": address, "code": None if code is None else str(code), "error": error}
        # The one list whose page asks for JSON; Mailgun takes a form as well, and this API may.
        body = encoding.json(codec.dumps({name: value for name, value in record.items() if value is not None}))
        return await self._send(CREATE, domain=domain, body=body, options=options)

    async def create_many(
        self,
        records: Iterable[Record],
        *,
        concurrency: int = 8,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Put any number of addresses on the list, a thousand in a request, and account for every one of them.

        The bulk form is Mailgun's; Omnivery's page is silent about it. A request that fails leaves its records
        undelivered, and the report gives them back. An answer that every request would meet (401, 403, 404 …) ends
        the run.

        Args:
            records: addresses, or mappings in the API's own names: `address`, `code`, `error`, `created_at`.
            concurrency: requests in flight.
            domain: the sending domain; the client's own when left out.
            options: time-outs, deadline, retries and headers of each request.

        Raises:
            ConfigError: a record has no address, or domain or key is missing; nothing was sent.
        """
        return await create_many(self._client, CREATE, records, concurrency=concurrency, domain=domain, options=options)

    async def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Take an address off the list, so that mail is sent to it again.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: the address is not on the list; after a repeated attempt it may have been this call.
        """
        return await self._send(DELETE, domain=domain, path={"address": address}, options=options)

    async def delete_all(self, *, domain: str | None = None, options: CallOptions | None = None) -> Confirmation:
        """Warning: this wipes the domain's whole bounce list, and the API cannot undo it.

        Mail then goes to every address that ever bounced, which harms the domain's reputation. Keep a copy first:
        `await client.bounces.list().collect()`.

        Args:
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.
        """
        return await self._send(DELETE_ALL, domain=domain, options=options)
