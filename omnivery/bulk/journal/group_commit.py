"""Group commit: what all workers have to write goes into as few transactions as possible."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Lock

import anyio
from attrs import define, field

from omnivery.bulk.journal.sql import JournalEntry
from omnivery.bulk.journal.store import JournalStore, StoreWork
from omnivery.bulk.journal.thread import RunAside
from omnivery.bulk.tasks import RunTasks
from omnivery.errors import JournalError
from omnivery.transport.runtime import call_soon_from_thread

CANCEL_TIMEOUT = 5.0
"""Seconds that an interrupted run has to write down its end, while another program has the journal locked."""


@define(eq=False)
class Transaction:
    """Entries that are committed together, work to do after them, and the end that callers wait for."""

    entries: list[JournalEntry] = field(init=False, factory=list[JournalEntry])
    works: list[StoreWork] = field(init=False, factory=list["StoreWork"])
    committed: bool = field(init=False, default=False)
    """Set in the thread, before the event loop knows."""
    _done: anyio.Event = field(init=False, factory=anyio.Event)
    _error: JournalError | None = field(init=False, default=None)

    def end(self, error: JournalError | None = None) -> None:
        """Let those who wait for it go on: it is committed, or never will be. A second time does nothing."""
        if not self._done.is_set():
            self._error = error
            self._done.set()

    async def wait(self) -> None:
        """Wait until it is committed.

        Raises:
            JournalError: it never will be.
        """
        # Shielded: it will be written, and a caller that left now would not know whether it was.
        with anyio.CancelScope(shield=True):
            await self._done.wait()
        if self._error is not None:
            raise self._error


@define(kw_only=True, eq=False)
class GroupCommit:
    """Writes to a journal for many tasks, in a thread and one transaction at a time.

    What is added while one transaction is written goes into the next: many batches share one wait for the disk. After
    an error nothing is written any more, because what could not be written cannot be built on.
    """

    store: JournalStore
    run_aside: RunAside
    on_commit: Callable[[list[JournalEntry]], object]
    """Called in the event loop with what was committed, before those who wait for it go on."""
    error: JournalError | None = field(init=False, default=None)
    """What kept it from writing."""
    unwritten: list[JournalEntry] = field(init=False, factory=list[JournalEntry])
    """What could not be written."""
    pending: list[Transaction] = field(init=False, factory=list[Transaction])
    """Transactions of which the event loop does not know the end yet, in order."""
    _next: Transaction | None = field(init=False, default=None)
    """The last of them, if the thread has not taken it yet."""
    _taking: Lock = field(init=False, factory=Lock)
    """Held to add to `_next`, and to take it."""
    _writing: bool = field(init=False, default=False)
    _ending: bool = field(init=False, default=False)
    _tasks: RunTasks = field(init=False)
    _hurried: anyio.Event = field(init=False)
    _written: anyio.Event = field(init=False)
    """Set when nothing is left to write, and nothing will be."""

    async def start(self) -> None:
        """Begin to write, in tasks that outlive the run's workers. Call `close` also if this raises."""
        self._hurried, self._written = anyio.Event(), anyio.Event()
        self._tasks = RunTasks(noun="the run")
        await self._tasks.open()
        self._tasks.start_soon(self._end_in_time)

    def add(self, one: JournalEntry | StoreWork) -> Transaction:
        """Have something be done in the next transaction, which is returned."""
        if self.error is not None:
            return self._refused(one, self.error)
        with self._taking:
            transaction = self._next
            if transaction is None:
                transaction = self._next = Transaction()
                self.pending.append(transaction)
            if isinstance(one, JournalEntry):
                transaction.entries.append(one)
            else:
                transaction.works.append(one)
        if not self._writing:
            self._writing = True
            self._tasks.start_soon(self._write)
        return transaction

    def fail(self, error: BaseException) -> JournalError:
        """Write nothing any more, because of an error. Return the one that everyone gets who waits: the first."""
        if self.error is None:
            self.error = error if isinstance(error, JournalError) else _unexpected(error)
        return self.error

    def hurry(self) -> None:
        """End within `CANCEL_TIMEOUT`: what is not written by then is as after a kill."""
        self._hurried.set()

    async def close(self) -> None:
        """Wait until everything is written, or cannot be. Nothing may be added any more."""
        self._ending = True
        self._end_if_written()
        try:
            await self._tasks.wait()
        except BaseException:
            self.hurry()
            raise
        finally:
            await self._tasks.close()

    async def _end_in_time(self) -> None:
        """Keep an interrupted run from waiting for a lock of another program's."""
        await self._hurried.wait()
        with anyio.move_on_after(CANCEL_TIMEOUT):
            await self._written.wait()
        if not self._written.is_set():
            self.store.interrupt()

    def _end_if_written(self) -> None:
        if self._ending and not self._writing and self._next is None:
            self._written.set()
            self._hurried.set()

    async def _write(self) -> None:
        # Shielded: it ends when there is nothing left, and a run that was cancelled has its end to write down.
        with anyio.CancelScope(shield=True):
            try:
                while self._next is not None:
                    await self._write_some()
            finally:
                self._writing = False
                self._end_if_written()

    async def _write_some(self) -> None:
        try:
            await self.run_aside(partial(self._commit_all, call_soon_from_thread()))
        except Exception as error:  # noqa: BLE001  # whatever it is, everyone who waits for the journal gets it
            self.fail(error)
        except BaseException as error:
            self.fail(error)
            raise
        finally:
            if self.error is not None:
                self._give_up(self.error)

    def _commit_all(self, call_soon: Callable[[Callable[[], object]], object]) -> None:
        """Commit, in the thread, until nothing is left: the event loop, when it is busy, is slow to ask for more."""
        while (transaction := self._take()) is not None:
            self.store.transact(transaction.entries, transaction.works)
            transaction.committed = True
            call_soon(partial(self._committed, transaction))

    def _take(self) -> Transaction | None:
        with self._taking:
            transaction, self._next = self._next, None
            return transaction

    def _committed(self, transaction: Transaction) -> None:
        self.pending = [one for one in self.pending if one is not transaction]
        self.on_commit(transaction.entries)
        transaction.end()

    def _give_up(self, error: JournalError) -> None:
        self._take()  # a thread whose task asyncio has cancelled is still at work, and must not write it
        for transaction in self.pending:
            if not transaction.committed:
                self.unwritten += transaction.entries
                transaction.end(error)
        self.pending.clear()

    def _refused(self, one: JournalEntry | StoreWork, error: JournalError) -> Transaction:
        if isinstance(one, JournalEntry):
            self.unwritten.append(one)
        transaction = Transaction()
        transaction.end(error)
        return transaction


def _unexpected(error: BaseException) -> JournalError:
    wrapped = JournalError(f"journal: {type(error).__name__} while it was written: nothing more is written to it")
    wrapped.__cause__ = error
    return wrapped
