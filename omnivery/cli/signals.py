"""Ctrl-C and SIGTERM: they cancel the work, and the command still prints its report."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

import anyio

SIGNAL_STATUS = 128
"""A shell's exit status for a command that a signal ended is this plus the signal's number."""


def run_interruptibly(work: Callable[[], Awaitable[None]]) -> int:
    """Run the work on an event loop, and cancel it at the first signal; further signals are ignored.

    Returns:
        The exit status for the signal; 0 if there was none.
    """
    if os.name == "posix":
        return anyio.run(_interruptibly, work)
    try:
        anyio.run(work)
    except KeyboardInterrupt:
        return SIGNAL_STATUS + signal.SIGINT
    return 0


async def _interruptibly(work: Callable[[], Awaitable[None]]) -> int:
    status, failure = 0, None
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
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
