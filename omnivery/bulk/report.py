"""What became of events: receipts, outcomes and the report of a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen

from omnivery.display.table import Table, words_of
from omnivery.errors import OmniveryError
from omnivery.events.event import EventLike


@frozen(kw_only=True)
class Rejection:
    """One item that was not sent, or that the server refused: it will not get better by sending it again as it is."""

    index: int
    """Its place in the source, from 0."""
    reason: str
    """What is wrong with it, in words that hold none of its content."""
    line: int | None = None
    """Its line in the source, from 1, where the source has lines."""
    event_id: str | None = None
    """The event's own id, where it has one."""


@frozen(kw_only=True)
class BatchFailure:
    """Events of one batch that could not be delivered, and why. Sending them again may succeed."""

    batch: int
    """The batch's number in its run, from 0."""
    events: int
    """How many events it concerns."""
    error: OmniveryError
    """What happened; its text says whether the server may have taken the events all the same."""


@frozen(kw_only=True)
class BatchOutcome:
    """What became of one batch of a run: each of its events is in exactly one of the three."""

    batch: int
    """The batch's number in its run, from 0, in the order in which the source was read."""
    accepted: tuple[EventLike, ...] = field(default=(), repr=False)
    """Events that the server took, as they were given. Their verdicts come to the webhook."""
    rejected: tuple[Rejection, ...] = ()
    """Items that were not valid, or that the server refused one by one."""
    undelivered: tuple[EventLike, ...] = field(default=(), repr=False)
    """Events that did not get through, as they were given."""
    errors: tuple[OmniveryError, ...] = ()
    """Why events are undelivered."""
    requests: int = 0
    """Requests that this batch took, retries and parts counted."""
    retries: int = 0
    """How many of them were retries."""


def problems_table(rejections: Sequence[Rejection], failures: Sequence[BatchFailure]) -> Table:
    """Rejections and failures as one table."""
    rows: list[tuple[Any, ...]] = [
        ("rejection", one.index, one.line, one.event_id, None, 1, words_of(one.reason)) for one in rejections
    ]
    rows += [("failure", None, None, None, one.batch, one.events, words_of(one.error)) for one in failures]
    return Table(
        title="Problems",
        columns=("kind", "index", "line", "event_id", "batch", "events", "reason"),
        rows=rows,
        kinds={"index": int, "line": int, "batch": int, "events": int},
    )


def rejected_rows(rejections: Sequence[Rejection]) -> list[tuple[str, int, str]]:
    """Place, count and reason of each rejection, for the overview of a report."""
    places = [f"index {one.index}" if one.line is None else f"line {one.line}" for one in rejections]
    return [(place, 1, words_of(one.reason)) for place, one in zip(places, rejections, strict=True)]


REJECTIONS_KEPT = 1000
FAILURES_KEPT = 100


@define(kw_only=True)
class Account:
    """Tallies of a run. `read` goes up when items leave the source, the others when their batch is settled."""

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
    kept: list[EventLike] = field(factory=list[EventLike])
    """Undelivered events that no journal has."""
    rejections: list[Rejection] = field(factory=list[Rejection])
    failures: list[BatchFailure] = field(factory=list[BatchFailure])

    def add(self, outcome: BatchOutcome, *, counted: bool = False, journalled: bool = False) -> None:
        """Enter what became of one batch.

        Args:
            outcome: what became of it.
            counted: whether an earlier run has counted it already.
            journalled: whether a journal has its undelivered events, so that they need not be kept here.
        """
        self.accepted += len(outcome.accepted)
        self.rejected += len(outcome.rejected)
        self.undelivered += len(outcome.undelivered)
        self.batches += outcome.requests > 0 and not counted
        self.requests += outcome.requests
        self.retries += outcome.retries
        self.rejections += outcome.rejected[: REJECTIONS_KEPT - len(self.rejections)]
        if not journalled:
            self.kept += outcome.undelivered
        if outcome.undelivered and len(self.failures) < FAILURES_KEPT:
            self.failures.append(
                BatchFailure(batch=outcome.batch, events=len(outcome.undelivered), error=outcome.errors[0])
            )
