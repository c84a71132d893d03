"""A run whose items must not be sent twice, kept in a journal by place and digest."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

from attrs import define, field, setters

from omnivery.bulk.batch import Batch
from omnivery.bulk.journal.recorder import JournalRecorder
from omnivery.bulk.part import StoredItem
from omnivery.bulk.source import ResumePoint
from omnivery.bulk.source_reader import SourceReader
from omnivery.bulk.work import Work
from omnivery.errors import ConfigError

T = TypeVar("T")

NAME = "messages"
"""Name of the one source of such a journal."""
AT_ONCE = 500
"""Items that are compared at a time."""
UNSENT = frozenset({"pending", "undelivered"})


@define(kw_only=True, eq=False, on_setattr=setters.NO_OP)
class OnceRecorder(JournalRecorder[T]):
    """Keeps a run of items that are known by their place in the source and a digest of what is sent for them.

    A resume reads the source from its start, and compares every digest before anything is sent. It sends what is
    certain to be unsent, and leaves alone what was sent, rejected, or may have been sent.
    """

    _unsent: list[tuple[T, int, StoredItem]] = field(init=False, factory=list)
    """Items that an earlier run left unsent, with their places."""

    @property
    def ahead(self) -> bool:
        """Nothing is prepared for sending that must not be sent twice."""
        return False

    async def _resume(self, source: SourceReader[T], work: Work[T, Any, Any]) -> None:
        """Read again what earlier runs have read.

        Raises:
            ConfigError: an item is not what stood at its place, or the source ends too early. Nothing was sent.
        """
        self._source_row, taken = await self.run_aside(partial(self._journal.enter_source, ResumePoint(name=NAME)))
        place = 0
        while place < taken:
            items: list[T] = []
            await source.read_into(items, min(AT_ONCE, taken - place))
            if source.error is not None:
                raise source.error
            if not items:
                raise ConfigError(
                    f"journal: the source ended after {place:,} {work.noun}, and {self._journal.path} has {taken:,}: "
                    "it must give the same ones again. Nothing was sent."
                )
            known = await self.run_aside(partial(self._journal.items_at, self._source_row, place, place + len(items)))
            for item in items:
                if (stored := known.get(place)) is not None:
                    self._compare(item, place, stored, work)
                place += 1
        self._taken = taken

    async def next_pending(self, work: Work[T, Any, Any]) -> Batch[T] | None:
        """Return the first item that an earlier run left unsent."""
        if not self._unsent:
            return None
        item, place, stored = self._unsent.pop(0)
        batch = Batch.reopened(work, item, place, stored, number=next(self._numbers), source=self._source_row)
        self._under_way.add(batch.number)
        self._totals.undelivered -= 1
        return batch

    def _compare(self, item: T, place: int, stored: StoredItem, work: Work[T, Any, Any]) -> None:
        if work.digest(work.encode([item])) != stored.digest:
            raise ConfigError(
                f"journal: {self._journal.path} has another of the {work.noun} at index {place}: the source must "
                "give the same ones again, in the same order. Nothing was sent."
            )
        if stored.state in UNSENT:
            self._unsent.append((item, place, stored))
