"""The thread of a journal: its store is opened and closed there, whatever is cancelled meanwhile."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from threading import Lock
from typing import Any, TypeAlias

import anyio
from anyio.lowlevel import checkpoint
from attrs import define, field

from omnivery._sqlite.database import Interruption
from omnivery.bulk.journal.store import JournalStore
from omnivery.errors import JournalError, OmniveryError
from omnivery.transport.runtime import run_in_thread

RunAside: TypeAlias = "Callable[[Callable[[], Any]], Awaitable[Any]]"
"""Runs what blocks, one at a time, away from the event loop."""


@define(eq=False)
class OwnThread:
    """Runs what blocks in a thread, one thing at a time."""

    _limiter: anyio.CapacityLimiter | None = field(init=False, default=None)
    _lock: Lock = field(init=False, factory=Lock)
    """A task that asyncio cancels leaves its thread at work, and the limiter free."""

    async def __call__(self, work: Callable[[], Any]) -> Any:
        """Run one thing and return what it returns."""
        # Made in the event loop that uses it.
        self._limiter = self._limiter or anyio.CapacityLimiter(1)
        return await run_in_thread(self._alone, work, limiter=self._limiter)

    def _alone(self, work: Callable[[], Any]) -> Any:
        with self._lock:
            return work()


async def open_store(
    path: str | os.PathLike[str],
    prepare: Callable[[JournalStore], Awaitable[None]],
    *,
    held: JournalStore | None = None,
    keep: float | None,
    run_aside: RunAside,
) -> None:
    """Open the store of a journal, and prepare it. An error or cancellation closes it again.

    Cancellation ends it also where it would wait for another program's lock.

    Args:
        path: the journal's file.
        prepare: called with the open store.
        held: the store, if an earlier run has left it open.
        keep: as in `JournalStore.open`.
        run_aside: runs what blocks.

    Raises:
        ConfigError: the journal cannot be used.
        JournalError: one that was left open was moved since, or cannot be written any more.
    """
    interruption, failure = Interruption() if held is None else held.interruption, None
    opened = [] if held is None else [held]

    def open_it() -> None:
        if held is None:
            opened.append(JournalStore.open(path, keep=keep, interruption=interruption))
        else:
            held.begin_run(keep=keep)

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_interrupt_when_cancelled, interruption)
            try:
                await run_aside(open_it)
                await prepare(opened[0])
            except Exception as error:  # noqa: BLE001  # raised below: the group would wrap it
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            await checkpoint()  # a cancellation comes first: it may be what the failure is from
            raise failure  # noqa: TRY301  # it was caught for the group
    except BaseException:
        # A thread may still be at work, if asyncio has cancelled its task: a journal that it opens is closed.
        interruption.interrupt()
        await close_stores(opened, run_aside)
        raise
    interruption.clear()


async def close_stores(opened: list[JournalStore], run_aside: RunAside) -> None:
    """Close all stores of a list, also of one that a thread still adds to."""

    def close_all() -> None:
        while opened:
            opened.pop().close()

    cancelled: BaseException | None = None
    with anyio.CancelScope(shield=True):
        # No shield keeps off asyncio's own cancellation, which may come more than once.
        while True:
            try:
                await run_aside(close_all)
            except JournalError:
                break  # its next opening tidies up
            except OmniveryError:  # there is no thread for it, and its lock must not stay
                with suppress(JournalError):
                    close_all()
                break
            except anyio.get_cancelled_exc_class() as error:
                cancelled = error
            else:
                break
    if cancelled is not None:
        raise cancelled


async def _interrupt_when_cancelled(interruption: Interruption) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        interruption.interrupt()
