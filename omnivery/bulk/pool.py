"""The pool: workers that pull batches from one source and send them side by side. Every kind of bulk work runs in it.

Nothing yields inside a task group: the run is a context manager that owns its workers, and their outcomes come off a
memory stream. Any task may enter the run, and any may leave it. That stream is as long as there are workers, so a
consumer that stops reading stops the run, and at most twice as many batches as workers are alive at any moment.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from logging import Logger
from time import time as unix_time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import anyio
from attrs import define, field

from omnivery._logging import get_logger
from omnivery.bulk.outage import Decision, OutagePolicy, ServiceState, may_have_happened
from omnivery.bulk.outcomes import OutcomeStream
from omnivery.bulk.recorder import Recorder
from omnivery.bulk.report import RunState, RunTotals
from omnivery.bulk.tasks import RunTasks
from omnivery.bulk.work import PartState
from omnivery.errors import AmbiguousError, BulkError, ConfigError, JournalError, OmniveryError
from omnivery.transport.pipeline import NOT_SENT
from omnivery.transport.runtime import AsyncRuntime

if TYPE_CHECKING:
    from omnivery.bulk.batch import Batch
    from omnivery.bulk.source import Source
    from omnivery.bulk.work import Work
    from omnivery.transport.limits import RateLimiter
    from omnivery.transport.runtime import Runtime

T = TypeVar("T")
OutcomeT = TypeVar("OutcomeT")
ReportT = TypeVar("ReportT")

MAX_UNDELIVERED = 50_000
"""Undelivered items after which a run stops: it keeps them all for the caller, and its memory must stay flat."""
FIRST_RESPONSE = 3.0
"""Seconds without any response after which a run says what it waits for."""
REUSED = 8_000_000
"""Size in bytes of the blocks up to which memory is reused."""
HOLD = 0.5
"""Longest pause in seconds before a held batch asks to be sent again."""

logger: Logger = get_logger("omnivery.bulk")


@define(kw_only=True, eq=False, repr=False)
class Pool(Generic[T, OutcomeT, ReportT]):
    """A run of bulk work. Enter it with `async with`, and iterate it for the outcome of each batch.

    Leaving the block early ends the run: items that were read and not settled by then are undelivered. `report` has
    the totals at any moment, and after the end.
    """

    source: Source[T]
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
    notify: Callable[[], None] | None = None
    """Called when the run begins to wait for the service, and when it no longer does."""
    _totals: RunTotals[T] = field(init=False, factory=RunTotals)  # pyright: ignore[reportAssignmentType]
    _stopped_by: BaseException | None = field(init=False, default=None)
    _fault: tuple[str, Exception] | None = field(init=False, default=None)
    """A foreign exception, and what raised it."""
    _posted: bool = field(init=False, default=False)
    _started: float | None = field(init=False, default=None)
    _elapsed: float | None = field(init=False, default=None)
    _unwatched: bool = field(init=False, default=False)
    """Whether nobody looks at the outcomes, but only at the report."""
    _workers: int = field(init=False, default=0)
    """Workers that have not ended."""
    _waiting: bool = field(init=False, default=False)
    _tasks: RunTasks = field(init=False)
    _outcomes: OutcomeStream[OutcomeT] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._outcomes = OutcomeStream(ordered=self.ordered, max_early=self.concurrency)

    @property
    def report(self) -> ReportT:
        """The totals so far; final once the block is left or the iteration has ended."""
        opened, now = self.policy.breaker.opened_at, self.runtime.now()
        state = RunState(
            elapsed=self._elapsed_until(now),
            stopped_by=self._stopped_by or self.source.error,
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

    def take_undelivered(self) -> list[T]:
        """Return the undelivered items that the run keeps in memory, and forget them."""
        items, self._totals.kept = self._totals.kept, []
        return items

    async def __aenter__(self) -> Self:
        if self._started is not None:
            raise ConfigError("a bulk run is entered once: create another run")
        self._started = self.runtime.now()
        self._tasks = RunTasks(noun="the run", interruptible=self.source.may_block)
        _have_memory_reused()
        await self._tasks.open()
        try:
            self._totals = await self.recorder.open(self.source, self.work)
            await self.recorder.start(self.concurrency)
        except BaseException:
            await self._tasks.close()
            raise
        # The slots before the network let through as many requests as there are to be in flight. One at a time keeps
        # the order of the source, which two workers would not.
        workers = 2 * self.concurrency if self.recorder.ahead and self.concurrency > 1 else self.concurrency
        self._outcomes.open(room=2 * self.concurrency - workers)
        self.policy.breaker.watchers.append(self._circuit_changed)
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
                    self._stop(self.recorder.broken)
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
        if self._fault is None and self.source.error is not None:
            self._fault = f"the source of {self.work.noun}", self.source.error
        if self._fault is not None:
            what, cause = self._fault
            if isinstance(cause, StopAsyncIteration):
                # It would be taken for the end of the outcomes.
                raise RuntimeError(f"{what} raised StopAsyncIteration") from cause
            raise cause
        if isinstance(self._stopped_by, ConfigError) and not self._totals.accepted:
            # The client cannot be used at all: the caller should learn that first.
            raise self._stopped_by
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
        if self.notify is None or self._fault is not None:
            return
        try:
            self.notify()
        except Exception as error:  # noqa: BLE001  # the caller's code: its error must not take the report along
            self._fail("on_progress", error)

    def _fail(self, what: str, error: Exception) -> None:
        self._fault = self._fault or (what, error)
        self._stop(error)

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
            while (batch := await self._read()) is not None:
                outcome = await self._deliver(batch)
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
            self._settle(await self._appended(items))

    async def _read(self) -> Batch[T] | None:
        """Return the next batch; None at the end of the source, or when the run was stopped."""
        # While the service is down every worker holds one batch and none reads another.
        return None if self._stopped_by is not None else await self._next_batch()

    async def _next_batch(self) -> Batch[T] | None:
        try:
            batch = await self.recorder.next_pending(self.work)
            if batch is not None:
                self._outcomes.take_turn(batch.number)
                return batch
            await self.recorder.room()
        except JournalError as error:
            self._stop(error)
            return None
        return await self._read_source()

    async def _read_source(self) -> Batch[T] | None:
        items: list[T] = []
        try:
            read = await self.source.read_into(items, self.work.size)
        except BaseException:
            # Cancelled while reading: what had been read by then is settled, not forgotten.
            if items:
                self._settle(await self._appended(items))
            raise
        return await self._appended(read) if read else None

    async def _appended(self, items: Sequence[T]) -> Batch[T]:
        self._totals.read += len(items)
        batch = self.recorder.batch(self.work, items)
        self._outcomes.take_turn(batch.number)
        try:
            await self.recorder.append(batch, self.source)
        except JournalError as error:
            self._stop(error)
        return batch

    def _stop(self, error: BaseException) -> None:
        self._stopped_by = self._stopped_by or error
        self.source.stop()
        self.policy.breaker.stop()

    async def _deliver(self, batch: Batch[T]) -> OutcomeT:
        before, failures = self.policy.service_state(), 0
        try:
            if self.pace is not None:
                # While this waits for its turn, the caller may change what is in a list.
                batch.encode_next()
            while self._stopped_by is None and batch.next_items:
                if self.pace is not None and (items := batch.next_new_items):
                    await self.pace.wait(items)
                if (body := batch.next_request()) is None:
                    continue
                held = await self._post(batch, body, before=before, round=failures + 1)
                await self._responded(batch)
                if held:
                    # Rounds count in which the service worked, and this batch failed all the same.
                    failures += not self.policy.was_down_since(before)
                    accepted = self.policy.accepted
                    await self._hold()
                    before = self.policy.service_state(accepted=accepted)
                else:
                    failures = 0
            if self.work.size == 1:
                # Items that are rejected unsent await nothing: other tasks must have their turn all the same.
                await anyio.lowlevel.checkpoint()
        finally:
            # No await stands here: a cancelled run settles its batches all the same.
            outcome = self._settle(batch)
        return outcome

    async def _post(self, batch: Batch[T], body: Any, *, before: ServiceState, round: int) -> bool:  # noqa: A002
        """Send one request, and tell the batch how it ended. Return whether the batch is held."""
        if not self._posted:
            self._posted = True
            self._tasks.start_soon(self._name_silent_service)
        is_posted = False
        try:
            if self.ready is not None:
                await self.ready()
            await self.recorder.sending(batch)
            is_posted = True
            response = await self.work.post(body)
        except JournalError as error:
            # Nothing was sent: a request goes out only after it was written down.
            batch.held(error)
            self._stop(error)
        except OmniveryError as error:
            return self._judge(batch, body, error, before=before, round=round)
        except Exception as error:  # noqa: BLE001  # whatever it is, the report must not be lost with it
            fault = AmbiguousError(f"sending raised {type(error).__name__}", attempts=0)
            batch.failed(fault, state=self._state_after(fault, stopped=True))
            self._fail("sending", error)
        except BaseException as interruption:
            if not is_posted or NOT_SENT in getattr(interruption, "__notes__", ()):
                batch.unsent()
            raise
        else:
            self.policy.accepted += 1
            batch.accepted(response)
        return False

    def _judge(
        self,
        batch: Batch[T],
        body: Any,
        error: OmniveryError,
        *,
        before: ServiceState,
        round: int,  # noqa: A002
    ) -> bool:
        """Decide about a request that failed. Return whether the batch is held."""
        if self.work.refuses(error, body):
            batch.refused(error)
            return False
        now = self.runtime.now()
        decision = self.policy.decide(error, before=before, round=round, now=now)
        if decision is Decision.HOLD:
            batch.held(error)
            if self.policy.accepted == before.accepted:
                self.policy.breaker.trip(now, random=self.runtime.random())
            return True
        batch.failed(error, state=self._state_after(error, stopped=decision is Decision.STOP))
        if decision is Decision.STOP:
            self._stop(error)
        return False

    def _state_after(self, error: OmniveryError, *, stopped: bool) -> PartState:
        if not self.work.idempotent and may_have_happened(error):
            return PartState.UNKNOWN
        return PartState.PENDING if stopped else PartState.UNDELIVERED

    async def _hold(self) -> None:
        """Wait a moment before a held batch is sent again; the circuit breaker does the long waiting."""
        await self.runtime.sleep(HOLD * self.runtime.random())

    async def _responded(self, batch: Batch[T]) -> None:
        try:
            await self.recorder.responded(batch)
        except JournalError as error:
            self._stop(error)

    def _settle(self, batch: Batch[T]) -> OutcomeT:
        settled = batch.close()
        try:
            journalled = self.recorder.settle(batch)
        except JournalError as error:
            journalled = False
            self._stop(error)
        self._totals.add(settled, counted=batch.counted, journalled=journalled)
        if len(self._totals.kept) > MAX_UNDELIVERED and settled.undelivered:
            self._stop(settled.errors[-1])
        return self.work.outcome(settled, batch.responses, batch.refusals)

    # Waiting for the service

    def _circuit_changed(self) -> None:
        waiting = self.policy.breaker.is_open
        if waiting == self._waiting or self._stopped_by is not None:
            return
        self._waiting = waiting
        if waiting:
            logger.warning("%s accepts no requests: waiting until it does", self.work.service)
        else:
            logger.info("%s accepts requests again", self.work.service)
        self._notify()

    async def _name_silent_service(self) -> None:
        await self.runtime.sleep(FIRST_RESPONSE)
        if not self.policy.breaker.responded and self._stopped_by is None and not self.policy.accepted:
            logger.warning("no response from %s for %g s: still trying", self.work.service, FIRST_RESPONSE)
            self._notify()


@cache
def _have_memory_reused() -> None:
    """Have the allocator keep the memory of one body for the next.

    glibc maps a block as large as a body anew, with a page fault for every 4 kB, but reuses memory for blocks up to the
    size of one that was freed (mallopt(3), M_MMAP_THRESHOLD). That saves a run up to a sixth of its CPU. The first such
    block takes up no memory, as nothing is written to it. Where so much is not allowed, small bodies are sent all the
    same.
    """
    with suppress(MemoryError):
        bytes(REUSED)
