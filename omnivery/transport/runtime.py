"""Time for the pipeline: a clock, a sleep and a timeout scope, with an event loop or without one."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, TypeVarTuple

import anyio
from attrs import frozen

from omnivery.errors import OmniveryError, TransportError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

T = TypeVar("T")
Args = TypeVarTuple("Args")


class Runtime(Protocol):
    """Time and randomness of a call, so that tests can replace both."""

    def now(self) -> float:
        """Return the seconds of a monotonic clock."""
        ...

    def random(self) -> float:
        """Return a random number in [0, 1)."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def move_on_at(self, moment: float) -> AbstractContextManager[object, bool]:
        """Leave the block without an error at this time of the clock; infinity is no limit."""
        ...


@frozen(kw_only=True)
class AsyncRuntime:
    """The runtime on an event loop of asyncio or trio, through anyio."""

    def now(self) -> float:
        """Return the seconds of a monotonic clock."""
        return time.monotonic()

    def random(self) -> float:
        """Return a random number in [0, 1)."""
        return random.random()  # noqa: S311  # jitter, not a secret

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    def move_on_at(self, moment: float) -> anyio.CancelScope:
        """Leave the block without an error at this time of the clock; infinity is no limit."""
        return anyio.move_on_after(moment - self.now())


@frozen(kw_only=True)
class SyncRuntime:
    """The runtime without an event loop: the calling thread waits."""

    def now(self) -> float:
        """Return the seconds of a monotonic clock."""
        return time.monotonic()

    def random(self) -> float:
        """Return a random number in [0, 1)."""
        return random.random()  # noqa: S311  # jitter, not a secret

    async def sleep(self, seconds: float) -> None:
        """Wait. Ctrl-C interrupts it at once."""
        time.sleep(seconds)  # noqa: ASYNC251  # there is no event loop to block

    def move_on_at(self, moment: float) -> SyncTimeoutScope:
        """Leave the block without an error at this time of the clock; infinity is no limit."""
        return SyncTimeoutScope(moment)


@frozen
class SyncTimeoutScope:
    """A scope that cannot cancel: code in it checks the clock, and its `TransportError` after the end is dropped."""

    expires_at: float

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return isinstance(exc, TransportError) and time.monotonic() >= self.expires_at


async def run_in_thread(
    function: Callable[[*Args], T], *arguments: *Args, limiter: anyio.CapacityLimiter | None = None
) -> T:
    """Call a function that blocks, in a worker thread.

    Raises:
        OmniveryError: the system starts no more threads.
    """
    has_begun = False

    def work() -> T:
        nonlocal has_begun
        has_begun = True
        return function(*arguments)

    try:
        return await anyio.to_thread.run_sync(work, limiter=limiter)
    except RuntimeError as error:
        if has_begun:
            raise
        why = f"the system starts no more threads ({error}): raise its limit, or try again later"
        raise OmniveryError(why) from None


def call_soon_from_thread() -> Callable[[Callable[[], object]], object]:
    """Return a function that schedules a call on the running event loop from another thread, without waiting for it.

    It raises `RuntimeError` once the loop has ended.
    """
    try:
        return asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token().run_sync_soon


def current_event_loop() -> object:
    """Return what identifies the running event loop."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token()


def is_cancelled_by_asyncio() -> bool:
    """Return whether asyncio has been asked to cancel the running task; False under trio."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is not None and task.cancelling() > 0


def spawn(function: Callable[[], Coroutine[Any, Any, None]]) -> object:
    """Start a task that belongs to the event loop, not to a task: it may outlive the one that starts it.

    Args:
        function: what it runs. It must not raise.

    Returns:
        The task. Keep it: asyncio does not.
    """
    try:
        return asyncio.get_running_loop().create_task(function())
    except RuntimeError:
        import trio

        return trio.lowlevel.spawn_system_task(function, context=copy_context())


def uninterruptible(
    function: Callable[[*Args], Coroutine[Any, Any, Any]],
) -> Callable[[*Args], Coroutine[Any, Any, Any]]:
    """Have Ctrl-C go to the program's main task, not to a task that runs this.

    trio raises `KeyboardInterrupt` in whatever task runs at that moment; `asyncio.run` never does.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        import trio

        @trio.lowlevel.enable_ki_protection
        async def guarded(*args: *Args) -> None:
            await function(*args)

        return guarded
    return function


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in the calling thread, without an event loop.

    The pipeline awaits only the adapter and the runtime, and the synchronous ones never suspend.

    Raises:
        RuntimeError: the coroutine suspended, and nothing could resume it: a bug of the SDK. The message says where.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    where = ", in which ".join(_places(coroutine))
    coroutine.close()
    raise RuntimeError(
        f"the synchronous client runs without an event loop, but this call awaited one: {where} awaits "
        f"{type(awaited).__name__}. Please report this as a bug of omnivery"
    )


def _places(coroutine: Any) -> Iterator[str]:
    """Iterate over the places of the nested awaits, down to the one that suspended.

    The innermost is often an event loop's own `sleep`, which alone says nothing.
    """
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})"
        coroutine = coroutine.cr_await
