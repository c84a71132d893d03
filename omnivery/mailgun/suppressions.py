"""Adding many records to one of the suppression lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from omnivery import codec
from omnivery.errors import ConfigError
from omnivery.mail.suppression import SuppressionFields, SuppressionReport, add_records
from omnivery.transport import body as encoding

if TYPE_CHECKING:
    from omnivery.transport.client import AsyncBaseClient
    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import ApiResponse
    from omnivery.transport.operation import Operation

MAX_RECORDS = 1000
"""Most records of one request (Mailgun, source/api-suppressions.rst); Omnivery's page does not mention it."""

AddressOrFields: TypeAlias = str | Mapping[str, Any]
"""An address to add to a list, or a mapping of the API's own field names that has an `address`."""


async def create_many(
    client: AsyncBaseClient[Any],
    operation: Operation[Any],
    records: Iterable[AddressOrFields],
    *,
    concurrency: int,
    max_outage: float | None,
    domain: str | None,
    options: CallOptions | None,
) -> SuppressionReport:
    """Add records in JSON arrays of at most a thousand."""

    async def send(
        bulk: AsyncBaseClient[Any], some: Sequence[SuppressionFields], chosen: CallOptions
    ) -> ApiResponse[Any]:
        return await bulk.call(operation, domain=domain, body=encoding.json(codec.dumps(some)), options=chosen)

    return await add_records(
        client,
        records,
        read=fields_of,
        send=send,
        size=MAX_RECORDS,
        concurrency=concurrency,
        max_outage=max_outage,
        domain=domain,
        options=options,
    )


def fields_of(record: AddressOrFields) -> SuppressionFields:
    """Return a record as a mapping of the API's field names.

    Raises:
        ConfigError: it has no address, or no JSON form.
    """
    entry = {"address": record} if isinstance(record, str) else record
    address = entry.get("address") if isinstance(entry, Mapping) else None
    if not isinstance(address, str) or not address.strip():
        raise ConfigError("it has no address")
    try:
        codec.dumps(entry)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"it has no JSON form ({error})") from None
    return entry
