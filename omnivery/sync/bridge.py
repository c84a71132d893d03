"""The bridge between a calling thread and its bulk work on the background loop.

The caller's iterable is read, and the caller's functions are called, in the caller's own thread, because what they use,
such as a database cursor, may be bound to it. So the thread makes calls for the loop until the work is done. One
call fetches the items of a whole batch: to cross between threads for each item would take longer than to send it. A
list or tuple runs no code of the caller's, so the loop reads it itself while the caller only waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
from attrs import define, field

from omnivery._fork import register_fork_reset
from omnivery._logging import get_logger
from omnivery.errors import BulkError, ConfigError
from omnivery.sync.callers_source import source_in_thread
from omnivery.sync.portal import ending, portal
from omnivery.transport.config import callback

if TYPE_CHECKING:
    from logging import Logger

    from omnivery.bulk.source import Resumable

T = TypeVar("T")
P = TypeVar("P")

logger: Logger = get_logger("omnivery.bulk")


@define(eq=False)
class LoopBridge(Generic[T]):
    """Work on the background loop, and the thread that waits for it."""

    _calls: SimpleQueue[Callable[[], None]] = field(init=False, factory=SimpleQueue[Callable[[], None]])
    _awaited: set[_ThreadCall] = field(init=False, factory=set["_ThreadCall"])
    """Calls that a task on the loop waits for."""
    _scope: anyio.CancelScope | None = field(init=False, default=None)
    _over: bool = field(init=False, default=False)
    cancelled: bool = field(init=False, default=False)
    """Whether this thread, and not the exit of the process, has cancelled the work."""
    _result: T = field(init=False)
    _error: BaseException | None = field(init=False, default=None)
    _callback_error: Exception | None = field(init=False, default=None)
    """What the caller's callback raised; it is not called again."""

    def __attrs_post_init__(self) -> None:
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """End the wait: the work goes on in the parent only."""
        if not self._over:
            self._over = True
            self._error = ConfigError("this run belongs to the process that started it, and goes on there")

    @property
    def over(self) -> bool:
        """Whether the work has ended."""
        return self._over

    @property
    def error(self) -> BaseException | None:
        """The exception that the work raised."""
        return self._error

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run work on the background loop, and make its calls meanwhile.

        Raises:
            BulkError: the caller's callback raised after the last batch; its report is what the work returned.
            BaseException: the exception of the work. Or the interruption of this thread, such as Ctrl-C: the work is
                then cancelled first, and its notes are added to the interruption.
        """
        self.start(work)
        self.serve(lambda: False)
        if self._error is not None:
            raise self._error
        if (cause := self._callback_error) is not None:
            report: Any = self._result
            words = f"on_progress raised {type(cause).__name__}; {report.summary()}"
            raise BulkError(words, report=report) from cause
        return self._result

    def start(self, work: Callable[[], Awaitable[T]]) -> None:
        """Start work, with the context variables of this thread."""
        try:
            portal().start_task_soon(self._work, work)
        except BaseException:
            # Ctrl-C came while the loop was started, and the work may have begun all the same.
            self.cancelled = True
            raise

    def serve(self, enough: Callable[[], bool]) -> None:
        """Make calls until `enough()`, or until the work is over and no call is left. An interruption cancels it."""
        try:
            while not enough() and (call := self._next_call()):
                call()
        except BaseException as interruption:
            self.cancel()
            for note in getattr(self._error, "__notes__", ()):
                interruption.add_note(note)
            raise
        if isinstance(self._error, asyncio.CancelledError) and not self.cancelled:
            # The process exits, and this daemon thread ends with it.
            raise SystemExit

    def cancel(self) -> None:
        """Cancel the work, and wait until it has cleaned up. No more calls are made for it."""
        self.cancelled = True
        if self._over:
            return
        with suppress(RuntimeError):  # the loop has ended, and the work with it
            portal().start_task_soon(self._cancel_scope)
        while not self._over:
            self._next_call()

    def source(
        self, items: Iterable[P] | AsyncIterable[P] | Resumable[P], *, argument: str, unattended: bool = False
    ) -> Iterable[P] | AsyncIterable[P]:
        """Return the caller's iterable as a source that the work can read.

        Args:
            items: what to read.
            argument: its name, for the error.
            unattended: whether the caller's thread runs none of the caller's code until the work is over. A callback
                may change the list that is read, and a slow one must slow the reading down.

        Raises:
            ConfigError: the iterable is asynchronous.
        """
        return source_in_thread(items, self.call_in_thread, argument=argument, unattended=unattended)

    def callback(self, function: Callable[[P], Any] | None) -> Callable[[P], None] | None:
        """Return a function that schedules the caller's function in the caller's thread.

        It does not wait for that thread. What the caller's function has raised, the next call here raises.
        """
        given = callback(function, argument="on_progress")
        if given is None:
            return None

        def schedule(value: P) -> None:
            if self._callback_error is not None:
                raise self._callback_error
            self._calls.put(partial(self._call_back, given, value))

        return schedule

    def _call_back(self, function: Callable[[P], Any], value: P) -> None:
        if self._callback_error is None:
            try:
                function(value)
            except Exception as error:  # noqa: BLE001  # the caller's code: its error must not take the report along
                self._callback_error = error

    async def call_in_thread(self, what: Callable[[], object]) -> None:
        """On the background loop: call a function in the caller's thread and wait for it. Raises its exception."""
        call = _ThreadCall(what, asyncio.get_running_loop())
        self._awaited.add(call)
        self._calls.put(call.do)
        try:
            await call.done.wait()
        except asyncio.CancelledError:
            if not call.withdraw() and not ending():
                # It has begun, and may have taken items from the source: they would be lost if this task left now.
                with anyio.CancelScope(shield=True):
                    await call.done.wait()
            raise
        finally:
            self._awaited.discard(call)
        if isinstance(call.error, Exception):
            raise call.error
        if call.error is not None:
            await anyio.sleep_forever()  # the thread was interrupted, and is about to cancel this task

    def _next_call(self) -> Callable[[], None] | None:
        """Return the next call; None when the work is over and no call will come."""
        while True:
            try:
                # A wait without a timeout cannot be interrupted on Windows.
                return self._calls.get(block=not self._over, timeout=1.0)
            except Empty:
                if self._over:
                    return None

    async def _work(self, work: Callable[[], Awaitable[T]]) -> None:
        try:
            with anyio.CancelScope() as self._scope:
                # A thread that was interrupted at once may have cancelled the work before it began.
                if self.cancelled:
                    self._scope.cancel()
                await self._done(work)
        finally:
            self._over = True
            self._calls.put(_nothing)

    async def _done(self, work: Callable[[], Awaitable[T]]) -> None:
        try:
            self._result = await work()
        except BaseException as error:
            self._error = error
            # An ordinary exception is raised in the thread that waits.
            if isinstance(error, Exception):
                return
            if not self.cancelled:
                notes = getattr(error, "__notes__", ())
                logger.warning("; ".join(["the process ended while bulk work was under way", *notes]))
            raise

    def _cancel_scope(self) -> None:
        if self._scope is not None:
            self._scope.cancel()
        for call in self._awaited:
            call.release()


@define(eq=False)
class _ThreadCall:
    """A call in the caller's thread. Either it begins there, or it is withdrawn before."""

    what: Callable[[], object]
    loop: asyncio.AbstractEventLoop
    error: BaseException | None = field(init=False, default=None)
    done: anyio.Event = field(init=False, factory=anyio.Event)
    _claim: Lock = field(init=False, factory=Lock)

    def withdraw(self) -> bool:
        """Make sure that it never begins; return False if it has begun."""
        return self._claim.acquire(blocking=False)

    def release(self) -> None:
        """On the loop, when the thread executes no more calls: one that has begun will never finish.

        Ctrl-C may come anywhere, also just before the thread sets `done`.
        """
        if self._claim.locked():
            self.done.set()

    def do(self) -> None:
        try:
            if self._claim.acquire(blocking=False):
                self.what()
        except BaseException as error:
            self.error = error
            if not isinstance(error, Exception):
                raise
        finally:
            with suppress(RuntimeError):  # the loop has ended, and no task waits
                self.loop.call_soon_threadsafe(self.done.set)


def _nothing() -> None:
    """Wakes a thread that waits for a call."""
