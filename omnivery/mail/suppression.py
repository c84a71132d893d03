"""Suppression records as bulk work, for both surfaces, and the report of a run."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from attrs import define, field, frozen

from omnivery.bulk.outage import OutagePolicy
from omnivery.bulk.pool import Pool
from omnivery.bulk.report import Rejection, rejected_rows
from omnivery.bulk.source_reader import SourceReader
from omnivery.bulk.target import RunTarget
from omnivery.bulk.work import Screening, Work
from omnivery.display.record import Record, abridged, in_milliseconds
from omnivery.display.table import Table, account_table, words_of
from omnivery.display.tabular import Tabular
from omnivery.errors import BulkError, ConfigError, OmniveryError
from omnivery.transport.bulk_calls import BulkCalls

if TYPE_CHECKING:
    from omnivery.bulk.part import StoredPart
    from omnivery.bulk.report import RunState, RunTotals, SettledBatch
    from omnivery.transport.client import AsyncBaseClient
    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import ApiResponse

SuppressionFields: TypeAlias = Mapping[str, Any]
"""One entry of a list, in the API's own field names."""
GivenRecord: TypeAlias = str | SuppressionFields
"""A record as the caller gives it: an e-mail address, or a mapping of the API's field names."""
MAX_OUTAGE = 60.0
"""Seconds for which a run waits for a service that accepts nothing, before it stops."""


@frozen(kw_only=True)
class SuppressionFailure(Record):
    """Records of one request that failed, and why."""

    error: OmniveryError
    """The request's failure. Adding a record is idempotent: send them again when the cause is gone."""
    records: tuple[GivenRecord, ...] = field(repr=False)
    """The records, as they were given."""


@frozen(kw_only=True)
class SuppressionReport(Tabular):
    """The report of `create_many` or `add_many`: `accepted + rejected + undelivered == read`.

    A data frame has the failures, without the records and their e-mail addresses.
    """

    accepted: int = 0
    """Records that the service accepted."""
    rejected: int = 0
    """Records that are not valid, or that the service refused; `rejections` says why."""
    rejections: tuple[Rejection, ...] = field(default=(), repr=abridged)
    """The first thousand rejections; the rest is only counted in `rejected`."""
    failures: tuple[SuppressionFailure, ...] = field(default=(), repr=abridged)
    """The requests that failed, each with its records."""
    requests: int = 0
    """HTTP requests that ended, retries among them."""
    retries: int = 0
    """How many of the requests were retries."""
    elapsed: float = field(default=0.0, repr=in_milliseconds)
    """Duration of the run in seconds."""
    stopped_by: BaseException | None = None
    """The error that ended the run before its source did: every request would get it, or the source raised it."""

    @property
    def read(self) -> int:
        """Records taken from the source."""
        return self.accepted + self.rejected + self.undelivered

    @property
    def undelivered(self) -> int:
        """Records that were not accepted, for no fault of their own."""
        return sum(len(failure.records) for failure in self.failures)

    def undelivered_records(self) -> list[GivenRecord]:
        """Return the undelivered records, for another run."""
        return [record for failure in self.failures for record in failure.records]

    def raise_for_failures(self) -> None:
        """Raise unless every record was accepted.

        Raises:
            BulkError: some were rejected or are undelivered, or the run ended before its source did.
        """
        if self.rejected or self.failures or self.stopped_by:
            cause = self.stopped_by or (self.failures[0].error if self.failures else None)
            raise BulkError(self.summary(), report=self) from cause

    def summary(self) -> str:
        """Return the counts, and the first problem, in a sentence."""
        counts = f"{self.accepted} records were accepted, {self.rejected} rejected, {self.undelivered} undelivered"
        if self.failures:
            return f"{counts}; the first failure: {self.failures[0].error}"
        return f"{counts}; index {self.rejections[0].index}: {self.rejections[0].reason}" if self.rejections else counts

    def _table(self) -> Table:
        return Table(
            title="Failures",
            columns=("failure", "records", "error"),
            rows=[(place, records, words) for place, (_, records, words) in enumerate(self._failed())],
            kinds={"failure": int, "records": int},
        )

    def _overview(self) -> Table:
        counts = {name: getattr(self, name) for name in ("read", "accepted", "rejected", "undelivered")}
        problems = {"rejected": rejected_rows(self.rejections), "undelivered": self._failed()}
        return account_table("Suppression records", counts, problems, stopped_by=self.stopped_by)

    def _failed(self) -> list[tuple[str, int, str]]:
        return [(f"failure {place}", len(one.records), words_of(one.error)) for place, one in enumerate(self.failures)]


@define(kw_only=True, eq=False)
class RecordWork(Work[GivenRecord, None, SuppressionReport]):
    """Suppression records, as many to a request as the API takes. Adding a record is idempotent."""

    noun: ClassVar[str] = "records"
    unencodable: ClassVar[tuple[type[Exception], ...]] = (ConfigError,)

    read: Callable[[GivenRecord], SuppressionFields]
    """Converts a caller's item to a record; raises ConfigError if that is not possible."""
    send: Callable[[Sequence[SuppressionFields]], Awaitable[ApiResponse[Any]]]
    size: int
    target: RunTarget
    max_bytes: int = sys.maxsize
    _failures: list[tuple[int, SuppressionFailure]] = field(init=False, factory=list)

    def screen(self, items: Sequence[GivenRecord], *, named: bool) -> Screening:  # noqa: ARG002  # it has no journal
        """Find no fault: a record is checked while it is encoded."""
        return Screening()

    def encode(self, items: Sequence[GivenRecord]) -> list[SuppressionFields]:
        """Return the records of one request."""
        return [self.read(item) for item in items]

    def fault(self, item: GivenRecord, error: Exception) -> str:  # noqa: ARG002  # the error names no address
        """Return why a record cannot be encoded."""
        return str(error)

    async def post(self, body: Sequence[SuppressionFields]) -> ApiResponse[Any]:
        """Send one request."""
        return await self.send(body)

    def rejection(self, item: GivenRecord, index: int, reason: str) -> Rejection:  # noqa: ARG002  # it names nobody
        """Return the entry for a rejected record."""
        return Rejection(index=index, reason=reason)

    def stored(self, item: GivenRecord) -> None:
        """Keep nothing: this work has no journal."""

    def items_of(self, part: StoredPart) -> Sequence[GivenRecord]:
        """Refuse: this work has no journal."""
        raise ValueError(f"row {part.row} is not a record's")

    def outcome(
        self,
        settled: SettledBatch[GivenRecord],
        responses: Sequence[ApiResponse[Any]],  # noqa: ARG002  # the service's words are for people
        refusals: Sequence[OmniveryError],  # noqa: ARG002  # their text stands in the rejections
    ) -> None:
        """Keep what is undelivered, with its error."""
        if settled.undelivered:
            failure = SuppressionFailure(error=settled.errors[-1], records=settled.undelivered)
            self._failures.append((settled.batch, failure))

    def number_of(self, outcome: None) -> int:  # noqa: ARG002  # nobody iterates for these
        """Return no order: outcomes are not handed out."""
        return 0

    def report(self, totals: RunTotals[GivenRecord], state: RunState) -> SuppressionReport:
        """Return the report of a run of records."""
        return SuppressionReport(
            accepted=totals.accepted,
            rejected=totals.rejected,
            rejections=tuple(totals.rejections),
            failures=tuple(failure for _, failure in sorted(self._failures, key=lambda pair: pair[0])),
            requests=totals.requests,
            retries=totals.retries,
            elapsed=state.elapsed,
            stopped_by=state.stopped_by,
        )


async def add_records(
    client: AsyncBaseClient[Any],
    records: Iterable[GivenRecord],
    *,
    read: Callable[[GivenRecord], SuppressionFields],
    send: Callable[[AsyncBaseClient[Any], Sequence[SuppressionFields], CallOptions], Awaitable[ApiResponse[Any]]],
    size: int,
    concurrency: int,
    domain: str | None,
    options: CallOptions | None,
    max_outage: float | None = MAX_OUTAGE,
) -> SuppressionReport:
    """Add records to a list; `create_many` of the lists and `add_many` document it.

    Raises:
        ConfigError: `records` is a single one, the domain is missing, or no call can be made at all. Nothing was sent.
        BulkError: the source raised, which is the error's cause.
    """
    if isinstance(records, str | Mapping):
        raise ConfigError("records: expected several, not a single one. Nothing was sent.")
    calls = BulkCalls.of(client, concurrency, options, max_outage=max_outage)
    target = RunTarget({"domain": client._domain(domain), "base_url": client._config.base_url})

    async def post(some: Sequence[SuppressionFields]) -> ApiResponse[Any]:
        return await send(calls.client, some, calls.options)

    run: Pool[GivenRecord, None, SuppressionReport] = Pool(
        source=SourceReader.of(
            records, argument="records", advice="A single one goes to create() or add()", keep=_kept
        ),
        work=RecordWork(read=read, send=post, size=size, target=target),
        concurrency=concurrency,
        policy=OutagePolicy(breaker=calls.breaker, max_retry_after=calls.max_retry_after),
        runtime=client._pipeline.runtime,
    )
    return await run.finish()


def _kept(record: GivenRecord) -> GivenRecord:
    # A generator may yield one mapping again and again with other values.
    return record if isinstance(record, str) else dict(record)
