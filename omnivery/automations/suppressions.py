"""Suppressions: addresses that the service must not deliver to.

This API only adds to the lists; the Mailgun-compatible API reads them and removes addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.display.record import Record
from omnivery.errors import ConfigError
from omnivery.mail.suppression import MAX_OUTAGE, SuppressionReport, add_records
from omnivery.transport import body as encoding
from omnivery.transport.operation import IDEMPOTENT, maybe_empty
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.mail.vocabulary import SuppressionType
    from omnivery.transport.body import Body
    from omnivery.transport.client import AsyncBaseClient
    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import ApiResponse

FIELD_NAMES = ("address", "type", "error")
SuppressionFields: TypeAlias = Mapping[str, str | None]
"""The fields of one suppression: `address`, and optionally `type` and `error`."""


@frozen(kw_only=True)
class SuppressionAdded(Record):
    """The response to one new suppression. It is not documented: all fields may be None."""

    address: str | None = None
    """The address."""
    message: str | None = None
    """The service's text, which may contain the address."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


# https://docs.omnivery.com/api-ref/automations-api (Suppressions)
ADD = operation(
    "suppressions.add", "POST", "/{domain}/suppress", returns=maybe_empty(SuppressionAdded), safety=IDEMPOTENT
)


class AsyncSuppressions(AsyncResource[AutomationsConfig]):
    """Suppressions of a domain."""

    async def add(
        self,
        address: str,
        *,
        type: SuppressionType | None = None,  # noqa: A002  # the API's own word
        error: str | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionAdded:
        """Suppress an address.

        Args:
            address: the recipient.
            type: the list to add it to; the service's default if left out, which is not documented. The API's page
                names `complaint`; the service's guide names `bounce`, `unsubscribe`, `complaint` and `block`. Any text
                is sent.
            error: the reason, in your own words.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: the address or the domain is missing, or the type is empty; nothing was sent.
        """
        body = _body({"address": address, "type": type, "error": error})
        return await self._send(ADD, domain=domain, body=body, options=options)

    async def add_many(
        self,
        records: Iterable[SuppressionFields],
        *,
        concurrency: int = 8,
        max_outage: float | None = MAX_OUTAGE,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Suppress many addresses, and report the outcome of each.

        The API takes one address a call, so there are as many calls as records. A failed call does not affect the
        others. After a response that every call would get (401, 402, 403, 404) no further call is made, and the
        remaining records are undelivered.

        Args:
            records: mappings with `address` and optionally `type` and `error`, as in `add`.
            concurrency: calls in flight; fewer while the server asks to slow down.
            max_outage: seconds for which the run waits for a service that accepts nothing, before it stops; None for
                no limit.
            domain: the sending domain; the client's own if left out.
            options: options of each call.

        Returns:
            The report. Check it, or call `raise_for_failures()`.

        Raises:
            ConfigError: the domain is missing, or `records` is a single one; nothing was sent. A record
                that is not valid is a rejection in the report, and the others go out.
        """
        sending_domain = self._client._domain(domain)

        async def send(
            bulk: AsyncBaseClient[Any], some: Sequence[SuppressionFields], chosen: CallOptions
        ) -> ApiResponse[Any]:
            return await bulk.call(ADD, domain=sending_domain, body=_body(some[0]), options=chosen)

        return await add_records(
            self._client,
            records,
            read=_fields_of,
            send=send,
            size=1,
            concurrency=concurrency,
            max_outage=max_outage,
            domain=domain,
            options=options,
        )


def _fields_of(record: str | SuppressionFields) -> SuppressionFields:
    fields = {"address": record} if isinstance(record, str) else record
    if not isinstance(fields, Mapping):
        raise ConfigError("expected a mapping")
    if not fields.keys() <= set(FIELD_NAMES):
        raise ConfigError("it may have address, type and error only")
    _body(fields, sent="")
    return fields


def _body(record: SuppressionFields, *, sent: str = " Nothing was sent.") -> Body:
    for name, value in ((name, record.get(name)) for name in FIELD_NAMES):
        if value is None and name != "address":
            continue
        if not isinstance(value, str) or not (value.strip() or name == "error"):
            raise ConfigError(f"{name}: must be text, and not empty.{sent}")
    return encoding.multipart([(name, value) for name in FIELD_NAMES if (value := record.get(name)) is not None])
