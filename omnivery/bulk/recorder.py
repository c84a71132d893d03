"""What a run writes down: here nothing; `journal_ledger` has the one that writes everything to a journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, evolve, field, frozen

from omnivery.automations.batch import Batch
from omnivery.bulk.report import Account

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from omnivery.bulk.source import Source
    from omnivery.errors import JournalError
    from omnivery.events.event import EventLike


JOURNAL_LIMIT = 1_000_000_000
"""Bytes of events that a journal holds and that are not delivered, before its run reads no further."""


@frozen
class RunTarget:
    """Where a run's requests go and what they hold, in names of its kind of work. A journal keeps to one target."""

    values: Mapping[str, str] = field(repr=False)
    """By name, in the order in which differences are told."""
    secret: frozenset[str] = frozenset()
    """Names whose values appear in no message."""

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def replace(self, **values: str) -> RunTarget:
        """The same target with other values for some of its names."""
        return evolve(self, values={**self.values, **values})

    def difference(self, other: RunTarget) -> str | None:
        """What is not the same in another target, in words; None if nothing is."""
        for name in {**self.values, **other.values}:
            own, its = self.values.get(name), other.values.get(name)
            if own != its and name in self.secret | other.secret:
                return f"another {name}"
            if own != its:
                return f"{name} {own}, not {its}"
        return None


@define(kw_only=True, eq=False)
class Recorder:
    """Keeps nothing. A run goes through these steps with or without a journal."""

    path: str | None = None
    """Where it is kept."""
    ahead: ClassVar[bool] = False
    """Whether each request in flight has another batch made ready behind it, so that writing it down costs no time."""
    _numbers: Iterator[int] = field(init=False, factory=count)
    _taken: int = field(init=False, default=0)

    async def open(self, source: Source[EventLike]) -> Account:  # noqa: ARG002  # a journal knows where to go on
        """Prepare source and account: of a run without a past, both begin with nothing."""
        return Account()

    def start(self, tasks: TaskGroup) -> None:
        """Be told where tasks of its own may run."""

    async def next_pending(self, webhook_url: str) -> Batch | None:  # noqa: ARG002  # of no use without a journal
        """A batch that an earlier run left behind."""
        return None

    async def room(self) -> None:
        """Wait until there is room for another batch."""

    def batch(self, items: Sequence[EventLike], *, webhook_url: str, max_bytes: int) -> Batch:
        """The next batch of the source."""
        return self._next(items, webhook_url=webhook_url, max_bytes=max_bytes)

    async def append(self, batch: Batch, source: Source[EventLike]) -> None:
        """Write down a batch, and that its source stands behind it. Nothing is sent before that."""

    async def answered(self, batch: Batch) -> None:
        """Write down what an answer has changed."""

    def settle(self, batch: Batch) -> bool:  # noqa: ARG002  # of no use without a journal
        """Write down how a batch ended, soon; say whether its undelivered events are kept here."""
        return False

    async def close(self) -> JournalError | None:
        """End it, and say what kept something from being written."""
        return None

    def _next(self, items: Sequence[EventLike], **details: Any) -> Batch:
        start = self._taken
        self._taken += len(items)
        return Batch(number=next(self._numbers), items=items, start=start, **details)
