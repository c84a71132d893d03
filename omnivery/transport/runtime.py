"""Time, as the pipeline sees it: a clock, a sleep, and a cut-off."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import anyio
from attrs import frozen

from omnivery.errors import TransportError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

T = TypeVar("T")


class Runtime(Protocol):
    """The world in which a call runs. Everything that waits or is left to chance goes through it."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def random(self) -> float:
        """A random number from 0 up to 1."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def move_on_after(self, seconds: float | None) -> AbstractContextManager[object, bool]:
        """Leave the block, without an error, when so many seconds have passed; never, for None."""
        ...


@frozen(kw_only=True)
class AsyncRuntime:
    """asyncio's or trio's world, through anyio."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def random(self) -> float:
        """A random number from 0 up to 1."""
        return random.random()  # noqa: S311  # spreads retries; nothing secret hangs on it

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    def move_on_after(self, seconds: float | None) -> anyio.CancelScope:
        """Leave the block, without an error, when so many seconds have passed; never, for None."""
        return anyio.move_on_after(seconds)


@frozen(kw_only=True)
class SyncRuntime:
    """The world without an event loop: the calling thread itself waits."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def random(self) -> float:
        """A random number from 0 up to 1."""
        return random.random()  # noqa: S311  # spreads retries; nothing secret hangs on it

    async def sleep(self, seconds: float) -> None:
        """Wait. Ctrl-C ends it at once."""
        time.sleep(seconds)  # noqa: ASYNC251  # there is no event loop that it could keep waiting

    def move_on_after(self, seconds: float | None) -> SyncTimeoutScope:
        """Leave the block, without an error, when so many seconds have passed; never, for None."""
        return SyncTimeoutScope(math.inf if seconds is None else self.now() + seconds)


@frozen
class SyncTimeoutScope:
    """A block that cannot be cancelled: what waits in it looks at the clock, and what it raises too late is dropped."""

    ends: float

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return isinstance(exc, TransportError) and time.monotonic() >= self.ends


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in the calling thread.

    The pipeline awaits nothing but the adapter and the runtime, and those of the synchronous world never suspend.

    Raises:
        RuntimeError: it suspended, and there is nobody who could ever resume it: a fault of ours. Says where.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    where = ", in which ".join(_places(coroutine))
    coroutine.close()
    raise RuntimeError(
        f"a synchronous call waited for an event loop, which it has not: {where} awaits {type(awaited).__name__}. "
        "Please report this as a bug of omnivery"
    )


def _places(coroutine: Any) -> Iterator[str]:
    """Where each await stands, down to the one that suspended: coroutines stand one inside the other.

    All of them, because the innermost is often that of an event loop's own `sleep`, which says nothing.
    """
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})"
        coroutine = coroutine.cr_await
