"""The account of a run: what was read, and where each item of it went."""

from __future__ import annotations

from attrs import define, field

from omnivery.automations.bulk.outcome import BatchFailure, BatchOutcome, Rejection, SubmitReport
from omnivery.events.event import EventLike

REJECTIONS_KEPT = 1000
FAILURES_KEPT = 100


@define(kw_only=True)
class Account:
    """Tallies of a run. `read` goes up when items leave the source, the others when their batch is settled."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    undelivered: int = 0
    batches: int = 0
    requests: int = 0
    retries: int = 0
    elapsed: float = 0.0
    """Seconds that earlier runs with the same journal took."""
    kept: list[EventLike] = field(factory=list[EventLike])
    """Undelivered events that no journal has."""
    rejections: list[Rejection] = field(factory=list[Rejection])
    failures: list[BatchFailure] = field(factory=list[BatchFailure])

    def add(self, outcome: BatchOutcome, *, begun: bool = False, journalled: bool = False) -> None:
        """Enter what became of one batch.

        Args:
            outcome: what became of it.
            begun: whether an earlier run has counted it already.
            journalled: whether a journal has its undelivered events, so that they need not be kept here.
        """
        self.accepted += len(outcome.accepted)
        self.rejected += len(outcome.rejected)
        self.undelivered += len(outcome.undelivered)
        self.batches += outcome.requests > 0 and not begun
        self.requests += outcome.requests
        self.retries += outcome.retries
        self.rejections += outcome.rejected[: REJECTIONS_KEPT - len(self.rejections)]
        if not journalled:
            self.kept += outcome.undelivered
        if outcome.undelivered and len(self.failures) < FAILURES_KEPT:
            self.failures.append(
                BatchFailure(batch=outcome.batch, events=len(outcome.undelivered), error=outcome.errors[0])
            )

    def report(self, *, elapsed: float, stopped_by: BaseException | None, journal: str | None = None) -> SubmitReport:
        """The account as it stands.

        Args:
            elapsed: seconds from the start of this run.
            stopped_by: what ended it early.
            journal: where the undelivered events are that are not kept here.
        """
        return SubmitReport(
            read=self.read,
            accepted=self.accepted,
            rejected=self.rejected,
            undelivered=self.undelivered,
            batches=self.batches,
            requests=self.requests,
            retries=self.retries,
            elapsed=self.elapsed + elapsed,
            rejections=tuple(self.rejections),
            failures=tuple(self.failures),
            stopped_by=stopped_by,
            undelivered_items=tuple(self.kept),
            journal=journal,
        )
