"""Entering many records into a suppression list, and the account of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from anyio import create_task_group
from attrs import field, frozen

from omnivery import codec
from omnivery.errors import (
    ApiError,
    BadRequestError,
    BulkError,
    ConfigError,
    DecodeError,
    OmniveryError,
    PayloadTooLargeError,
    TransportError,
)
from omnivery.transport import encoding
from omnivery.transport.retry import Failure, classify

if TYPE_CHECKING:
    from omnivery.mailgun.client import AsyncMailgun
    from omnivery.transport.config import CallOptions
    from omnivery.transport.operation import Operation

MAX_RECORDS = 1000
"""Records that one request carries, by Mailgun's documents (source/api-suppressions.rst); Omnivery's are silent."""

Record: TypeAlias = str | Mapping[str, Any]
"""One entry of a list: an address, or a mapping in the API's own names that has an `address`."""


@frozen(kw_only=True)
class SuppressionFailure:
    """Records of one request that failed, and why."""

    error: OmniveryError
    """What happened. Entering a record twice does no harm: send them again when the cause is mended."""
    records: tuple[Mapping[str, Any], ...] = field(repr=False)
    """The records."""


@frozen(kw_only=True)
class SuppressionReport:
    """The account of `create_many`: each record is either accepted or undelivered."""

    accepted: int
    """Records that the service took."""
    failures: tuple[SuppressionFailure, ...] = ()
    """The requests that failed, each with its records."""

    @property
    def undelivered(self) -> int:
        """Records that did not get through."""
        return sum(len(failure.records) for failure in self.failures)

    def undelivered_records(self) -> list[Mapping[str, Any]]:
        """The records that did not get through, ready for another `create_many`."""
        return [record for failure in self.failures for record in failure.records]

    def raise_for_failures(self) -> None:
        """Raise unless every record was accepted.

        Raises:
            BulkError: some are undelivered; its cause is the first failure's error.
        """
        if self.failures:
            first = self.failures[0].error
            raise BulkError(
                f"{self.accepted} records were accepted, {self.undelivered} not delivered; first failure: {first}",
                report=self,
            ) from first


async def create_many(
    client: AsyncMailgun,
    operation: Operation[Any],
    records: Iterable[Record],
    *,
    concurrency: int,
    domain: str | None,
    options: CallOptions | None,
) -> SuppressionReport:
    """Enter records by JSON arrays of at most a thousand."""
    bulk, chosen = client._for_bulk(concurrency, options)

    async def post(batch: Sequence[Mapping[str, Any]]) -> None:
        await bulk.call(operation, domain=domain, body=encoding.json(codec.dumps(batch)), options=chosen)

    return await deliver(checked(records), post, size=MAX_RECORDS, concurrency=concurrency)


def checked(records: Iterable[Record]) -> list[Mapping[str, Any]]:
    """All records, as mappings.

    Raises:
        ConfigError: one has no address or cannot be written as JSON; the message says which.
    """
    if isinstance(records, str | Mapping):
        raise ConfigError("records: expected several, not a single one: create() takes that. Nothing was sent.")
    return [_checked(index, record) for index, record in enumerate(records)]


def _checked(index: int, record: Record) -> Mapping[str, Any]:
    entry = {"address": record} if isinstance(record, str) else record
    address = entry.get("address") if isinstance(entry, Mapping) else None
    if not isinstance(address, str) or not address.strip():
        raise ConfigError(f"records[{index}]: it has no address. Nothing was sent.")
    try:
        codec.dumps(entry)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"records[{index}]: it cannot be written as JSON ({error}). Nothing was sent.") from None
    return entry


async def deliver(
    records: Sequence[Mapping[str, Any]],
    post: Callable[[Sequence[Mapping[str, Any]]], Awaitable[None]],
    *,
    size: int,
    concurrency: int,
) -> SuppressionReport:
    """Post records in batches, several at a time. An error that every batch would meet stops the run."""
    starts = iter(range(0, len(records), size))
    failures: list[SuppressionFailure] = []
    stopped_by: OmniveryError | None = None

    async def work() -> None:
        nonlocal stopped_by
        for start in starts:  # shared: each batch goes to the worker that is free
            batch = records[start : start + size]
            error = stopped_by or await _error_of(post(batch))
            if error is not None:
                failures.append(SuppressionFailure(error=error, records=tuple(batch)))
                stopped_by = error if _concerns_all(error) else stopped_by

    async with create_task_group() as group:
        for _ in range(min(concurrency, -(-len(records) // size))):
            group.start_soon(work)
    if isinstance(stopped_by, ConfigError):
        raise stopped_by
    undelivered = sum(len(failure.records) for failure in failures)
    return SuppressionReport(accepted=len(records) - undelivered, failures=tuple(failures))


async def _error_of(call: Awaitable[None]) -> OmniveryError | None:
    try:
        await call
    except (ConfigError, TransportError, ApiError, DecodeError) as error:
        return error
    return None


def _concerns_all(error: OmniveryError) -> bool:
    # 400 and 413 are about these records; a refused key or an unknown domain every other batch would meet as well.
    about_records = isinstance(error, BadRequestError | PayloadTooLargeError)
    refused = isinstance(error, ApiError) and classify(error) is Failure.FINAL and not about_records
    return refused or isinstance(error, ConfigError)
