"""A writer for threads: the asynchronous one on the background loop, and its buffer in everybody's reach."""

from __future__ import annotations

import atexit
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
from attrs import define, field

from omnivery.errors import ConfigError
from omnivery.sync.portal import portal

if TYPE_CHECKING:
    from omnivery.automations.writer.options import WriterReport, WriterStatistics
    from omnivery.automations.writer.writer import AsyncEventWriter
    from omnivery.events.event import EventLike
    from omnivery.sync.bridge import LoopBridge


@define(eq=False, repr=False)
class EventWriter:
    """Takes events one by one and sends them in batches. Enter it with `with`; leaving it sends what is left.

    Made by `client.bots.writer()`. Any number of threads may put at once. A writer that is still open when the
    interpreter ends is closed then, which takes `close_timeout` seconds at most.
    """

    _caller: LoopBridge[None]
    _writer: AsyncEventWriter
    _leave: anyio.Event = field(init=False)
    _ready: bool = field(init=False, default=False)

    @property
    def report(self) -> WriterReport:
        """The report so far; final once the writer is closed."""
        return self._writer.report

    @property
    def statistics(self) -> WriterStatistics:
        """Where the events are at this moment."""
        return self._writer.statistics

    def take_undelivered(self) -> list[EventLike]:
        """Hand over the undelivered events that the writer keeps, and keep them no longer.

        A writer that keeps 50,000 of them stops. With a journal they are in the journal, and this returns none.
        """
        return self._writer.take_undelivered()

    def put(self, event: EventLike) -> None:
        """Take one event. When this returns, the event is the writer's; when it raises, it is not.

        It does not wait while there is room. An event that cannot be sent is no error here: it is a rejection in the
        report.

        Raises:
            ConfigError: the writer is not entered, or was closed.
            BulkError: the buffer is full and `overflow` is `raise`; or the run was stopped, which is the error's cause.
        """
        self._writer._put_blocking(event)

    def flush(self) -> WriterReport:
        """Send everything that was put before, without lingering, and wait until it is settled.

        Returns:
            The report of the writer so far. It also comes when the run was stopped: see `stopped_by`.

        Raises:
            ConfigError: the writer is not entered, or was closed.
        """
        if self._caller.over:
            raise ConfigError("the writer was closed: open another one. Nothing was taken.")
        return portal().call(self._writer.flush)

    def close(self) -> WriterReport:
        """Take no more events, and send what is left, for `close_timeout` seconds at most. Idempotent.

        What has not got through by then is undelivered.

        Returns:
            The final report.

        Raises:
            ConfigError: the writer is not entered.
        """
        if not self._caller.over:
            report = portal().call(self._writer.aclose)
            portal().start_task_soon(self._leave.set)
            self._caller.serve(lambda: False)
            atexit.unregister(self.close)
            return report
        return self.report

    def __enter__(self) -> Self:
        if self._ready:
            raise ConfigError("a writer is entered once: call writer() again for another")
        self._caller.start(self._live)
        self._caller.serve(lambda: self._ready)
        if isinstance(self._caller.error, Exception):
            raise self._caller.error
        # Its events would be lost without a word if the program simply ended.
        atexit.register(self.close)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is None or isinstance(exc, Exception):
            self.close()
        else:
            self._caller.cancel()
            atexit.unregister(self.close)
        if exc is None and isinstance(self._caller.error, Exception):
            raise self._caller.error

    def __repr__(self) -> str:
        return f"EventWriter({self.statistics!r})"

    async def _live(self) -> None:
        """The writer's whole life, in one task of the background loop."""
        self._leave = anyio.Event()
        async with self._writer:
            await self._caller.call_in_thread(self._be_ready)
            await self._leave.wait()

    def _be_ready(self) -> None:
        self._ready = True
