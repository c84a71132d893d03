"""The tasks of a run, in a task group that any task may leave.

anyio's own must be left in the task that entered it. pytest-asyncio sets a fixture up in one task and tears it down in
another, and so do frameworks with what lives from their start to their end.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVarTuple

import anyio
from attrs import define, field

from omnivery.errors import ConfigError
from omnivery.transport.runtime import current_event_loop, is_cancelled_by_asyncio, spawn, uninterruptible

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

Args = TypeVarTuple("Args")


@define(kw_only=True, eq=False, repr=False)
class RunTasks:
    """A task group that lives in a task of its own. Any task of the same event loop may close it, and one must."""

    noun: str
    """Name of the object that these tasks belong to, for errors."""
    interruptible: bool = True
    """Whether Ctrl-C may hit these tasks under trio; if not, it goes to the program's main task."""
    _loop: object = field(init=False, default=None)
    _host: object = field(init=False, default=None)
    """Kept, because asyncio itself holds tasks weakly."""
    _group: TaskGroup = field(init=False)
    _opened: anyio.Event = field(init=False)
    _closing: anyio.Event = field(init=False)
    _ended: anyio.Event = field(init=False)
    _error: BaseException | None = field(init=False, default=None)

    async def open(self) -> None:
        """Start the task that has the group."""
        self._opened, self._closing, self._ended = anyio.Event(), anyio.Event(), anyio.Event()
        self._loop = current_event_loop()
        self._host = spawn(self._live)
        try:
            await self._opened.wait()
        except BaseException:
            self._closing.set()
            raise

    def start_soon(self, function: Callable[[*Args], Coroutine[Any, Any, Any]], *args: *Args) -> None:
        """Start a task in the group."""
        guarded = function if self.interruptible else uninterruptible(function)
        self._group.start_soon(guarded, *args)

    def cancel(self) -> None:
        """Cancel the tasks."""
        self._group.cancel_scope.cancel()

    def require_own_loop(self) -> None:
        """Check that the running event loop is the one that has the tasks.

        Raises:
            ConfigError: it is another one, while they still run.
        """
        if not self._ended.is_set() and current_event_loop() is not self._loop:
            raise ConfigError(
                f"{self.noun} was entered in another event loop than this one, and can be used and left only there. In "
                "pytest-asyncio, give fixture and test the same `loop_scope`"
            )

    async def wait(self) -> None:
        """Wait until the tasks have ended. From now on only these tasks may start others. Call `close` next."""
        self._closing.set()
        await self._ended.wait()

    async def close(self) -> None:
        """Wait until the tasks have ended, and end the group. Cancelled by asyncio, it cancels them and waits on.

        Raises:
            BaseException: what one of the tasks raised.
        """
        self._closing.set()
        interruption = None
        with anyio.CancelScope(shield=True):
            while not self._ended.is_set():
                try:
                    await self._ended.wait()
                except anyio.get_cancelled_exc_class() as error:
                    # asyncio's own cancel(), which no shield keeps off.
                    interruption = error
                    self.cancel()
        self.raise_error()
        if interruption is not None:
            raise interruption

    def raise_error(self) -> None:
        """Raise what one of the tasks raised, if one did and all have ended."""
        if isinstance(self._error, KeyboardInterrupt | SystemExit) and is_cancelled_by_asyncio():
            # asyncio has let it out of the event loop already, and ends its tasks now. If the main task raised it once
            # more, the loop would close before anyio's threads are told to end, and the process would wait for them.
            raise anyio.get_cancelled_exc_class() from self._error
        if self._error is not None:
            raise self._error

    async def _live(self) -> None:
        try:
            async with anyio.create_task_group() as self._group:
                self._opened.set()
                await self._closing.wait()
        except BaseExceptionGroup as group:
            # Tasks with the same problem raise the same error, so one of them is enough.
            self._error = group.exceptions[0]
        except anyio.get_cancelled_exc_class():
            # The event loop ends, and its tasks with it: no error of theirs.
            pass
        finally:
            self._opened.set()
            self._ended.set()
