"""The bulk engine: workers that pull batches from one source and send them side by side.

Nothing yields inside a task group: the run is a context manager that owns its workers, and their outcomes come off a
memory stream. That stream is as long as there are workers, so a consumer that stops reading stops the run, and at most
twice as many batches as workers are alive at any moment.
"""

from __future__ import annotations

import math
import time
import warnings
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
from attrs import define, field

from omnivery.automations.batch import MAX_BYTES, MAX_EVENTS, Batch
from omnivery.automations.report import SubmitReport, report_of
from omnivery.bulk.recorder import Recorder
from omnivery.bulk.report import Account, BatchOutcome
from omnivery.bulk.source import Source
from omnivery.bulk.work import PartState
from omnivery.errors import (
    ApiError,
    BadRequestError,
    ConfigError,
    DecodeError,
    JournalError,
    OmniveryError,
    PayloadTooLargeError,
    TransportError,
)
from omnivery.events.event import EventLike
from omnivery.transport.retry import concerns_every_call

if TYPE_CHECKING:
    from anyio.abc import TaskGroup
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from omnivery.transport.limits import RateLimiter

MAX_UNDELIVERED = 50_000
"""Undelivered events after which a run stops: it keeps them all for you, and its memory must stay flat."""


@define(kw_only=True, eq=False)
class AsyncBulkRun:
    """A bulk submission under way. Enter it with `async with`, and iterate it for the outcome of each batch.

    Leaving the block early ends the run: what was read and not settled by then is undelivered. `report` is the account,
    at any moment and after the end.
    """

    source: Source[EventLike]
    post: Callable[[bytes], Awaitable[int]]
    """Sends one batch and returns how many attempts it took."""
    webhook_url: str = field(repr=False)
    concurrency: int
    max_bytes: int = MAX_BYTES
    max_retry_after: float = math.inf
    """Longest `Retry-After` in seconds that is waited for; a longer one stops the run, as every batch would meet it."""
    pace: RateLimiter | None = None
    """Events a second."""
    ordered: bool = False
    """Whether outcomes come in the order of their batches."""
    ledger: Recorder = field(factory=Recorder)
    """Writes down what happens, if anything does."""
    _account: Account = field(init=False, factory=Account)
    _stopped_by: OmniveryError | None = field(init=False, default=None)
    _started: float | None = field(init=False, default=None)
    _elapsed: float | None = field(init=False, default=None)
    _remaining: list[BatchOutcome] = field(init=False, factory=list[BatchOutcome])
    _done: dict[int, BatchOutcome] = field(init=False, factory=dict[int, BatchOutcome])
    """Outcomes that wait for those of earlier batches, by batch."""
    _turns: deque[int] = field(init=False, factory=deque[int])
    """The batches whose outcomes come next, where they are ordered."""
    _order: anyio.Condition = field(init=False, factory=anyio.Condition)
    _tasks: TaskGroup = field(init=False)
    _outcomes: MemoryObjectReceiveStream[BatchOutcome] = field(init=False)

    @property
    def report(self) -> SubmitReport:
        """The account as it stands; final once the block is left or the iteration has ended."""
        now = time.monotonic() if self._elapsed is None else 0.0
        elapsed = self._elapsed if self._elapsed is not None else now - (self._started or now)
        return report_of(
            self._account, elapsed=elapsed, stopped_by=self._stopped_by or self.source.error, journal=self.ledger.path
        )

    @property
    def remaining(self) -> list[BatchOutcome]:
        """Outcomes that were there, and not taken by the iteration, when the block was left early."""
        return sorted(self._remaining, key=lambda outcome: outcome.batch)

    async def __aenter__(self) -> Self:
        if self._started is not None:
            raise ConfigError("a bulk run is entered once: call stream() again for another")
        self._started = time.monotonic()
        self._account = await self.ledger.open(self.source)
        # The slots before the network let through as many requests as there are to be in flight. One at a time keeps
        # the order of the source, which two workers would not.
        workers = 2 * self.concurrency if self.ledger.ahead and self.concurrency > 1 else self.concurrency
        # Outcomes that are put in order wait elsewhere, and no more of them than would wait here.
        room = 0 if self.ordered else 2 * self.concurrency - workers
        send, self._outcomes = anyio.create_memory_object_stream[BatchOutcome](room)
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self.ledger.start(self._tasks)
        for _ in range(workers):
            self._tasks.start_soon(self._work, send.clone())
        send.close()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.cancel()
        try:
            # An error of the block goes its own way: told of it, the task group would wrap it in a group.
            await self._tasks.__aexit__(None, None, None)
        except BaseExceptionGroup as group:
            # Workers that meet the same trouble raise the same error: one of them tells it all.
            raise group.exceptions[0] from None
        finally:
            with suppress(anyio.WouldBlock, anyio.EndOfStream):
                while True:
                    self._remaining.append(self._outcomes.receive_nowait())
            self._remaining += self._done.values()
            self._outcomes.close()
            self._stop_clock()
            with anyio.CancelScope(shield=True):
                await self.source.close()
                if (broken := await self.ledger.close()) is not None:
                    self._stop(broken)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> BatchOutcome:
        if self._started is None:
            raise ConfigError("enter the run first: `async with client.bots.stream(events) as run`. Nothing was sent.")
        try:
            return await self._outcomes.receive()
        except anyio.EndOfStream:
            self._stop_clock()
        if self.source.error is not None:
            raise self.source.error
        raise StopAsyncIteration

    def __del__(self) -> None:
        if self._started is None:
            warnings.warn("a bulk run was never entered: nothing was submitted", ResourceWarning, stacklevel=2)

    def _stop_clock(self) -> None:
        if self._elapsed is None and self._started is not None:
            self._elapsed = time.monotonic() - self._started

    async def _work(self, outcomes: MemoryObjectSendStream[BatchOutcome]) -> None:
        with outcomes:
            while (batch := await self._read()) is not None:
                outcome = await self._deliver(batch)
                if self.ordered:
                    await self._hand_over_in_order(outcome, outcomes)
                else:
                    await self._hand_over(outcome, outcomes)

    async def _hand_over(self, outcome: BatchOutcome, outcomes: MemoryObjectSendStream[BatchOutcome]) -> None:
        try:
            # Mostly there is room, and a checkpoint for each batch would cost more than the hand-over.
            outcomes.send_nowait(outcome)
        except anyio.WouldBlock:
            try:
                await outcomes.send(outcome)
            except BaseException:
                # Cancelled: nobody will iterate for it any more.
                self._remaining.append(outcome)
                raise

    async def _hand_over_in_order(self, outcome: BatchOutcome, outcomes: MemoryObjectSendStream[BatchOutcome]) -> None:
        self._done[outcome.batch] = outcome
        async with self._order:
            while self._turns and (due := self._done.pop(self._turns[0], None)) is not None:
                self._turns.popleft()
                await self._hand_over(due, outcomes)
            self._order.notify_all()
            # One slow batch must not let the outcomes of all that come after it pile up.
            while len(self._done) >= self.concurrency:
                await self._order.wait()

    async def _read(self) -> Batch | None:
        """The next batch; None at the end of the source, or when the run was stopped."""
        if self._stopped_by is not None:
            return None
        try:
            batch = await self.ledger.next_pending(self.webhook_url)
            if batch is not None:
                self._take_turn(batch)
                return batch
            await self.ledger.room()
        except JournalError as error:
            self._stop(error)
            return None
        return await self._read_source()

    async def _read_source(self) -> Batch | None:
        items: list[EventLike] = []
        try:
            await self.source.read_into(items, MAX_EVENTS)
        except BaseException:
            # Cancelled while reading: what had been read by then must not be forgotten.
            if items:
                self._settle(await self._appended(items))
            raise
        return await self._appended(items) if items else None

    async def _appended(self, items: list[EventLike]) -> Batch:
        self._account.read += len(items)
        batch = self.ledger.batch(items, webhook_url=self.webhook_url, max_bytes=self.max_bytes)
        self._take_turn(batch)
        try:
            await self.ledger.append(batch, self.source)
        except JournalError as error:
            self._stop(error)
        return batch

    def _take_turn(self, batch: Batch) -> None:
        if self.ordered:
            self._turns.append(batch.number)

    def _stop(self, error: OmniveryError) -> None:
        self._stopped_by = self._stopped_by or error
        self.source.stop()

    async def _deliver(self, batch: Batch) -> BatchOutcome:
        try:
            while self._stopped_by is None and (events := batch.next_events):
                if self.pace is not None:
                    await self.pace.wait(events)
                if (body := batch.next_request()) is not None:
                    await self._send(batch, body)
        finally:
            # No await stands here: a cancelled run settles its batches all the same.
            outcome = self._settle(batch)
        return outcome

    async def _send(self, batch: Batch, body: bytes) -> None:
        try:
            attempts = await self.post(body)
        except (BadRequestError, PayloadTooLargeError) as error:
            batch.refused(error)
        except (TransportError, ApiError, DecodeError) as error:
            stops = concerns_every_call(error) or _asks_for_too_long_a_wait(error, self.max_retry_after)
            batch.failed(error, error.attempts, state=PartState.PENDING if stops else PartState.UNDELIVERED)
            if stops:
                self._stop(error)
        else:
            batch.took(attempts)
        try:
            await self.ledger.answered(batch)
        except JournalError as error:
            self._stop(error)

    def _settle(self, batch: Batch) -> BatchOutcome:
        outcome = batch.close()
        self._account.add(outcome, counted=batch.counted, journalled=self.ledger.settle(batch))
        if len(self._account.kept) > MAX_UNDELIVERED and outcome.undelivered:
            self._stop(outcome.errors[-1])
        return outcome


def _asks_for_too_long_a_wait(error: OmniveryError, max_retry_after: float) -> bool:
    return isinstance(error, ApiError) and (error.retry_after or 0.0) > max_retry_after
