"""Adding many records to one of the suppression lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from omnivery import codec
from omnivery.errors import ConfigError
from omnivery.mail.suppression import SuppressionReport, deliver
from omnivery.transport import body as encoding

if TYPE_CHECKING:
    from omnivery.transport.client import AsyncBaseClient
    from omnivery.transport.config import CallOptions
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
    domain: str | None,
    options: CallOptions | None,
) -> SuppressionReport:
    """Add records in JSON arrays of at most a thousand."""
    bulk, chosen, _ = client._for_bulk(concurrency, options)

    async def post(batch: Sequence[Mapping[str, Any]]) -> None:
        await bulk.call(operation, domain=domain, body=encoding.json(codec.dumps(batch)), options=chosen)

    return await deliver(checked(records), post, size=MAX_RECORDS, concurrency=concurrency)


def checked(records: Iterable[AddressOrFields]) -> list[Mapping[str, Any]]:
    """Return all records as mappings.

    Raises:
        ConfigError: a record has no address or has no JSON form; the message says which.
    """
    if isinstance(records, str | Mapping):
        raise ConfigError("records: expected several, not a single one: create() takes that. Nothing was sent.")
    return [_checked(index, record) for index, record in enumerate(records)]


def _checked(index: int, record: AddressOrFields) -> Mapping[str, Any]:
    entry = {"address": record} if isinstance(record, str) else record
    address = entry.get("address") if isinstance(entry, Mapping) else None
    if not isinstance(address, str) or not address.strip():
        raise ConfigError(f"records[{index}]: it has no address. Nothing was sent.")
    try:
        codec.dumps(entry)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"records[{index}]: it has no JSON form ({error}). Nothing was sent.") from None
    return entry
