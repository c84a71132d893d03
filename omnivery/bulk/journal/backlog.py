"""Batches that were read, and of which a journal has nothing yet. Decisions without I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field

if TYPE_CHECKING:
    from omnivery.bulk.batch import Batch
    from omnivery.bulk.journal.position import StoredPosition

T = TypeVar("T")


@define(kw_only=True, eq=False)
class UnwrittenBatch(Generic[T]):
    """A batch, and what its reading has changed."""

    batch: Batch[T]
    read: int
    """Items that were read for it."""
    position: StoredPosition
    """Where its source stands then."""
    settled: bool = field(init=False, default=False)


@define(eq=False)
class Backlog(Generic[T]):
    """Batches in the order of their source. One is written with all before it: a journal has no gaps.

    Mostly they are written once they are settled, without their bodies. A batch that takes long is written as it is, so
    that those behind it need not wait.
    """

    _unwritten: dict[int, UnwrittenBatch[T]] = field(init=False, factory=dict[int, "UnwrittenBatch[T]"])
    """By the batch's number, in the order of the source."""

    def __len__(self) -> int:
        return len(self._unwritten)

    def __contains__(self, batch: Batch[T]) -> bool:
        return batch.number in self._unwritten

    def add(self, one: UnwrittenBatch[T]) -> None:
        """Add the batch that was read last."""
        self._unwritten[one.batch.number] = one

    def drop(self, batch: Batch[T]) -> None:
        """Let go of a batch, which is never written."""
        self._unwritten.pop(batch.number, None)

    def settle(self, batch: Batch[T]) -> None:
        """A batch has ended."""
        self._unwritten[batch.number].settled = True

    def due(self, longest: int) -> Iterator[UnwrittenBatch[T]]:
        """Take out what is to be written now: settled batches without a gap, and others if they hold up too many.

        Args:
            longest: how many may be left.
        """
        while self._unwritten:
            first = next(iter(self._unwritten.values()))
            if not first.settled and len(self._unwritten) <= longest:
                return
            yield self._unwritten.pop(first.batch.number)

    def until(self, batch: Batch[T]) -> Iterator[UnwrittenBatch[T]]:
        """Take out a batch, and before it all that come before it."""
        while batch in self:
            yield self._unwritten.pop(next(iter(self._unwritten)))
