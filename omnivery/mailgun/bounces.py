"""Bounces: addresses that the service no longer delivers to, because mail to them bounced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from omnivery import codec
from omnivery.display.record import Record
from omnivery.errors import BadRequestError, ConfigError
from omnivery.mail.suppression import MAX_OUTAGE, SuppressionReport
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.confirmation import ADDRESS_CONFIRMED, CONFIRMED, AddressConfirmation, Confirmation
from omnivery.mailgun.operations import primary
from omnivery.mailgun.suppressions import AddressOrFields, create_many
from omnivery.transport import body as encoding
from omnivery.transport.config import required_text
from omnivery.transport.operation import IDEMPOTENT, SAFE
from omnivery.transport.paging import AsyncPages, page_of
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.body import Body
    from omnivery.transport.config import CallOptions


@frozen(kw_only=True)
class Bounce(Record):
    """One address on a domain's bounce list."""

    address: str | None = None
    """The recipient."""
    # The API sends text; older responses of Mailgun have a number.
    code: str | None = field(default=None, metadata={codec.READ: codec.as_text})
    """SMTP code of the refusal, such as `550`."""
    error: str | None = None
    """Text from the recipient's server."""
    created_at: datetime | None = None
    """When it was added."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


# https://docs.omnivery.com/api-ref/mailgun-api (Bounces)
LIST = primary("bounces.list", "GET", "/{domain}/bounces", returns=page_of(Bounce), safety=SAFE)
GET = primary("bounces.get", "GET", "/{domain}/bounces/{address}", returns=Bounce, safety=SAFE)
CREATE = primary("bounces.create", "POST", "/{domain}/bounces", returns=ADDRESS_CONFIRMED, safety=IDEMPOTENT)
DELETE = primary(
    "bounces.delete", "DELETE", "/{domain}/bounces/{address}", returns=ADDRESS_CONFIRMED, safety=IDEMPOTENT
)
DELETE_ALL = primary("bounces.delete_all", "DELETE", "/{domain}/bounces", returns=CONFIRMED, safety=IDEMPOTENT)


class AsyncBounces(AsyncResource[MailgunConfig]):
    """Addresses that a domain no longer sends to, because mail to them bounced."""

    _encoding: Literal["json", "form"] | None = None
    """The encoding of a single bounce that the server has accepted; None before the first one."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> AsyncPages[Bounce]:
        """Return all bounces of a domain.

        Args:
            limit: entries on a page; the service's own number if left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own if left out.
            options: options of the call for each page.
        """
        query = [] if limit is None else [("limit", str(limit))]
        return self._pages(LIST, domain=domain, query=query, options=options)

    async def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> Bounce:
        """Return the bounce of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

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
        """Add an address to the list, or replace its entry.

        Two documents disagree: Omnivery's table asks for a JSON object, Mailgun for a form. The SDK sends JSON. If the
        response is 400, it sends the same fields once more as a form, and this client uses forms from then on.

        Args:
            address: the recipient.
            code: SMTP code of the refusal; the service's own (Mailgun's is 550) if left out.
            error: text from the recipient's server.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            BadRequestError: the service rejected the address.
        """
        required_text(address, argument="address")
        given = {"address": address, "code": None if code is None else str(code), "error": error}
        fields = {name: value for name, value in given.items() if value is not None}
        if self._encoding != "form":
            try:
                made = await self._send(CREATE, domain=domain, body=_as_json(fields), options=options)
            except BadRequestError:
                # A server that has accepted JSON refuses this address, not the encoding.
                if self._encoding == "json":
                    raise
            else:
                self._encoding = "json"
                return made
        made = await self._send(CREATE, domain=domain, body=encoding.form(fields.items()), options=options)
        self._encoding = "form"
        return made

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
            records: addresses, or mappings in the API's own names: `address`, `code`, `error`, `created_at`.
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

    async def delete_all(self, *, domain: str | None = None, options: CallOptions | None = None) -> Confirmation:
        """Warning: this wipes the domain's whole bounce list, and the API cannot undo it.

        Mail then goes to every address that ever bounced, which harms the domain's reputation. Keep a copy first:
        `await client.bounces.list().collect()`.

        Args:
            domain: the sending domain; the client's own if left out.
            options: options of this call.
        """
        return await self._send(DELETE_ALL, domain=domain, options=options)


def _as_json(fields: Mapping[str, str]) -> Body:
    try:
        return encoding.json(codec.dumps(fields))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"code, error: a value has no JSON form ({error}). Nothing was sent.") from None
