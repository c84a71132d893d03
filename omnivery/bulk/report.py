"""Reports of bulk work: rejections, failures, outcomes of batches, and the totals of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from attrs import define, field, frozen

from omnivery.display.record import Record, abridged
from omnivery.display.table import Table, words_of
from omnivery.errors import OmniveryError

T = TypeVar("T")


@frozen(kw_only=True)
class Rejection(Record):
    """One item that is not valid, or that the service refused. Sending it again unchanged would not help."""

    index: int
    """Its place in the source, from 0."""
    reason: str
    """Why it was rejected. The text contains nothing of the item."""
    line: int | None = None
    """Its line in the source, or in `file`, from 1, where there are lines."""
    file: str | None = None
    """The whole path of the file that it is from, or its URL; None where the source is no files, or one without a path,
    such as standard input."""
    event_id: str | None = None
    """The item's own id, such as an event's `event_id`, where it has one."""


@frozen(kw_only=True)
class BatchFailure(Record):
    """Items of one batch that were not delivered, and why."""

    batch: int
    """The batch's number in its run, from 0."""
    events: int
    """How many items it concerns: events, messages or records."""
    error: OmniveryError
    """The failure; its text says whether the service may have accepted the items."""


@frozen(kw_only=True)
class SettledBatch(Record, Generic[T]):
    """The outcome of one batch: each of its items is in exactly one of accepted, rejected and undelivered.

    In a run of messages, which must not be sent twice, there is a fourth: unknown.
    """

    batch: int
    """The batch's number in its run, from 0, in the order in which the source was read."""
    start: int = 0
    """Place of its first item in the source, from 0."""
    accepted: Sequence[T] = field(default=(), repr=False)
    """Items that the service accepted, as they were given. Verdicts of events come to the webhook."""
    rejected: tuple[Rejection, ...] = field(default=(), repr=abridged)
    """Items that were not valid, or that the server refused one by one."""
    refused: tuple[T, ...] = field(default=(), repr=False)
    """The same items, as they were given."""
    undelivered: tuple[T, ...] = field(default=(), repr=False)
    """Items that were not accepted, for no fault of their own, as they were given."""
    unknown: tuple[T, ...] = field(default=(), repr=False)
    """Items that the service may have accepted, and that must not be sent again automatically."""
    errors: tuple[OmniveryError, ...] = field(default=(), repr=abridged)
    """Why items are undelivered or unknown."""
    requests: int = 0
    """Requests that this batch took, retries and parts counted."""
    retries: int = 0
    """How many of them were retries."""


def problems_table(rejections: Sequence[Rejection], failures: Sequence[BatchFailure]) -> Table:
    """Rejections and failures as one table."""
    rows: list[tuple[Any, ...]] = [
        ("rejection", one.index, one.file, one.line, one.event_id, None, 1, words_of(one.reason)) for one in rejections
    ]
    rows += [("failure", None, None, None, None, one.batch, one.events, words_of(one.error)) for one in failures]
    return Table(
        title="Problems",
        columns=("kind", "index", "file", "line", "event_id", "batch", "events", "reason"),
        rows=rows,
        kinds={"index": int, "line": int, "batch": int, "events": int},
    )


def rejected_rows(rejections: Sequence[Rejection]) -> list[tuple[str, int, str]]:
    """Place, count and reason of each rejection, for the overview of a report."""
    return [(place_of(one), 1, words_of(one.reason)) for one in rejections]


def place_of(rejection: Rejection) -> str:
    """Return where a rejected item is, in words."""
    place = f"index {rejection.index}" if rejection.line is None else f"line {rejection.line}"
    return place if rejection.file is None else f"{place} of {rejection.file}"


REJECTIONS_KEPT = 1000
FAILURES_KEPT = 100


@define(kw_only=True)
class RunTotals(Generic[T]):
    """Counts of a run. `read` goes up when items leave the source, the others when their batch is settled."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    undelivered: int = 0
    unknown: int = 0
    batches: int = 0
    requests: int = 0
    retries: int = 0
    elapsed: float = 0.0
    """Seconds that earlier runs with the same journal took."""
    kept: list[T] = field(factory=list[T])
    """Undelivered items that no journal has."""
    rejections: list[Rejection] = field(factory=list[Rejection])
    failures: list[BatchFailure] = field(factory=list[BatchFailure])

    def summary(self, noun: str) -> str:
        """Return the counts in a phrase."""
        unknown = f", {self.unknown:,} unknown" if self.unknown else ""
        return (
            f"of {self.read:,} {noun} read {self.accepted:,} were accepted, {self.rejected:,} rejected, "
            f"{self.undelivered:,} undelivered{unknown}"
        )

    def add(self, outcome: SettledBatch[T], *, counted: bool = False, journalled: bool = False) -> None:
        """Add the outcome of one batch.

        Args:
            outcome: the batch's outcome.
            counted: whether an earlier run has counted it already.
            journalled: whether a journal has its undelivered items, so that they need not be kept here.
        """
        self.accepted += len(outcome.accepted)
        self.rejected += len(outcome.rejected)
        self.undelivered += len(outcome.undelivered)
        self.unknown += len(outcome.unknown)
        self.batches += outcome.requests > 0 and not counted
        self.requests += outcome.requests
        self.retries += outcome.retries
        self.rejections += outcome.rejected[: REJECTIONS_KEPT - len(self.rejections)]
        if not journalled:
            self.kept += outcome.undelivered
        failed = len(outcome.undelivered) + len(outcome.unknown)
        if failed and len(self.failures) < FAILURES_KEPT:
            self.failures.append(BatchFailure(batch=outcome.batch, events=failed, error=outcome.errors[0]))


@frozen(kw_only=True)
class RunState:
    """The part of a report that is not in the totals."""

    elapsed: float
    """Seconds from the start of this run."""
    stopped_by: BaseException | None
    """The error that ended the run before its source did."""
    journal: str | None = None
    """The journal with the undelivered items that are not kept in memory."""
    waiting_since: float | None = None
    """Unix time since which the run waits for the service; None while it does not wait."""
