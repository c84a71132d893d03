"""Entering many records into suppression lists, on either surface, and the account of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from anyio import create_task_group
from attrs import field, frozen

from omnivery.display.table import Table, account_table, words_of
from omnivery.display.tabular import Tabular
from omnivery.errors import ApiError, BulkError, ConfigError, DecodeError, OmniveryError, TransportError
from omnivery.transport.retry import concerns_every_call

Record: TypeAlias = Mapping[str, Any]
"""One entry, in the API's own names."""


@frozen(kw_only=True)
class SuppressionFailure:
    """Records of one request that failed, and why."""

    error: OmniveryError
    """What happened. Entering a record twice does no harm: send them again when the cause is mended."""
    records: tuple[Record, ...] = field(repr=False)
    """The records."""


@frozen(kw_only=True)
class SuppressionReport(Tabular):
    """The account of `create_many` or `add_many`: each record is either accepted or undelivered.

    As a data frame it is its failures, without the records and their addresses.
    """

    accepted: int
    """Records that the service took."""
    failures: tuple[SuppressionFailure, ...] = ()
    """The requests that failed, each with its records."""

    @property
    def undelivered(self) -> int:
        """Records that did not get through."""
        return sum(len(failure.records) for failure in self.failures)

    def undelivered_records(self) -> list[Record]:
        """The records that did not get through, ready for another run."""
        return [record for failure in self.failures for record in failure.records]

    def _table(self) -> Table:
        return Table(
            title="Failures",
            columns=("failure", "records", "error"),
            rows=[(place, records, words) for place, (_, records, words) in enumerate(self._failed())],
            kinds={"failure": int, "records": int},
        )

    def _overview(self) -> Table:
        counts = {"read": self.accepted + self.undelivered, "accepted": self.accepted, "undelivered": self.undelivered}
        return account_table("Suppression records", counts, {"undelivered": self._failed()})

    def _failed(self) -> list[tuple[str, int, str]]:
        return [(f"failure {place}", len(one.records), words_of(one.error)) for place, one in enumerate(self.failures)]

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


async def deliver(
    records: Sequence[Record],
    post: Callable[[Sequence[Record]], Awaitable[None]],
    *,
    size: int,
    concurrency: int,
) -> SuppressionReport:
    """Post records in batches, several at a time. An error that every batch would meet stops the run.

    Raises:
        ConfigError: the call could not be made at all; nothing was sent.
    """
    starts = iter(range(0, len(records), size))
    failures: dict[int, SuppressionFailure] = {}
    stopped_by: OmniveryError | None = None

    async def work() -> None:
        nonlocal stopped_by
        for start in starts:  # shared: each batch goes to the worker that is free
            batch = records[start : start + size]
            error = stopped_by or await _error_of(post(batch))
            if error is not None:
                failures[start] = SuppressionFailure(error=error, records=tuple(batch))
                stops = isinstance(error, ConfigError) or concerns_every_call(error)
                stopped_by = error if stops else stopped_by

    async with create_task_group() as group:
        for _ in range(min(concurrency, -(-len(records) // size))):
            group.start_soon(work)
    in_order = tuple(failures[start] for start in sorted(failures))
    accepted = len(records) - sum(len(failure.records) for failure in in_order)
    if isinstance(stopped_by, ConfigError) and not accepted:
        raise stopped_by
    return SuppressionReport(accepted=accepted, failures=in_order)


async def _error_of(call: Awaitable[None]) -> OmniveryError | None:
    try:
        await call
    except (ConfigError, TransportError, ApiError, DecodeError) as error:
        return error
    return None
