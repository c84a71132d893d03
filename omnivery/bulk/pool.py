"""The pool: workers that pull batches from one source and send them side by side. Every kind of bulk work runs in it.

Nothing yields inside a task group: the run is a context manager that owns its workers, and their outcomes come off a
memory stream. Any task may enter the run, and any may leave it. That stream is as long as there are workers, so a
consumer that stops reading stops the run, and at most twice as many batches as workers are alive at any moment.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import time as unix_time
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import anyio
from attrs import define, field

from omnivery.bulk.memory import have_memory_reused
from omnivery.bulk.outage import OutagePolicy
from omnivery.bulk.outcomes import OutcomeStream
from omnivery.bulk.recorder import Recorder
from omnivery.bulk.report import RunState, RunTotals
from omnivery.bulk.run_end import RunEnd
from omnivery.bulk.sender import BatchSender
from omnivery.bulk.service_watch import ServiceWatch
from omnivery.bulk.tasks import RunTasks
from omnivery.errors import BulkError, ConfigError, JournalError
from omnivery.transport.runtime import AsyncRuntime

if TYPE_CHECKING:
    from omnivery.bulk.batch import Batch
    from omnivery.bulk.source_reader import SourceReader
    from omnivery.bulk.work import Work
    from omnivery.transport.limits import RateLimiter
    from omnivery.transport.runtime import Runtime

T = TypeVar("T")
OutcomeT = TypeVar("OutcomeT")
ReportT = TypeVar("ReportT")


@define(kw_only=True, eq=False, repr=False)
class Pool(Generic[T, OutcomeT, ReportT]):
    """A run of bulk work. Enter it with `async with`, and iterate it for the outcome of each batch.

    Leaving the block early ends the run: items that were read and not settled by then are undelivered. `report` has
    the totals at any moment, and after the end.
    """

    source: SourceReader[T]
    work: Work[T, OutcomeT, ReportT]
    concurrency: int
    policy: OutagePolicy = field(factory=OutagePolicy)
    pace: RateLimiter | None = None
    """Items a second that the caller allows, each counted when it goes out first."""
    ordered: bool = False
    """Whether outcomes come in the order of their batches."""
    recorder: Recorder[T] = field(factory=Recorder)
    """Records the run, in a journal if there is one."""
    runtime: Runtime = field(factory=AsyncRuntime)
    ready: Callable[[], Awaitable[None]] | None = None
    """Waits until the service accepts requests, where an item must not be written down as being sent before."""
    notify: Callable[[], None] | None = field(init=False, default=None)
    """Called when the run begins to wait for the service, and when it no longer does."""
    _totals: RunTotals[T] = field(init=False, factory=RunTotals)  # pyright: ignore[reportAssignmentType]
    _started: float | None = field(init=False, default=None)
    _elapsed: float | None = field(init=False, default=None)
    _unwatched: bool = field(init=False, default=False)
    """Whether the caller wants the report alone, and no outcomes."""
    _workers: int = field(init=False, default=0)
    """Workers that have not ended."""
    _end: RunEnd = field(init=False)
    _sender: BatchSender[T, OutcomeT] = field(init=False)
    _tasks: RunTasks = field(init=False)
    _outcomes: OutcomeStream[OutcomeT] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._outcomes = OutcomeStream(ordered=self.ordered, max_early=self.concurrency)
        self._end = RunEnd(source=self.source, breaker=self.policy.breaker)

    @property
    def report(self) -> ReportT:
        """The totals so far; final once the block is left or the iteration has ended."""
        opened, now = self.policy.breaker.opened_at, self.runtime.now()
        state = RunState(
            elapsed=self._elapsed_until(now),
            stopped_by=self._end.reason or self.source.error,
            journal=self.recorder.journal,
            waiting_since=None if opened is None or self._elapsed is not None else unix_time() - (now - opened),
        )
        return self.work.report(self._totals, state)

    @property
    def totals(self) -> RunTotals[T]:
        """The counts behind the report."""
        return self._totals

    @property
    def remaining(self) -> list[OutcomeT]:
        """Outcomes that the iteration had not taken when the block was left early, in the order of their batches."""
        return [self.work.decoded_outcome(one) for one in sorted(self._outcomes.remaining, key=self.work.number_of)]

    @property
    def _fault(self) -> tuple[str, Exception] | None:
        """The exception of the caller's code that ended the run, and what raised it; None if there was none."""
        return self._end.fault

    def _fail(self, what: str, error: Exception) -> None:
        """End the run for an exception of the caller's code, which the iteration then raises.

        No more is read. Batches in flight are settled first.
        """
        self._end.fail(what, error)

    def take_undelivered(self) -> list[T]:
        """Return the undelivered items that the run keeps in memory, and forget them."""
        items, self._totals.kept = self._totals.kept, []
        return items

    def discard(self) -> None:
        """Take note that the run will not be entered, because what it is a part of was cancelled before."""
        if self._started is None:
            self._started, self._elapsed = self.runtime.now(), 0.0

    async def __aenter__(self) -> Self:
        if self._started is not None:
            raise ConfigError("a bulk run is entered once: create another run")
        self._started = self.runtime.now()
        self._tasks = RunTasks(noun="the run", interruptible=self.source.may_block)
        have_memory_reused()
        await self._tasks.open()
        try:
            await self.source.prepare()
            self._totals = await self.recorder.open(self.source, self.work)
            await self.recorder.start(self.concurrency)
        except BaseException:
            await self._tasks.close()
            raise
        # Of twice as many workers, half prepare batches: the limiter before the network lets no more requests through.
        # With one request in flight there is one worker, as two would not keep the order of the source.
        workers = 2 * self.concurrency if self.recorder.ahead and self.concurrency > 1 else self.concurrency
        self._outcomes.open(room=2 * self.concurrency - workers)
        self._sender = self._new_sender(self._watch_service())
        self._workers = workers
        for _ in range(workers):
            self._tasks.start_soon(self._work)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._tasks.require_own_loop()
        if exc is not None and not isinstance(exc, Exception):
            self.recorder.hurry()
        self._tasks.cancel()
        try:
            await self._end_tasks()
        finally:
            self._outcomes.close()
            self._stop_clock()
            await self._close()

    async def _end_tasks(self) -> None:
        try:
            await self._tasks.wait()
        except BaseException:
            self.recorder.hurry()
            raise
        finally:
            await self._tasks.close()

    async def _close(self) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await self.source.close()
        finally:
            try:
                await self.recorder.close()
            finally:
                if self.recorder.broken is not None:
                    self._end.stop(self.recorder.broken)
                    self._totals.kept += self.work.decoded(self.recorder.unwritten)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> OutcomeT:
        return self.work.decoded_outcome(await self._next_outcome())

    async def _next_outcome(self) -> OutcomeT:
        if self._started is None:
            raise ConfigError("enter the run first, with `async with`. Nothing was sent.")
        try:
            return await self._outcomes.next()
        except anyio.EndOfStream:
            self._stop_clock()
        self._tasks.raise_error()
        self._end.raise_fault(self.work.noun)
        if isinstance(self._end.reason, ConfigError) and not self._totals.accepted:
            # The client cannot be used at all: the caller should learn that first.
            raise self._end.reason
        raise StopAsyncIteration

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._totals.summary(self.work.noun)})"

    def __del__(self) -> None:
        if self._started is None:
            warnings.warn("a bulk run was never entered: nothing was sent", ResourceWarning, stacklevel=2)

    async def finish(self, on_progress: Callable[[ReportT], None] | None = None) -> ReportT:
        """Go through the run to its end.

        Args:
            on_progress: called with the report so far after each batch, and when the run begins or ends waiting for
                the service.

        Raises:
            BulkError: the source, `on_progress` or the sending raised; that exception is the cause. Items that were
                read before are settled, and `report` has their outcome.
        """
        if on_progress is not None:
            self.notify = lambda: on_progress(self.report)
        self._unwatched = on_progress is None
        with self._interruption_told():
            try:
                await self.follow(lambda _: self._notify(), decoded=False)
            except Exception:
                if self._fault is None:
                    raise
                what, cause = self._fault
                words = f"{what} raised {type(cause).__name__}; {self._totals.summary(self.work.noun)}"
                raise BulkError(words, report=self.report) from cause
        return self.report

    async def follow(self, tell: Callable[[OutcomeT], None], *, decoded: bool = True) -> None:
        """Enter the run, and go through it to its end.

        Args:
            tell: called with each outcome, also with those that are there when the run is cancelled.
            decoded: whether outcomes are as a caller sees them, rather than as the run has them, which takes less time.

        Raises:
            Exception: whatever the source raised.
        """
        seen: Callable[[OutcomeT], OutcomeT] = self.work.decoded_outcome if decoded else lambda outcome: outcome
        try:
            async with self:
                with suppress(StopAsyncIteration):
                    while True:
                        tell(seen(await self._next_outcome()))
        finally:
            for outcome in sorted(self._outcomes.remaining, key=self.work.number_of):
                tell(seen(outcome))

    def _notify(self) -> None:
        if self.notify is None or self._end.fault is not None:
            return
        try:
            self.notify()
        except Exception as error:  # noqa: BLE001  # the caller's code: its error must not take the report along
            self._end.fail("on_progress", error)

    def _watch_service(self) -> ServiceWatch:
        watch = ServiceWatch(
            service=self.work.service, policy=self.policy, end=self._end, runtime=self.runtime, notify=self._notify
        )
        self.policy.breaker.watchers.append(watch.circuit_changed)
        return watch

    def _new_sender(self, watch: ServiceWatch) -> BatchSender[T, OutcomeT]:
        return BatchSender(
            work=self.work,
            policy=self.policy,
            pace=self.pace,
            recorder=self.recorder,
            runtime=self.runtime,
            ready=self.ready,
            totals=self._totals,
            end=self._end,
            on_first_post=lambda: self._tasks.start_soon(watch.name_silent),
        )

    @contextmanager
    def _interruption_told(self) -> Iterator[None]:
        """An interrupted call cannot return its report, so the exception carries a summary of it."""
        try:
            yield
        except BaseException as interruption:
            if not isinstance(interruption, Exception):
                for told in filter(None, (interruption, interruption.__cause__)):
                    told.add_note(f"omnivery: the run was interrupted: {self._totals.summary(self.work.noun)}")
            raise

    def _elapsed_until(self, now: float) -> float:
        if self._elapsed is not None:
            return self._elapsed
        return 0.0 if self._started is None else now - self._started

    def _stop_clock(self) -> None:
        self._elapsed = self._elapsed_until(self.runtime.now())

    # Workers

    async def _work(self) -> None:
        try:
            # While the service is down every worker holds one batch, and none reads another.
            while (batch := await self._next_batch()) is not None:
                outcome = await self._sender.send(batch)
                if not self._unwatched:
                    await self._outcomes.put(batch.number, outcome)
        finally:
            self._workers -= 1
            if not self._workers:
                self._outcomes.end()
                await self._settle_leftover()

    async def _settle_leftover(self) -> None:
        """Count items as undelivered that a thread has read from a pipe and no worker will take."""
        while items := self.source.leftover(self.work.size):
            self._sender.settle(await self._appended(items))

    async def _next_batch(self) -> Batch[T] | None:
        """Return the next batch; None at the end of the source, or when the run was stopped."""
        if self._end.reason is not None:
            return None
        try:
            batch = await self.recorder.next_pending(self.work)
            if batch is not None:
                self._outcomes.take_turn(batch.number)
                return batch
            await self.recorder.room()
        except JournalError as error:
            self._end.stop(error)
            return None
        return await self._read_source()

    async def _read_source(self) -> Batch[T] | None:
        items: list[T] = []
        try:
            read = await self.source.read_into(items, self.work.size)
        except BaseException:
            # Cancelled while reading: what had been read by then is settled, not forgotten.
            if items:
                self._sender.settle(await self._appended(items))
            raise
        return await self._appended(read) if read else None

    async def _appended(self, items: Sequence[T]) -> Batch[T]:
        self._totals.read += len(items)
        batch = self.recorder.batch(self.work, items, self.source.files)
        self._outcomes.take_turn(batch.number)
        try:
            await self.recorder.append(batch, self.source)
        except JournalError as error:
            self._end.stop(error)
        return batch
