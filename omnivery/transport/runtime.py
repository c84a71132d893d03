"""Time, as the pipeline sees it: a clock, a sleep, and a cut-off."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Protocol

import anyio
from attrs import frozen

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Runtime(Protocol):
    """The world in which a call runs. Everything that waits or is left to chance goes through it."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def chance(self) -> float:
        """A random number from 0 up to 1."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def cut_off(self, seconds: float | None) -> AbstractContextManager[object, bool]:
        """Leave the block, without an error, when so many seconds have passed; never, for None."""
        ...


@frozen(kw_only=True)
class AsyncRuntime:
    """asyncio's or trio's world, through anyio."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def chance(self) -> float:
        """A random number from 0 up to 1."""
        return random.random()  # noqa: S311  # spreads retries; nothing secret hangs on it

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    def cut_off(self, seconds: float | None) -> anyio.CancelScope:
        """Leave the block, without an error, when so many seconds have passed; never, for None."""
        return anyio.move_on_after(seconds)
