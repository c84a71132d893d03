"""A bulk run for a thread: the asynchronous one on the background loop, seen from outside."""

from __future__ import annotations

from collections import deque
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
from attrs import define, field

from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from omnivery.automations.report import SubmitReport
    from omnivery.bulk.engine import AsyncBulkRun
    from omnivery.bulk.report import BatchOutcome
    from omnivery.sync.bridge import LoopBridge


@define(eq=False)
class BulkRun:
    """A bulk submission under way. Enter it with `with`, and iterate it for the outcome of each batch.

    The source is read in the thread that iterates, and only while it iterates or leaves the block: a consumer that
    stops reading stops the run. Leaving the block early ends the run: what was read and not settled by then is
    undelivered. `report` is the account, at any moment and after the end.
    """

    _caller: LoopBridge[None]
    _run: AsyncBulkRun
    _entered: bool = field(init=False, default=False)
    _arrived: deque[BatchOutcome] = field(init=False, factory=deque["BatchOutcome"])
    _on_the_way: list[BatchOutcome] = field(init=False, factory=list["BatchOutcome"])

    @property
    def report(self) -> SubmitReport:
        """The account as it stands; final once the block is left or the iteration has ended."""
        return self._run.report

    @property
    def remaining(self) -> list[BatchOutcome]:
        """Outcomes that were there, and not taken by the iteration, when the block was left early."""
        left = [*self._arrived, *self._on_the_way, *self._run.remaining]
        return sorted(left, key=lambda outcome: outcome.batch)

    def __enter__(self) -> Self:
        if self._entered:
            raise ConfigError("a bulk run is entered once: call stream() again for another")
        self._entered = True
        self._caller.start(self._live)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._caller.cancel()
        error = self._caller.error
        # What the source raised comes out of the iteration, or not at all.
        if exc is None and isinstance(error, Exception) and error is not self._run.source.error:
            raise error

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> BatchOutcome:
        if not self._entered:
            raise ConfigError("enter the run first: `with client.bots.stream(events) as run`. Nothing was sent.")
        self._caller.serve(lambda: bool(self._arrived))
        if self._arrived:
            return self._arrived.popleft()
        if isinstance(self._caller.error, Exception):
            raise self._caller.error
        raise StopIteration

    async def _live(self) -> None:
        """The run's whole life, in one task of the background loop."""
        try:
            async with self._run:
                async for outcome in self._run:
                    await self._hand_over(outcome)
        except anyio.get_cancelled_exc_class() as interruption:
            interruption.add_note(f"omnivery: the run was interrupted: {self.report.summary()}")
            raise

    async def _hand_over(self, outcome: BatchOutcome) -> None:
        try:
            await self._caller.ask(partial(self._arrived.append, outcome))
        except BaseException:
            # Nobody will iterate for it any more.
            if not any(outcome is arrived for arrived in self._arrived):
                self._on_the_way.append(outcome)
            raise
