"""The one event loop in the background of a process, in which the synchronous clients do their bulk work.

It is started by the first bulk run, in a daemon thread, and lives as long as the process. A forked child starts one of
its own, since threads do not survive a fork. At exit, what still runs is cancelled, and waited for a few seconds.
"""

from __future__ import annotations

import atexit
from concurrent.futures import Future
from threading import Lock, Thread, current_thread

import anyio
from anyio.from_thread import BlockingPortal
from attrs import define, field

from omnivery._fork import register_fork_reset
from omnivery.errors import ConfigError

NAME = "omnivery-bulk"
GRACE = 5.0
"""Seconds that the end of the process waits for runs that were left open."""


def portal() -> BlockingPortal:
    """The door to the background loop, which is started where there is none.

    Raises:
        ConfigError: called from the background loop itself, for instance by an observer: it would wait for itself.
    """
    return _BACKGROUND.portal()


def ending() -> bool:
    """Whether the process is at its end, and nobody is to be waited for."""
    return _BACKGROUND.ending


@define(eq=False)
class _Background:
    _lock: Lock = field(init=False, factory=Lock)
    _portal: BlockingPortal | None = field(init=False, default=None)
    _thread: Thread | None = field(init=False, default=None)
    ending: bool = field(init=False, default=False)

    def portal(self) -> BlockingPortal:
        if current_thread() is self._thread:
            raise ConfigError(
                "a synchronous client cannot work in bulk on its own background loop, where observers are called: "
                "it would wait for itself"
            )
        with self._lock:
            if self._portal is None or self._thread is None or not self._thread.is_alive():
                self._thread, self._portal = _start()
            return self._portal

    def reset_after_fork(self) -> None:
        """In a forked child the thread is gone, and whoever held the lock with it."""
        self._lock, self._portal, self._thread = Lock(), None, None

    def stop(self) -> None:
        """Cancel what still runs, and wait a little for it."""
        with self._lock:
            found, thread = self._portal, self._thread
        if found is None or thread is None or not thread.is_alive():
            return
        self.ending = True
        found.start_task_soon(found.stop, True)  # noqa: FBT003  # anyio's signature
        thread.join(GRACE)


def _start() -> tuple[Thread, BlockingPortal]:
    started: Future[BlockingPortal] = Future()
    thread = Thread(target=anyio.run, args=(_live, started), name=NAME, daemon=True)
    thread.start()
    return thread, started.result()


async def _live(started: Future[BlockingPortal]) -> None:
    async with BlockingPortal() as found:
        started.set_result(found)
        await found.sleep_until_stopped()


# One for the process, as threads and locks are the process's own.
_BACKGROUND = _Background()
register_fork_reset(_BACKGROUND)
atexit.register(_BACKGROUND.stop)
