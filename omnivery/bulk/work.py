"""The interface of a kind of bulk work, the parts of a batch, and the values that a journal stores and returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum, auto
from itertools import compress
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from attrs import define, evolve, field, frozen

from omnivery.bulk.outage import is_about_content
from omnivery.bulk.report import Rejection, RunState, RunTotals, SettledBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omnivery.errors import OmniveryError
    from omnivery.transport.http import ApiResponse

T = TypeVar("T")
OutcomeT = TypeVar("OutcomeT")
ReportT = TypeVar("ReportT")


@define(kw_only=True, eq=False)
class Part(Generic[T]):
    """Items that travel in one request. Mutable, as a new one for each step would take longer than the step."""

    items: Sequence[T]
    indices: Sequence[int]
    """Each item's place in the source, from 0."""
    lines: Sequence[int | None] | None = None
    """Each item's line in the source, from 1; None where the source has no lines, or nobody asked for them."""
    ids: Sequence[str | None] | None = None
    """Each item's own id; None where nobody asked for them."""
    body: Any = None
    """The request's body, once it was encoded."""
    posted: bool = False
    """Whether these items were in a request already."""
    row: int | None = None
    """The part's row in a journal."""
    digest: bytes | None = None
    """A digest of what is sent, for a part of one item whose body must not be kept."""

    def halves(self) -> tuple[Part[T], Part[T]]:
        """The part in two."""
        middle = len(self.items) // 2
        return self._cut(slice(middle)), self._cut(slice(middle, None))

    def _cut(self, piece: slice) -> Part[T]:
        return Part(
            posted=self.posted,
            items=self.items[piece],
            indices=self.indices[piece],
            lines=self.lines[piece] if self.lines is not None else None,
            ids=self.ids[piece] if self.ids is not None else None,
        )

    def only(self, chosen: Sequence[bool]) -> Part[T]:
        """The part with only the chosen items."""
        return Part(
            posted=self.posted,
            items=list(compress(self.items, chosen)),
            indices=list(compress(self.indices, chosen)),
            lines=list(compress(self.lines, chosen)) if self.lines is not None else None,
            ids=list(compress(self.ids, chosen)) if self.ids is not None else None,
        )


class PartState(Enum):
    """The state of a part."""

    ACCEPTED = auto()
    REPLACED = auto()
    """By its halves, or, where it was one item, by a rejection."""
    UNDELIVERED = auto()
    UNKNOWN = auto()
    """It may have taken effect, and must not be sent again."""
    PENDING = auto()
    """The run ended before it could be sent, or was stopped by what it met: it is as it was."""


@frozen(kw_only=True, eq=False)
class StoredPart:
    """A part as a journal returns it. Its kind of work turns it into a batch again."""

    row: int
    """Its row in the journal."""
    source: int
    """Its source's row."""
    number: int
    """Its batch's."""
    state: str
    """As the journal found it."""
    counted: bool
    """Whether its batch is among the journal's `batches`: a request with it has ended."""
    items: int
    """How many it has."""
    indices: Sequence[int]
    lines: Sequence[int | None] | None
    ids: Sequence[str | None]
    body: bytes = field(repr=False)


@frozen(kw_only=True)
class StoredItem:
    """An item in a journal that stores only its digest, and not its bytes."""

    state: str
    """`pending`, `sending`, `accepted`, `undelivered`, `unknown` or `rejected`."""
    digest: bytes
    """Of what was, or was to be, sent."""
    row: int | None
    """Of its part, to send it again in; None if it was rejected."""


@frozen(kw_only=True, eq=False)
class SettledPart:
    """A part that is no longer open."""

    part: Part[Any]
    state: PartState
    attempts: int = 0
    error: str | None = None
    ids: Sequence[str | None] | None = None
    """The items' ids, where the response gave them."""


@frozen(kw_only=True, eq=False)
class BatchDelta:
    """The changes of a batch since the last call of `Batch.take_delta`."""

    number: int
    """The batch's."""
    source: int
    """Its source's row."""
    counted: bool
    """Whether the batch is among `batches`, now or since before: a request with it has ended."""
    unfinished: bool
    """Whether it has open parts."""
    opened: Sequence[Part[Any]] = ()
    """Parts that are new, with ids, row, and body or digest."""
    claimed: Sequence[int] = ()
    """Rows of parts that an earlier run left unsent, and that are sent now."""
    ended: Sequence[SettledPart] = ()
    rejected: Sequence[tuple[Rejection, bytes | None]] = ()
    """Each with the item's bytes; None where nothing of it can be kept."""
    batches: int = 0
    """1 if its first request has ended since."""
    requests: int = 0
    retries: int = 0
    accepted: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        accepted = sum(len(one.part.items) for one in self.ended if one.state is PartState.ACCEPTED)
        object.__setattr__(self, "accepted", accepted)


@frozen
class RunTarget:
    """The settings that all requests of a run share, by names of its kind of work. A journal belongs to one target."""

    values: Mapping[str, str] = field(repr=False)
    """Settings by name, in the order in which differences are reported."""
    secret: frozenset[str] = frozenset()
    """Names whose values appear in no message."""

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def replace(self, **values: str) -> RunTarget:
        """The same target with other values for some of its names."""
        return evolve(self, values={**self.values, **values})

    def difference(self, other: RunTarget) -> str | None:
        """Return the differences to another target, in words; None if there are none."""
        for name in {**self.values, **other.values}:
            own, its = self.values.get(name), other.values.get(name)
            if own != its and name in self.secret | other.secret:
                return f"another {name}"
            if own != its:
                return f"{name} {own}, not {its}"
        return None


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
