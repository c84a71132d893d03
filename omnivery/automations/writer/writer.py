"""The writer for services: events are put one by one, and go out as the batches of one bulk run without end."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
from anyio.lowlevel import checkpoint
from attrs import define, field

from omnivery.automations.writer.buffer import PutResult, logger
from omnivery.automations.writer.options import (
    WriterOptions,
    WriterReport,
    WriterStatistics,
    as_writer_report,
)
from omnivery.bulk.report import BatchFailure
from omnivery.bulk.tasks import RunTasks
from omnivery.errors import BulkError, ConfigError, NotSentError, OmniveryError
from omnivery.events.event import EventLike

if TYPE_CHECKING:
    from omnivery.automations.report import BatchOutcome
    from omnivery.automations.run import AsyncBulkRun
    from omnivery.automations.writer.source import BufferSource


@define(kw_only=True, eq=False, repr=False)
class AsyncEventWriter:
    """Takes events one by one and sends them in batches. Enter it with `async with`; leaving it sends the rest.

    Made by `client.bots.writer()`. Any number of tasks may put at once, and any task of the same event loop may leave
    it, not only the one that entered it: a pytest fixture can hold it.
    """

    options: WriterOptions
    source: BufferSource
    run: AsyncBulkRun
    """The run that sends; it has read `source` and nothing else."""
    _entered: bool = field(init=False, default=False)
    _left: bool = field(init=False, default=False)
    _calls: int = field(init=False, default=0)
    _settled: int = field(init=False, default=0)
    """Events of the batches up to the first that is still under way."""
    _next: int = field(init=False, default=0)
    """That batch."""
    _early: dict[int, int] = field(init=False, factory=dict[int, int])
    """Events of batches that were done before it, by batch; counted from the first batch of this run."""
    _unsent: list[EventLike] = field(init=False, factory=list[EventLike])
    """Events that were in the buffer when the run ended, until they are taken."""
    _given_up: int = field(init=False, default=0)
    """How many these were."""
    _broken: Exception | None = field(init=False, default=None)
    """What ended the run although it is no response of the server's: a journal that cannot be used, a fault of ours."""
    _tasks: RunTasks = field(init=False)
    _pumping: anyio.CancelScope = field(init=False)
    _progress: anyio.Event = field(init=False)
    _started: anyio.Event = field(init=False)
    _ended: anyio.Event = field(init=False)

    @property
    def report(self) -> WriterReport:
        """The report so far; final once the writer is closed."""
        report, buffer = self.run.report, self.source.buffer
        failures = report.failures
        if self._given_up:
            why = NotSentError("the writer ended before the events were sent")
            failures += (BatchFailure(batch=self.source.batches, events=self._given_up, error=why),)
        return as_writer_report(
            report,
            read=report.read + len(buffer) + self._given_up,
            undelivered=report.undelivered + self._given_up,
            unsent=self._unsent,
            failures=failures,
            stopped_by=report.stopped_by or self._broken,
            dropped=buffer.drops.count,
            late=self.source.late.count,
        )

    @property
    def statistics(self) -> WriterStatistics:
        """Where the events are at this moment."""
        report, buffer = self.run.report, self.source.buffer
        return WriterStatistics(
            put=buffer.puts,
            buffered=len(buffer),
            oldest_age=buffer.oldest_age,
            accepted=report.accepted,
            rejected=report.rejected,
            undelivered=report.undelivered + self._given_up,
            dropped=buffer.drops.count,
            late=self.source.late.count,
            batches=report.batches,
            requests=report.requests,
            retries=report.retries,
        )

    def take_undelivered(self) -> list[EventLike]:
        """Return the undelivered events that the writer keeps, and forget them.

        A writer that keeps 50,000 of them stops. With a journal they are in the journal, and this returns none.
        """
        unsent, self._unsent = self._unsent, []
        return [*self.run.take_undelivered(), *unsent]

    async def put(self, event: EventLike) -> None:
        """Take one event. When this returns, the event is the writer's; when it raises, it is not.

        While there is room it does not wait, and yields to the event loop only once in `max_events` calls. An event
        that cannot be sent raises nothing here: it is a rejection in the report.

        Raises:
            ConfigError: the writer is not entered, or was closed.
            BulkError: the buffer is full and `overflow` is `raise`; or the run was stopped, which is the error's cause.
        """
        buffer = self.source.buffer
        if self._calls and self._calls % self.options.max_events == 0:
            # A producer that waits for nothing else must not keep full batches from going out.
            await checkpoint()
        self._calls += 1
        while buffer.put_nowait(event) is PutResult.FULL:
            if self.options.overflow == "raise":
                raise self._full()
            await self.source.room.wait()

    def _put_blocking(self, event: EventLike) -> None:
        """`put` for a thread that is in no event loop; any number of them may put at once."""
        buffer = self.source.buffer
        if self.options.overflow == "wait":
            buffer.put_blocking(event)
        elif buffer.put_nowait(event) is PutResult.FULL:
            raise self._full()

    async def flush(self) -> WriterReport:
        """Send everything that was put before, without lingering, and wait until it is settled.

        Returns:
            The report of the writer so far. It also comes when the run was stopped: see `stopped_by`.

        Raises:
            ConfigError: the writer is not entered, or was closed.
        """
        self._require_entered()
        if self._left:
            raise _closed()
        target = self.source.buffer.flush()
        while not self._is_settled(target) and not self._ended.is_set():
            await self._progress.wait()
        return self.report

    async def aclose(self) -> WriterReport:
        """Take no more events, and send what is left, for `close_timeout` seconds at most. Idempotent.

        Events that are not accepted by then are undelivered. If this is cancelled, `cancel_timeout` seconds are left.

        Returns:
            The final report.

        Raises:
            ConfigError: the writer is not entered.
        """
        self._require_entered()
        self._close()
        patience = self.options.cancel_timeout
        try:
            with anyio.move_on_after(self.options.close_timeout):
                await self._ended.wait()
            patience = 0.0
        finally:
            await self._end_within(patience)
        return self.report

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ConfigError("a writer is entered once: call writer() again for another")
        self._entered = True
        self._progress, self._started, self._ended = anyio.Event(), anyio.Event(), anyio.Event()
        # Shielded: the last batches go out although the task that put them is cancelled, for as long as we say.
        self._pumping = anyio.CancelScope(shield=True)
        self.source.bind()
        self._tasks = RunTasks(noun="the writer", interruptible=False)
        try:
            await self._tasks.open()
        except BaseException:
            self.run.discard()
            raise
        self._tasks.start_soon(self._pump)
        try:
            await self._started.wait()
            self._raise_broken()
        except BaseException:
            self._pumping.cancel()
            await self._tasks.close()
            self.run.discard()
            raise
        self.source.buffer.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._tasks.require_own_loop()
        try:
            if exc is None or isinstance(exc, Exception):
                await self.aclose()
            else:
                self._close()
                await self._end_within(self.options.cancel_timeout)
        finally:
            await self._tasks.close()
        if exc is None:
            self._raise_broken()

    def __repr__(self) -> str:
        return f"AsyncEventWriter({self.statistics!r})"

    async def _pump(self) -> None:
        with self._pumping:
            try:
                async with self.run:
                    self._started.set()
                    async for outcome in self.run:
                        self._settle(outcome)
            except Exception as error:  # noqa: BLE001  # whatever it is, it must neither cancel the block nor get lost
                self._broken = error
            finally:
                self._give_up()
                self._started.set()
                self._ended.set()
                self._progress.set()
                self._tell_losses()

    def _raise_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _is_settled(self, target: int) -> bool:
        return self._settled >= target

    def _settle(self, outcome: BatchOutcome) -> None:
        if outcome.batch < self.run.recorder.first_number:
            return  # An earlier run left it in the journal: it holds nothing that was put here.
        self._early[outcome.batch - self.run.recorder.first_number] = (
            len(outcome.accepted) + len(outcome.rejected) + len(outcome.undelivered)
        )
        while (events := self._early.pop(self._next, None)) is not None:
            self._settled += events
            self._next += 1
        self._progress.set()
        self._progress = anyio.Event()
        if outcome.undelivered and self.run.report.stopped_by is not None:
            # Nothing will be read any more, and what is still under way may take long: say so at once.
            self._give_up()

    def _give_up(self) -> None:
        self.source.buffer.close(self._stopped)
        drained = self.source.buffer.drain()
        self._unsent += drained
        self._given_up += len(drained)
        self.source.tell_room()

    def _close(self) -> None:
        self._left = True
        self.source.buffer.close(_closed)
        self.source.tell_room()

    async def _end_within(self, seconds: float) -> None:
        with anyio.CancelScope(shield=True):
            try:
                with anyio.move_on_after(seconds):
                    await self._ended.wait()
            finally:
                # Also when asyncio's own cancel() ends the wait, which no shield keeps off.
                self._pumping.cancel()
            await self._ended.wait()

    def _tell_losses(self) -> None:
        report = self.report
        if report.undelivered or report.dropped:
            logger.warning("a writer ended; events undelivered: %d, dropped: %d", report.undelivered, report.dropped)

    def _require_entered(self) -> None:
        if not self._entered:
            raise ConfigError("enter the writer first: `async with client.bots.writer() as writer`. Nothing was sent.")
        self._tasks.require_own_loop()

    def _full(self) -> BulkError:
        return BulkError(
            f"the writer's buffer is full: {self.options.max_buffered:,} events wait, and this one was not taken",
            report=self.report,
        )

    def _stopped(self) -> BulkError:
        report = self.report
        cause = report.stopped_by
        words = str(cause) if isinstance(cause, OmniveryError) else type(cause).__name__
        error = BulkError(f"the writer takes no more events: it was stopped by: {words}", report=report)
        error.__cause__ = cause
        return error


def _closed() -> ConfigError:
    return ConfigError("the writer was closed: open another one. Nothing was taken.")
