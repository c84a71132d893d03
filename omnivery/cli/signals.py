"""Ctrl-C, SIGTERM and SIGHUP: they cancel the work, and the command still prints its report."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNAL_STATUS = 128
"""A shell's exit status for a command that a signal ended is this plus the signal's number."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what a command began is cleaned up as after Ctrl-C."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` for a SIGTERM within the block. By itself, the signal would end the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not end the cleaning up
    raise Terminated


def run_interruptibly(work: Callable[[], Awaitable[None]]) -> int:
    """Run the work on an event loop, and cancel it at the first signal; further signals are ignored.

    Returns:
        The exit status for the signal; 0 if there was none.
    """
    import anyio

    if os.name == "posix":
        return anyio.run(_interruptibly, work)
    try:
        anyio.run(work)
    except KeyboardInterrupt:
        return SIGNAL_STATUS + signal.SIGINT
    return 0


def _signals() -> list[signal.Signals]:
    """Those that end a run: SIGHUP, which a closing terminal sends, unless nohup said to ignore it."""
    hung_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hung_up]


async def _interruptibly(work: Callable[[], Awaitable[None]]) -> int:
    import anyio

    status, failure = 0, None
    with anyio.open_signal_receiver(*_signals()) as signals:
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                nonlocal status
                async for number in signals:
                    status = status or SIGNAL_STATUS + number
                    working.cancel()

            tasks.start_soon(watch)
            with anyio.CancelScope() as working:
                try:
                    await work()
                except Exception as error:  # noqa: BLE001  # the task group would wrap it in an ExceptionGroup
                    failure = error
            tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return status
