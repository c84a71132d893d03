"""A run that is kept in a journal: what all workers have to write goes into as few transactions as can be."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

import anyio
from anyio import to_thread
from attrs import define, field

from omnivery import codec
from omnivery.automations.batch import revive
from omnivery.bulk.journal.sql import JournalEntry
from omnivery.bulk.journal.store import JournalStore, StoreWork
from omnivery.bulk.recorder import JOURNAL_LIMIT, Recorder, RunTarget
from omnivery.bulk.work import PartState
from omnivery.errors import JournalError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from omnivery.automations.batch import Batch
    from omnivery.bulk.report import Account
    from omnivery.bulk.source import Source
    from omnivery.bulk.work import BatchDelta, StoredPart
    from omnivery.events.event import EventLike

T = TypeVar("T")


def _text(path: str | os.PathLike[str]) -> str:
    return os.fspath(path)


@define(kw_only=True, eq=False)
class _Task:
    """Something to be done in the next transaction."""

    entry: JournalEntry | None = None
    work: StoreWork | None = None
    done: anyio.Event = field(init=False, factory=anyio.Event)
    error: JournalError | None = field(init=False, default=None)

    async def wait(self) -> None:
        # It is under way, and will be written: to leave now would be not to know what was.
        with anyio.CancelScope(shield=True):
            await self.done.wait()
        if self.error is not None:
            raise self.error


@define(kw_only=True, eq=False)
class JournalRecorder(Recorder):
    """Keeps a run in a journal.

    Whatever all workers have to write goes into one transaction, in a thread of its own, while they gather what goes
    into the next: many batches share one wait for the disk.
    """

    ahead: ClassVar[bool] = True
    path: str = field(converter=_text)
    terms: RunTarget
    """What the run and the journal have to agree on."""
    limit: int = JOURNAL_LIMIT
    again: bool = False
    """Whether to send again what was undelivered for good, and nothing else."""
    _journal: JournalStore = field(init=False)
    _account: Account = field(init=False)
    _tasks: TaskGroup = field(init=False)
    _thread: anyio.CapacityLimiter = field(init=False)
    _source_row: int = field(init=False, default=0)
    _waiting: list[_Task] = field(init=False, factory=list[_Task])
    _writing: bool = field(init=False, default=False)
    _broken: JournalError | None = field(init=False, default=None)
    _more_pending: bool = field(init=False, default=True)
    _taking: anyio.Lock = field(init=False, factory=anyio.Lock)
    _under_way: set[int] = field(init=False, factory=set[int])
    """Batches in the journal that workers have in hand."""
    _live: int = field(init=False, default=0)
    """Bytes of bodies in the journal."""
    _freed: anyio.Event = field(init=False)
    _clock: float = field(init=False, default=0.0)

    async def open(self, source: Source[EventLike]) -> Account:
        """Open the journal, have the source go on where it stands, and return the account so far.

        Raises:
            ConfigError: the journal cannot be used, or is not one of this run or of this source.
        """
        self._thread, self._freed = anyio.CapacityLimiter(1), anyio.Event()
        with anyio.CancelScope(shield=True):
            self._journal = await self._aside(partial(JournalStore.open, self.path))
        try:
            await self._aside(partial(self._journal.check_target, self.terms))
            if self.again:
                await self._aside(self._journal.requeue_undelivered)
            else:
                bookmark = await source.resume(await self._aside(self._journal.bookmarks))
                self._source_row, self._taken = await self._aside(partial(self._journal.enter_source, bookmark))
            self._account = await self._aside(self._journal.account)
            self._live = await self._aside(self._journal.live_bytes)
        except BaseException:
            await self.close()
            raise
        self._numbers = self._journal.numbers
        self._clock = time.monotonic()
        return self._account

    def start(self, tasks: TaskGroup) -> None:
        """Be told where writing is done."""
        self._tasks = tasks

    async def next_pending(self, webhook_url: str) -> Batch | None:
        """The batch that was read first of those that an earlier run left behind."""
        if not self._more_pending:
            return None
        # One at a time, so that they go out in the order in which they were read.
        async with self._taking:
            taken: list[StoredPart] = []
            if self._more_pending:
                await self._do(_Task(work=lambda journal: taken.extend(journal.claim_next()))).wait()
        if not taken:
            self._more_pending = False
            return None
        batch = revive(taken, webhook_url=webhook_url)
        self._under_way.add(batch.number)
        self._account.undelivered -= batch.left
        return batch

    async def room(self) -> None:
        """Wait until bodies are gone, if there are too many.

        Raises:
            JournalError: none is on its way out.
        """
        while self._live >= self.limit:
            if not self._under_way:
                raise JournalError(
                    f"journal: {self.path} holds {self._live:,} bytes of events that were not delivered, and its limit "
                    f"is {self.limit:,}: send them with bots.retry(), or raise journal_limit"
                )
            await self._freed.wait()

    def batch(self, items: Sequence[EventLike], *, webhook_url: str, max_bytes: int) -> Batch:
        """The next batch. Its events' ids are kept, to find their verdicts."""
        return self._next(items, webhook_url=webhook_url, max_bytes=max_bytes, named=True, source=self._source_row)

    async def append(self, batch: Batch, source: Source[EventLike]) -> None:
        """Write down a batch, and that its source stands behind it.

        Raises:
            JournalError: it could not be written, and must not be sent.
        """
        # Nothing was awaited since the items were read, so batches are written in the order of the source.
        try:
            position = codec.dumps(source.position(batch.items)).decode()
        except (TypeError, ValueError) as error:
            raise JournalError(f"journal: where the source stands has no JSON form: {error}") from error
        self._under_way.add(batch.number)
        try:
            await self._enter(batch, read=len(batch.items), position=position).wait()
        except JournalError:
            self._put_down(batch)
            raise

    async def answered(self, batch: Batch) -> None:
        """Write down what an answer has changed. The next part is not sent before that: it might be gone twice.

        Raises:
            JournalError: it could not be written.
        """
        # What ends the batch is written when it is settled, in one transaction with the next one if that is at hand.
        if batch.next_events:
            await self._enter(batch).wait()

    def settle(self, batch: Batch) -> bool:
        """Write down how a batch ended, soon; False if the journal does not have it."""
        if batch.number not in self._under_way:
            return False
        self._enter(batch)
        self._put_down(batch)
        return True

    async def close(self) -> JournalError | None:
        """Close the journal, and say what kept it from being written. The tasks that write have ended by then."""
        with anyio.CancelScope(shield=True), suppress(JournalError):  # what was not tidied is so by who opens it next
            await self._aside(self._journal.close)
        return self._broken

    def _put_down(self, batch: Batch) -> None:
        self._under_way.discard(batch.number)
        self._freed.set()
        self._freed = anyio.Event()

    def _enter(self, batch: Batch, *, read: int = 0, position: str | None = None) -> _Task:
        batch.encode_open(self._journal.rows)
        delta = batch.take_delta()
        self._live += _bytes_gained(delta)
        now = time.monotonic()
        elapsed, self._clock = now - self._clock, now
        return self._do(_Task(entry=JournalEntry(delta=delta, read=read, position=position, elapsed=elapsed)))

    def _do(self, task: _Task) -> _Task:
        self._waiting.append(task)
        if not self._writing:
            self._writing = True
            self._tasks.start_soon(self._write)
        return task

    async def _write(self) -> None:
        # Shielded: it ends when there is nothing left, and a run that was cancelled has its end to write down.
        with anyio.CancelScope(shield=True):
            while self._waiting:
                tasks, self._waiting = self._waiting, []
                try:
                    if self._broken is None:
                        entries = [task.entry for task in tasks if task.entry is not None]
                        works = [task.work for task in tasks if task.work is not None]
                        await self._aside(partial(self._journal.transact, entries, works))
                except JournalError as error:
                    # What could not be written cannot be built on: nothing is written from here on.
                    self._broken = error
                except BaseException as error:
                    self._broken = JournalError(f"journal: {type(error).__name__} while it was written")
                    raise
                finally:
                    for task in tasks:
                        task.error = self._broken
                        task.done.set()
        self._writing = False

    async def _aside(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._thread)


def _bytes_gained(delta: BatchDelta) -> int:
    gone = sum(
        len(one.part.body or b"") for one in delta.ended if one.state in {PartState.ACCEPTED, PartState.REPLACED}
    )
    return sum(len(part.body or b"") for part in delta.opened) - gone
