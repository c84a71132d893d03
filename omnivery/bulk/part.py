"""The parts of a batch, each of which one request carries: as it is sent, as it ended, and as a journal has it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from itertools import compress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, field, frozen

if TYPE_CHECKING:
    from omnivery.bulk.files import FileStart
    from omnivery.bulk.report import Rejection

T = TypeVar("T")


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
    counted: bool
    """Whether its batch is among the journal's `batches`: a request with it has ended."""
    indices: Sequence[int]
    lines: Sequence[int | None] | None
    ids: Sequence[str | None]
    body: bytes = field(repr=False)
    files: Sequence[FileStart] = ()
    """The files of its items, by their indices."""


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
    files: Sequence[FileStart] = ()
    """The files of its items, by their indices."""
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
