"""The interface of a kind of bulk work: what its items are, how they are sent, and what a run reports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from attrs import frozen

from omnivery.bulk.outage import is_about_content
from omnivery.bulk.report import Rejection, RunState, RunTotals, SettledBatch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omnivery.bulk.part import StoredPart
    from omnivery.bulk.target import RunTarget
    from omnivery.errors import OmniveryError
    from omnivery.transport.http import ApiResponse

T = TypeVar("T")
OutcomeT = TypeVar("OutcomeT")
ReportT = TypeVar("ReportT")


@frozen(kw_only=True, eq=False)
class Screening:
    """The result of checking items before they are sent."""

    faults: Sequence[str | None] | None = None
    """Why each item cannot be sent; None if it can."""
    ids: Sequence[str | None] | None = None
    """Each item's own id, where a journal asked for them."""
    lines: Sequence[int | None] | None = None
    """Each item's line in the source, where a journal asked for them and the source has lines."""
    body: Any = None
    """The request's body, where the items were encoded while they were checked; it must not exceed `max_bytes`."""


class Work(ABC, Generic[T, OutcomeT, ReportT]):
    """One kind of bulk work: what a batch carries, how it is sent, what may be repeated, what its report is."""

    noun: ClassVar[str]
    """What the items are, in the plural."""
    idempotent: ClassVar[bool] = True
    """Whether a request that may have taken effect can be sent again."""
    unencodable: ClassVar[tuple[type[Exception], ...]] = ()
    """What `encode` raises for an item that cannot be sent."""
    size: int
    """Items of one batch."""
    max_bytes: int
    """Bytes of one request."""
    target: RunTarget
    """Where requests go and what they hold, for a journal to keep to."""

    @property
    def service(self) -> str:
        """The URL that requests go to, for people."""
        return self.target["base_url"]

    def decoded(self, items: Iterable[T]) -> tuple[T, ...]:
        """Return items as a caller sees them, where a source hands a run another form of them."""
        return tuple(items)

    def decoded_outcome(self, outcome: OutcomeT) -> OutcomeT:
        """Return an outcome, whose accepted items are as the source gave them, as a caller sees it."""
        return outcome

    @abstractmethod
    def screen(self, items: Sequence[T], *, named: bool) -> Screening:
        """Check items before they are sent.

        Args:
            items: the items.
            named: whether a journal needs their ids and lines.
        """

    @abstractmethod
    def encode(self, items: Sequence[T]) -> Any:
        """Return the request's body, ready for `post`. It is bytes where a journal keeps bodies.

        Raises:
            Exception: one of `unencodable`.
        """

    @abstractmethod
    def fault(self, item: T, error: Exception) -> str:
        """Return why an item cannot be encoded, given the exception that `encode` raised for it alone."""

    def digest(self, body: Any) -> bytes | None:  # noqa: ARG002  # of use where bodies must not be kept
        """Return a digest of a body that a journal must not keep, because it must not be sent twice; else None."""
        return None

    def ids_of(self, response: ApiResponse[Any]) -> Sequence[str | None] | None:  # noqa: ARG002  # mostly there are none
        """Return the ids that the service gave to the items of an accepted request."""
        return None

    @abstractmethod
    async def post(self, body: Any) -> ApiResponse[Any]:
        """Send one request."""

    def refuses(self, error: OmniveryError, body: Any) -> bool:  # noqa: ARG002  # a body may know more
        """Whether a request failed because of its items, and not because of the service's state or the caller."""
        return is_about_content(error)

    @abstractmethod
    def rejection(self, item: T, index: int, reason: str) -> Rejection:
        """Return the record of a rejected item."""

    @abstractmethod
    def stored(self, item: T) -> bytes | None:
        """Return a rejected item as a journal keeps it; None where nothing of it can be kept."""

    @abstractmethod
    def items_of(self, part: StoredPart) -> Sequence[T]:
        """Return the items of a part that a journal kept.

        Raises:
            ValueError: they are not what `encode` made.
        """

    @abstractmethod
    def outcome(
        self, settled: SettledBatch[T], responses: Sequence[ApiResponse[Any]], refusals: Sequence[OmniveryError]
    ) -> OutcomeT:
        """Return what iteration over a run yields for a batch.

        Args:
            settled: what became of its items.
            responses: the responses to its accepted requests.
            refusals: the errors that items were rejected for, where they were sent alone.
        """

    @abstractmethod
    def number_of(self, outcome: OutcomeT) -> int:
        """Return the number of an outcome's batch."""

    @abstractmethod
    def report(self, totals: RunTotals[T], state: RunState) -> ReportT:
        """Return the report of a run."""
