"""Outcomes of messages that were sent concurrently, and the report of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from attrs import field, frozen

from omnivery.display.record import Record, abridged, in_milliseconds
from omnivery.display.table import Table, account_table, words_of
from omnivery.display.tabular import Tabular
from omnivery.errors import BulkError, OmniveryError
from omnivery.mail.message import Message, Queued

if TYPE_CHECKING:
    from omnivery.bulk.report import RunState, RunTotals


class SendStatus(Enum):
    """The outcome of a message."""

    SENT = "sent"
    """The service accepted it."""
    REJECTED = "rejected"
    """The service or the SDK refused it: sending it again unchanged would not help."""
    UNKNOWN = "unknown"
    """It went out and the response was lost. It may have been sent: check before you send it again."""
    UNDELIVERED = "undelivered"
    """It was certainly not sent, for no fault of its own: it can be sent again."""


@frozen(kw_only=True)
class SendOutcome(Record):
    """The outcome of one message of a run, or of one call of a batch."""

    index: int
    """The message's place in the source, or the call's in the batch, from 0."""
    status: SendStatus
    """The outcome."""
    queued: Queued | None = None
    """The receipt, if it was sent."""
    error: OmniveryError | None = None
    """Why it was not sent, or why that is unknown; None for a foreign exception, which ends the run."""
    message: Message | None = field(default=None, repr=False)
    """The message, unless it was sent; in a batch, with the recipients of this call."""


def _problems_first(outcomes: Sequence[SendOutcome]) -> str:
    ordered = sorted(outcomes, key=lambda one: one.status is SendStatus.SENT)
    return abridged(ordered)


@frozen(kw_only=True)
class SendReport(Tabular):
    """The report of a run: `sent + rejected + unknown + undelivered == read`, whatever happened.

    A data frame has the outcomes, without the messages and their e-mail addresses.
    """

    read: int = 0
    """Messages taken from the source, or calls that the batch was cut into."""
    sent: int = 0
    """Messages that the service accepted."""
    rejected: int = 0
    """Messages that would be refused again."""
    unknown: int = 0
    """Messages that may have been sent."""
    undelivered: int = 0
    """Messages that were certainly not sent, and can be sent again."""
    requests: int = 0
    """HTTP requests that ended, retries among them."""
    retries: int = 0
    """How many of the requests were retries."""
    outcomes: tuple[SendOutcome, ...] = field(default=(), repr=_problems_first)
    """The outcome of each message, in the order of the source; with a journal, only of messages of this run."""
    elapsed: float = field(default=0.0, repr=in_milliseconds)
    """Duration of the run in seconds; with a journal, of all runs with it."""
    stopped_by: BaseException | None = None
    """The error that ended the run before its source did: every message would get it, or the source raised it."""
    waiting_since: float | None = None
    """Unix time since which the run waits for the service to accept requests; None while it does not wait."""

    @classmethod
    def of(cls, totals: RunTotals[Message], state: RunState, outcomes: Iterable[SendOutcome]) -> SendReport:
        """Return the report of a run."""
        return cls(
            read=totals.read,
            sent=totals.accepted,
            rejected=totals.rejected,
            unknown=totals.unknown,
            undelivered=totals.undelivered,
            requests=totals.requests,
            retries=totals.retries,
            outcomes=tuple(sorted(outcomes, key=lambda one: one.index)),
            elapsed=totals.elapsed + state.elapsed,
            stopped_by=state.stopped_by,
            waiting_since=state.waiting_since,
        )

    def undelivered_messages(self) -> list[Message]:
        """Return the messages of this run that were certainly not sent, in order, for another run."""
        return self._messages(SendStatus.UNDELIVERED)

    def unknown_messages(self) -> list[Message]:
        """Return the messages of this run that may have been sent, in order. Check before you send one again."""
        return self._messages(SendStatus.UNKNOWN)

    def _messages(self, status: SendStatus) -> list[Message]:
        return [one.message for one in self.outcomes if one.status is status and one.message is not None]

    def raise_for_failures(self) -> None:
        """Raise unless every message was sent.

        Raises:
            BulkError: a message was not sent, or may not have been, or the run ended before its source did.
        """
        if self.sent < self.read or self.stopped_by:
            raise BulkError(self.summary(), report=self) from self.stopped_by

    def _table(self) -> Table:
        return Table(
            title="Messages",
            columns=("index", "status", "id", "error"),
            rows=[
                (one.index, one.status, one.queued and one.queued.id, words_of(one.error) if one.error else None)
                for one in self.outcomes
            ],
            kinds={"index": int},
        )

    def _overview(self) -> Table:
        counts = {"read": self.read} | {status.value: getattr(self, status.value) for status in SendStatus}
        missed = [one for one in self.outcomes if one.status is not SendStatus.SENT]
        problems = {
            status.value: [
                (f"index {one.index}", 1, words_of(one.error or "")) for one in missed if one.status is status
            ]
            for status in SendStatus
        }
        return account_table(
            "Sent messages", counts, problems, stopped_by=self.stopped_by, caption=f"{self.elapsed:.1f} s"
        )

    def summary(self) -> str:
        """Return the counts, and the first failure, in a sentence."""
        counts = (
            f"{self.sent} were sent, {self.rejected} rejected, {self.undelivered} undelivered, and {self.unknown} may"
        )
        first = next((one for one in self.outcomes if one.error), None)
        words = f"; the first failure, at index {first.index}: {first.error}" if first else ""
        stopped = f"; the run was stopped by {type(self.stopped_by).__name__}" if self.stopped_by else ""
        return f"of {self.read} messages {counts} have been sent or not{stopped}{words}"
