"""A bulk run for the synchronous clients: an asynchronous run on the background loop, iterated by a thread."""

from __future__ import annotations

from collections import deque
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import anyio
from attrs import define, field

from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from omnivery.bulk.pool import Pool
    from omnivery.sync.bridge import LoopBridge

T = TypeVar("T")
OutcomeT = TypeVar("OutcomeT")
ReportT = TypeVar("ReportT")


@define(eq=False)
class SyncPool(Generic[T, OutcomeT, ReportT]):
    """A run of bulk work. Enter it with `with`, and iterate it for the outcome of each batch.

    The source is read in the thread that iterates, and only while it iterates or leaves the block: a consumer that
    stops reading stops the run. Leaving the block early ends the run: items that were read and not settled by then are
    undelivered. `report` has the totals at any moment, and after the end.
    """

    _bridge: LoopBridge[None]
    _run: Pool[T, OutcomeT, ReportT]
    _entered: bool = field(init=False, default=False)
    _arrived: deque[OutcomeT] = field(init=False, factory=deque)
    _on_the_way: list[OutcomeT] = field(init=False, factory=list)

    @property
    def report(self) -> ReportT:
        """The totals so far; final once the block is left or the iteration has ended."""
        return self._run.report

    @property
    def remaining(self) -> list[OutcomeT]:
        """Outcomes that the iteration had not taken when the block was left early, in the order of their batches."""
        left = [*self._arrived, *self._on_the_way, *self._run.remaining]
        return sorted(left, key=self._run.work.number_of)

    def take_undelivered(self) -> list[T]:
        """Return the undelivered items that the run keeps in memory, and forget them."""
        return self._run.take_undelivered()

    def __enter__(self) -> Self:
        if self._entered:
            raise ConfigError("a bulk run is entered once: call stream() again for another")
        self._entered = True
        self._bridge.start(self._live)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bridge.cancel()
        error = self._bridge.error
        # An exception of the source leaves through the iteration only.
        if exc is None and isinstance(error, Exception) and error is not self._run.source.error:
            raise error

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> OutcomeT:
        if not self._entered:
            raise ConfigError("enter the run first, with `with`. Nothing was sent.")
        self._bridge.serve(lambda: bool(self._arrived))
        if self._arrived:
            return self._arrived.popleft()
        if isinstance(self._bridge.error, Exception):
            raise self._bridge.error
        raise StopIteration

    async def _live(self) -> None:
        """The run's whole life, in one task of the background loop."""
        try:
            async with self._run:
                async for outcome in self._run:
                    await self._hand_over(outcome)
        except anyio.get_cancelled_exc_class() as interruption:
            summary = self._run.totals.summary(self._run.work.noun)
            interruption.add_note(f"omnivery: the run was interrupted: {summary}")
            raise

    async def _hand_over(self, outcome: OutcomeT) -> None:
        try:
            await self._bridge.call_in_thread(partial(self._arrived.append, outcome))
        except BaseException:
            # The iteration has stopped, and will not take it.
            if not any(outcome is arrived for arrived in self._arrived):
                self._on_the_way.append(outcome)
            raise
