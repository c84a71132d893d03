"""Reports of submitted events: receipts, outcomes of batches, and the report of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, fields, frozen

from omnivery.bulk.report import (
    BatchFailure,
    Rejection,
    RunState,
    RunTotals,
    SettledBatch,
    place_of,
    problems_table,
    rejected_rows,
)
from omnivery.display.counts import counted
from omnivery.display.record import abridged, in_milliseconds
from omnivery.display.table import Table, account_table, words_of
from omnivery.display.tabular import Tabular
from omnivery.errors import BulkError, OmniveryError
from omnivery.events.encoding import events_in
from omnivery.events.event import EventLike
from omnivery.events.event_list import EventList


@frozen(kw_only=True)
class BatchReceipt(Tabular):
    """The outcome of one request that carried a batch. A data frame has its rejections, one a row."""

    accepted: int
    """Events that the service accepted."""
    rejections: tuple[Rejection, ...] = field(default=(), repr=abridged)
    """Events that were not valid and therefore not sent."""
    status: int | None = None
    """HTTP status of the response; None if no event was valid, so that nothing was sent."""
    request_id: str | None = None
    """The service's id of the batch, if the response has one. It is not documented."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """The rest of the response."""

    def _table(self) -> Table:
        return problems_table(self.rejections, ())

    def _overview(self) -> Table:
        rejected = len(self.rejections)
        counts = {"read": self.accepted + rejected, "accepted": self.accepted, "rejected": rejected}
        return account_table("Batch of events", counts, {"rejected": rejected_rows(self.rejections)})


@frozen(kw_only=True)
class BatchOutcome(SettledBatch[EventLike]):
    """The outcome of one batch of events: each is in exactly one of accepted, rejected and undelivered."""

    @classmethod
    def of(cls, settled: SettledBatch[EventLike]) -> BatchOutcome:
        """Return the outcome of a batch."""
        return cls(
            batch=settled.batch,
            start=settled.start,
            accepted=settled.accepted,
            rejected=settled.rejected,
            refused=settled.refused,
            undelivered=settled.undelivered,
            errors=settled.errors,
            requests=settled.requests,
            retries=settled.retries,
        )


@frozen(kw_only=True)
class SubmitReport(Tabular):
    """The report of a run: `accepted + rejected + undelivered == read`, whatever happened.

    A data frame has the problems: one row for each of `rejections` and `failures`.
    """

    read: int = 0
    """Items taken from the source."""
    accepted: int = 0
    """Events that the service accepted."""
    rejected: int = 0
    """Items that were not valid or that the service refused; `rejections` says why."""
    undelivered: int = 0
    """Events that were not accepted, for no fault of their own; `failures` says why, and `undelivered_events()` returns
    them."""
    batches: int = 0
    """Batches of which at least one request has ended."""
    requests: int = 0
    """HTTP requests that ended, retries and the parts of split batches included."""
    retries: int = 0
    """How many of the requests were retries."""
    elapsed: float = field(default=0.0, repr=in_milliseconds)
    """Seconds from the start of the run; with a journal, of all runs with it."""
    rejections: tuple[Rejection, ...] = field(default=(), repr=abridged)
    """The first thousand rejected items; the rest is only counted in `rejected`."""
    failures: tuple[BatchFailure, ...] = field(default=(), repr=abridged)
    """The first hundred failures that left events undelivered."""
    stopped_by: BaseException | None = None
    """The error that ended the run before its source did: every batch would get it, or the source raised it."""
    waiting_since: float | None = None
    """Unix time since which the run waits for the service to accept requests; None while it does not wait."""
    _undelivered: tuple[EventLike, ...] = field(default=(), repr=False, alias="undelivered_items")
    _journal: str | None = field(default=None, repr=False, alias="journal")

    @classmethod
    def of(cls, totals: RunTotals[EventLike], state: RunState) -> SubmitReport:
        """Return the report of a run."""
        return cls(
            read=totals.read,
            accepted=totals.accepted,
            rejected=totals.rejected,
            undelivered=totals.undelivered,
            batches=totals.batches,
            requests=totals.requests,
            retries=totals.retries,
            elapsed=totals.elapsed + state.elapsed,
            rejections=tuple(totals.rejections),
            failures=tuple(totals.failures),
            stopped_by=state.stopped_by,
            waiting_since=state.waiting_since,
            undelivered_items=tuple(totals.kept),
            journal=state.journal,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        values = {each.alias: getattr(self, each.name) for each in fields(SubmitReport)}
        if self.stopped_by is not None and not isinstance(self.stopped_by, OmniveryError):
            # A foreign exception may fail to unpickle, as those of httpx do.
            values["stopped_by"] = OmniveryError(f"the source raised {type(self.stopped_by).__name__}")
        return _restored, (values,)

    def undelivered_events(self) -> EventList:
        """Return all undelivered events as they were given, for another run.

        If the run has a journal, they are read from it, as lines of NDJSON with the bytes of the requests.

        Raises:
            ConfigError: the journal does not exist any more, or cannot be read.
        """
        if self._journal is None:
            return EventList(self._undelivered)
        # Imported here, because it imports SQLite.
        from omnivery.bulk.journal.reader import JournalReader

        with JournalReader.open(self._journal) as journal:
            return EventList([*journal.undelivered_items(events_in), *self._undelivered])

    def raise_for_failures(self) -> None:
        """Raise unless every item of the source was accepted.

        Raises:
            BulkError: something was rejected or undelivered, or the run ended before its source did.
        """
        if self.rejected or self.undelivered or self.stopped_by:
            raise BulkError(self.summary(), report=self) from self.stopped_by

    def _table(self) -> Table:
        return problems_table(self.rejections, self.failures)

    def _overview(self) -> Table:
        counts = {name: getattr(self, name) for name in ("read", "accepted", "rejected", "undelivered")}
        failed = [(f"batch {one.batch}", one.events, words_of(one.error)) for one in self.failures]
        return account_table(
            "Submitted events",
            counts,
            {"rejected": rejected_rows(self.rejections), "undelivered": failed},
            unlisted=self.rejected - len(self.rejections),
            stopped_by=self.stopped_by,
            caption=f"{counted(self.batches, 'batch')}, {counted(self.requests, 'request')}, {self.retries:,} of them "
            f"retries, {self.elapsed:.1f} s",
        )

    def summary(self) -> str:
        """Return the report in a sentence."""
        parts = [f"of {self.read} events {self.accepted} were accepted, {self.rejected} rejected and"]
        parts.append(f"{self.undelivered} not delivered")
        if self.rejections:
            first = self.rejections[0]
            parts.append(f"(first rejection: {place_of(first)}, {first.reason})")
        reason = self.stopped_by or (self.failures[0].error if self.failures else None)
        if reason is not None:
            words = str(reason) if isinstance(reason, OmniveryError) else type(reason).__name__
            parts.append(f"; {'the run was stopped by' if self.stopped_by else 'first failure'}: {words}")
        return " ".join(parts).replace(" ;", ";")


def _restored(values: dict[str, Any]) -> SubmitReport:
    return SubmitReport(**values)
