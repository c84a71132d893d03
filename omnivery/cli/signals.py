"""Ctrl-C and a supervisor's SIGTERM: they end the work, and leave time to tell how far it came."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

import anyio

SIGNAL_STATUS = 128
"""Exit status of a command that a signal ended, less the signal's number, as shells have it."""


def run_interruptibly(work: Callable[[], Awaitable[None]]) -> int:
    """Run the work on an event loop, and cancel it at the first signal; further ones change nothing.

    Returns:
        The exit status that the signal calls for; 0 where none came.
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
                except Exception as error:  # noqa: BLE001  # out of the task group it would come wrapped in a group
                    failure = error
            tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return status
