"""The recorder of a run without a journal, which writes nothing. `bulk.journal.recorder` has the one with a journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, field

from omnivery.bulk.batch import Batch
from omnivery.bulk.report import RunTotals

if TYPE_CHECKING:
    from omnivery.bulk.files import FileStart
    from omnivery.bulk.source_reader import SourceReader
    from omnivery.bulk.work import Work
    from omnivery.errors import JournalError

T = TypeVar("T")

JOURNAL_LIMIT = 1_000_000_000
"""Bytes of items that are not accepted in a journal, beyond which its run stops reading its source."""


@define(kw_only=True, eq=False)
class Recorder(Generic[T]):
    """Keeps nothing. A run goes through these steps with or without a journal."""

    journal: str | None = field(init=False, default=None)
    """Path of the journal, once it is open: it has the undelivered items."""
    _numbers: Iterator[int] = field(init=False, factory=count)
    _taken: int = field(init=False, default=0)

    @property
    def ahead(self) -> bool:
        """Whether a further batch is prepared for each request in flight, so that no worker waits for the disk."""
        return False

    @property
    def first_number(self) -> int:
        """Number of the first batch that this run reads; those that an earlier run left have lower ones."""
        return 0

    async def open(self, source: SourceReader[T], work: Work[T, Any, Any]) -> RunTotals[T]:  # noqa: ARG002  # a journal uses them
        """Prepare the source, and return the totals so far."""
        return RunTotals()

    @property
    def broken(self) -> JournalError | None:
        """The error of a failed write, if there was one."""
        return None

    @property
    def unwritten(self) -> list[T]:
        """Undelivered items that `settle` has said to be kept, but that could not be."""
        return []

    async def start(self, concurrency: int) -> None:
        """Begin a run with so many requests in flight."""

    def hurry(self) -> None:
        """Stop waiting for anything that takes long: the run was interrupted."""

    async def next_pending(self, work: Work[T, Any, Any]) -> Batch[T] | None:  # noqa: ARG002  # of use with a journal
        """Return a batch that an earlier run left behind."""
        return None

    async def room(self) -> None:
        """Wait until there is room for another batch."""

    def batch(self, work: Work[T, Any, Any], items: Sequence[T], files: Sequence[FileStart]) -> Batch[T]:
        """Return the next batch of the source.

        Args:
            work: the kind of work.
            items: what was read.
            files: the files of the items, by their places among them.
        """
        return self._next(work, items, files)

    async def append(self, batch: Batch[T], source: SourceReader[T]) -> None:
        """Write down a batch, and that its source was read up to its end, where that must be before it is sent."""

    async def sending(self, batch: Batch[T]) -> None:
        """Write down that a request is about to leave, where it must not be repeated."""

    async def responded(self, batch: Batch[T]) -> None:
        """Write down what a response has changed."""

    def settle(self, batch: Batch[T]) -> bool:  # noqa: ARG002  # of use with a journal
        """Write down how a batch ended, soon. Return whether its undelivered items are kept here."""
        return False

    async def close(self) -> None:
        """End it, once everything is written. Nothing may be entered any more."""

    def _next(
        self,
        work: Work[T, Any, Any],
        items: Sequence[T],
        files: Sequence[FileStart],
        *,
        named: bool = False,
        source: int = 0,
    ) -> Batch[T]:
        start = self._taken
        self._taken += len(items)
        return Batch(
            work=work,
            number=next(self._numbers),
            items=items,
            start=start,
            files=[(start + place, file) for place, file in files],
            named=named,
            source=source,
        )
