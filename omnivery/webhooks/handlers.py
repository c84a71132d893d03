"""Your functions: what can be a handler or a verifier, and how it is called, on an event loop and without one."""

from __future__ import annotations

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar, current_token

from omnivery.errors import ConfigError
from omnivery.transport.runtime import is_cancelled_by_asyncio, run_in_thread

T = TypeVar("T")


def check_function(name: str, function: object, *arguments: str) -> None:
    """Check at construction what would otherwise fail with the first call.

    Args:
        name: the option's name.
        function: its value.
        arguments: what it is called with, in words.

    Raises:
        ConfigError: it cannot be called with so many arguments, or calling it would do nothing.
    """
    wanted = f"{name} must be a function, coroutine or plain, that takes {' and '.join(arguments)}"
    if not callable(function):
        raise ConfigError(f"{wanted}, not {type(function).__name__}")
    if isinstance(function, type):
        raise ConfigError(f"{wanted}: {function.__name__} is a class, and calling it makes an object and no more")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigError(f"{wanted}: it has a `yield`, and calling it would do nothing")
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise ConfigError(f"{wanted}: {error}") from None
    except ValueError:  # some functions of C have no signature
        return


def is_coroutine_function(function: Callable[..., object]) -> bool:
    """Whether calling it gives a coroutine: a function, a method, a `partial`, or an object with such a `__call__`."""
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004  # its type is asked for


class Runner(ABC):
    """Calls functions that block, and coroutine functions."""

    @abstractmethod
    async def block(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function that blocks."""

    @abstractmethod
    async def block_alone(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function that blocks and takes much memory: one after the other."""

    @abstractmethod
    async def wait(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Call a coroutine function."""

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of either kind.

        Raises:
            RuntimeError: it raised `CancelledError`, as code does that awaits a cancelled task, and this call was not
                cancelled.
        """
        try:
            return await self._call(function, *arguments)
        except asyncio.CancelledError as error:
            if is_cancelled_by_asyncio():
                raise
            raise RuntimeError("CancelledError, although nobody has cancelled the call") from error

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if is_coroutine_function(function):
            return await self.wait(function, *arguments)
        # In a list: trio refuses a function that returns a coroutine from a thread.
        [result] = await self.block(lambda: [function(*arguments)])
        # Of a lambda, or behind a decorator, a coroutine function is not known as one.
        return await self.wait(_same, result) if inspect.isawaitable(result) else result


class LoopRunner(Runner):
    """On an event loop: functions that block go to a worker thread."""

    def __init__(self) -> None:
        self._limiter: RunVar[CapacityLimiter] = RunVar("omnivery_webhooks_block_alone")  # one for each event loop

    async def block(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function that blocks."""
        return await run_in_thread(function, *arguments)

    async def block_alone(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function that blocks and takes much memory: one after the other."""
        limiter = self._limiter.get(None) or CapacityLimiter(1)
        self._limiter.set(limiter)
        return await run_in_thread(function, *arguments, limiter=limiter)

    async def wait(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Call a coroutine function."""
        return await function(*arguments)


class DirectRunner(Runner):
    """Without an event loop: everything in the calling thread. It never suspends."""

    async def block(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function that blocks."""
        return function(*arguments)

    block_alone = block

    async def wait(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Call a coroutine function, on an event loop for this call.

        Raises:
            ConfigError: there is an event loop already, as in a view that is a coroutine function itself.
        """
        with suppress(RuntimeError):
            current_token()
            raise ConfigError(
                "handle() was called on an event loop, where a coroutine function cannot be waited for: mount the "
                "receiver as an ASGI app, or call handle() in a thread"
            )
        return anyio.run(function, *arguments)


async def _same(awaitable: Awaitable[T]) -> T:
    return await awaitable
