"""The background event loop of a process, on which the synchronous clients do their bulk work.

The first bulk run starts it, in a daemon thread, and it lives as long as the process. A forked child starts a loop of
its own, because threads do not survive a fork. When the process exits, runs that are still open are cancelled and given
a few seconds to end.
"""

from __future__ import annotations

import atexit
from concurrent.futures import Future
from threading import Lock, Thread, current_thread

import anyio
from anyio.from_thread import BlockingPortal
from attrs import define, field

from omnivery._fork import delay_fork, register_fork_reset
from omnivery.errors import ConfigError, NotSentError

NAME = "omnivery-bulk"
GRACE = 5.0
"""Seconds that the exit of the process waits for runs that are still open."""


def portal() -> BlockingPortal:
    """Return the portal to the background loop. Starts the loop if it does not run.

    Raises:
        ConfigError: called on the background loop itself, for instance by an observer: it would wait for itself.
        NotSentError: the loop cannot be started, for instance because no file descriptor is left.
    """
    return _BACKGROUND.portal()


def ending() -> bool:
    """Whether the process is exiting, so that nothing may wait for a thread."""
    return _BACKGROUND.ending


@define(eq=False)
class _Background:
    _lock: Lock = field(init=False, factory=Lock)
    _thread: Thread | None = field(init=False, default=None)
    _started: Future[BlockingPortal] = field(init=False, factory=Future[BlockingPortal])
    ending: bool = field(init=False, default=False)

    def portal(self) -> BlockingPortal:
        if current_thread() is self._thread:
            raise ConfigError(
                "a synchronous client cannot do bulk work on its own background loop, where observers are called: "
                "it would wait for itself"
            )
        try:
            # A fork must find the loop either running or not started: in between, modules may be half imported.
            with delay_fork():
                with self._lock:
                    if not self._starts_or_runs():
                        self._start()
                    started = self._started
                return started.result()
        except Exception as error:
            raise NotSentError(f"the background event loop of the client cannot start ({error})") from error

    def reset_after_fork(self) -> None:
        """Forget the parent's thread, and the lock, which a thread of the parent may hold."""
        self._lock, self._thread = Lock(), None

    def stop(self) -> None:
        """Cancel the open runs, and wait a little for them to end."""
        with self._lock:
            thread, started = self._thread, self._started
        if thread is None or not started.done() or not self._starts_or_runs():
            return
        self.ending = True
        found = started.result()
        found.start_task_soon(found.stop, True)  # noqa: FBT003  # anyio's signature
        thread.join(GRACE)

    def _starts_or_runs(self) -> bool:
        # A thread whose loop could not start is alive for a moment longer than its failure is known.
        failed = self._started.done() and self._started.exception() is not None
        return self._thread is not None and self._thread.is_alive() and not failed

    def _start(self) -> None:
        self._started = Future()
        # Known before it starts: Ctrl-C may interrupt start(), and the thread then runs all the same.
        self._thread = Thread(target=_run, args=(self._started,), name=NAME, daemon=True)
        self._thread.start()


def _run(started: Future[BlockingPortal]) -> None:
    """The thread: one event loop."""
    try:
        anyio.run(_live, started)
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)  # the thread that waits for the loop would wait forever


async def _live(started: Future[BlockingPortal]) -> None:
    async with BlockingPortal() as found:
        started.set_result(found)
        await found.sleep_until_stopped()


# One for the process, because threads and locks belong to the process.
_BACKGROUND = _Background()
register_fork_reset(_BACKGROUND)
atexit.register(_BACKGROUND.stop)
