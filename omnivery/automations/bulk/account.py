"""The account of a run: what was read, and where each item of it went."""

from __future__ import annotations

from attrs import define, field

from omnivery.automations.bulk.outcome import BatchFailure, BatchOutcome, Rejection, SubmitReport
from omnivery.automations.event import EventLike

REJECTIONS_KEPT = 1000
FAILURES_KEPT = 100


@define(kw_only=True)
class Account:
    """Tallies of a run. `read` goes up when items leave the source, the others when their batch is settled."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    undelivered: list[EventLike] = field(factory=list[EventLike])
    batches: int = 0
    requests: int = 0
    retries: int = 0
    rejections: list[Rejection] = field(factory=list[Rejection])
    failures: list[BatchFailure] = field(factory=list[BatchFailure])

    def add(self, outcome: BatchOutcome) -> None:
        """Enter what became of one batch."""
        self.accepted += len(outcome.accepted)
        self.rejected += len(outcome.rejected)
        self.undelivered += outcome.undelivered
        self.batches += outcome.requests > 0
        self.requests += outcome.requests
        self.retries += outcome.retries
        self.rejections += outcome.rejected[: REJECTIONS_KEPT - len(self.rejections)]
        if outcome.undelivered and len(self.failures) < FAILURES_KEPT:
            self.failures.append(
                BatchFailure(batch=outcome.batch, events=len(outcome.undelivered), error=outcome.errors[0])
            )

    def report(self, *, elapsed: float, stopped_by: BaseException | None) -> SubmitReport:
        """The account as it stands."""
        return SubmitReport(
            read=self.read,
            accepted=self.accepted,
            rejected=self.rejected,
            undelivered=len(self.undelivered),
            batches=self.batches,
            requests=self.requests,
            retries=self.retries,
            elapsed=elapsed,
            rejections=tuple(self.rejections),
            failures=tuple(self.failures),
            stopped_by=stopped_by,
            undelivered_items=tuple(self.undelivered),
        )
