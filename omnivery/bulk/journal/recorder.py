"""A run that is kept in a journal: what all workers have to write goes into as few transactions as can be."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint
from attrs import define, field, setters

from omnivery._sqlite.database import Interruption
from omnivery.bulk.batch import Batch
from omnivery.bulk.journal.backlog import Backlog, UnwrittenBatch
from omnivery.bulk.journal.position import StoredPosition
from omnivery.bulk.journal.sql import JournalEntry
from omnivery.bulk.journal.store import JournalStore, StoreWork
from omnivery.bulk.recorder import JOURNAL_LIMIT, Recorder
from omnivery.bulk.report import FAILURES_KEPT
from omnivery.bulk.tasks import RunTasks
from omnivery.bulk.work import PartState
from omnivery.errors import JournalError
from omnivery.transport.config import checked
from omnivery.transport.runtime import call_soon_from_thread

if TYPE_CHECKING:
    from omnivery.bulk.report import RunTotals
    from omnivery.bulk.source import Source
    from omnivery.bulk.work import BatchDelta, Part, RunTarget, StoredPart, Work

T = TypeVar("T")

CANCEL_TIMEOUT = 5.0
"""Seconds that an interrupted run has to write down its end, while another program has the journal locked."""


def _text(path: str | os.PathLike[str]) -> str:
    return os.fspath(checked(path, str | os.PathLike, argument="journal", expected="the path of a file"))


@define(eq=False)
class _Transaction:
    """What is to be done in one transaction, and the end that callers wait for."""

    entries: list[JournalEntry] = field(init=False, factory=list[JournalEntry])
    works: list[StoreWork] = field(init=False, factory=list["StoreWork"])
    ended: set[int] = field(init=False, factory=set[int])
    """The batches that have ended with it."""
    _done: anyio.Event = field(init=False, factory=anyio.Event)
    _error: JournalError | None = field(init=False, default=None)

    def end(self, error: JournalError | None = None) -> None:
        """Let go of what waits for it: it is written, or never will be. A second time does nothing."""
        if not self._done.is_set():
            self._error = error
            self._done.set()

    async def wait(self) -> None:
        """Wait until it is written.

        Raises:
            JournalError: it never will be.
        """
        # It is under way, and will be written: to leave now would be not to know what was.
        with anyio.CancelScope(shield=True):
            await self._done.wait()
        if self._error is not None:
            raise self._error


@define(eq=False)
class _OwnThread:
    """Runs what blocks in a thread, one thing at a time."""

    _limiter: anyio.CapacityLimiter | None = field(init=False, default=None)
    _lock: Lock = field(init=False, factory=Lock)
    """A task that asyncio cancels leaves its thread at work, and the limiter free."""

    async def __call__(self, work: Callable[[], Any]) -> Any:
        # Made in the event loop that uses it.
        self._limiter = self._limiter or anyio.CapacityLimiter(1)
        return await to_thread.run_sync(self._alone, work, limiter=self._limiter)

    def _alone(self, work: Callable[[], Any]) -> Any:
        with self._lock:
            return work()


# Without hooks: for the one converter, attrs would have each assignment of any attribute take a microsecond.
@define(kw_only=True, eq=False, on_setattr=setters.NO_OP)
class JournalRecorder(Recorder[T]):
    """Keeps a run in a journal.

    Whatever all workers have to write goes into one transaction, in a thread of its own, while they gather what goes
    into the next: many batches share one wait for the disk.

    A batch is written before it is sent, unless it may be sent twice and its source yields it again: then it is written
    when it has ended, without its body if it was accepted, and a kill repeats it. Of such batches there are never more
    than twice as many as requests in flight.
    """

    path: str = field(converter=_text)
    target: RunTarget
    """What the run and the journal have to agree on."""
    limit: int = JOURNAL_LIMIT
    run_aside: Callable[[Callable[[], Any]], Awaitable[Any]] = field(factory=_OwnThread)
    """Runs what blocks, one at a time, away from the event loop."""
    clock: Callable[[], float] = time.monotonic
    keep: float | None = None
    """Seconds after which accepted ids and rejected items are pruned; None keeps them."""
    again: bool = False
    """Whether to send again what was undelivered for good, and nothing else."""
    _defers: bool = field(init=False, default=False)
    """Whether batches are written when they have ended."""
    _repeated: set[int] = field(init=False, factory=set[int])
    """Batches that a kill would have sent again: those of which the journal does not have the end."""
    _backlog: Backlog[T] = field(init=False, factory=Backlog)
    _concurrency: int = field(init=False, default=1)
    _journal: JournalStore = field(init=False)
    _totals: RunTotals[T] = field(init=False)
    _tasks: RunTasks = field(init=False)
    _hurried: anyio.Event = field(init=False)
    _written: anyio.Event = field(init=False)
    """Set when nothing is left to write, and nothing will be."""
    _ending: bool = field(init=False, default=False)
    _source_row: int = field(init=False, default=0)
    _gathered: _Transaction | None = field(init=False, default=None)
    """What goes into the next transaction."""
    _gathering: Lock = field(init=False, factory=Lock)
    """Held to add to `_gathered`, and to take it."""
    _in_hand: _Transaction | None = field(init=False, default=None)
    """What is being written, or could not be."""
    _waited_for: list[_Transaction] = field(init=False, factory=list[_Transaction])
    """What is gathered or in hand, as the event loop knows it."""
    _failed: list[JournalEntry] = field(init=False, factory=list[JournalEntry])
    """What could not be written."""
    _writing: bool = field(init=False, default=False)
    _broken: JournalError | None = field(init=False, default=None)
    _more_pending: bool = field(init=False, default=True)
    _taking: anyio.Lock = field(init=False, factory=anyio.Lock)
    _under_way: set[int] = field(init=False, factory=set[int])
    """Batches in the journal that workers have in hand."""
    _live: int = field(init=False, default=0)
    """Bytes of bodies in the journal."""
    _freed: anyio.Event | None = field(init=False, default=None)
    """Set when bodies are gone, if somebody waits for that."""
    _clock: float = field(init=False, default=0.0)
    _first: int = field(init=False, default=0)

    @property
    def ahead(self) -> bool:
        """Whether a further batch is prepared for each request in flight: its writing is waited for."""
        return not self._defers

    async def open(self, source: Source[T], work: Work[T, Any, Any]) -> RunTotals[T]:
        """Open the journal, have the source resume where it stands, and return the totals so far.

        Raises:
            ConfigError: the journal cannot be used, or is not one of this run or of this source.
        """
        interruption, failure = Interruption(), None
        opened: list[JournalStore] = []
        try:
            async with anyio.create_task_group() as tasks:
                # Cancellation ends the opening also where that would wait for another program's lock.
                tasks.start_soon(_interrupt_when_cancelled, interruption)
                try:
                    await self._open(source, work, interruption, opened)
                except Exception as error:  # noqa: BLE001  # raised below: the group would wrap it
                    failure = error
                tasks.cancel_scope.cancel()
            if failure is not None:
                await checkpoint()  # a cancellation comes first: it may be what the failure is from
                raise failure  # noqa: TRY301  # it was caught for the group
        except BaseException:
            # A thread may still be at work, if asyncio has cancelled its task: a journal that it opens is closed.
            interruption.interrupt()
            await self._close_stores(opened)
            raise
        interruption.clear()
        self._first = next(self._journal.numbers)
        self._numbers = chain((self._first,), self._journal.numbers)
        self._clock = self.clock()
        # Absolute: a report reads undelivered items from it, wherever the process has gone by then.
        self.journal = str(self._journal.path)
        return self._totals

    async def _open(
        self, source: Source[T], work: Work[T, Any, Any], interruption: Interruption, opened: list[JournalStore]
    ) -> None:
        def open_store() -> None:
            opened.append(JournalStore.open(self.path, keep=self.keep, interruption=interruption))

        await self._aside(open_store)
        [self._journal] = opened
        await self._aside(partial(self._journal.check_target, self.target))
        await self._resume(source, work)
        self._defers = work.idempotent and source.replays
        self._totals = await self._aside(self._journal.totals)
        self._live = await self._aside(self._journal.live_bytes)

    async def _close_stores(self, opened: list[JournalStore]) -> None:
        def close_store() -> None:
            while opened:
                opened.pop().close()

        cancelled: BaseException | None = None
        with anyio.CancelScope(shield=True):
            # No shield keeps off asyncio's own cancellation, which may come more than once.
            while True:
                try:
                    with suppress(JournalError):  # its next opening tidies up
                        await self._aside(close_store)
                except anyio.get_cancelled_exc_class() as error:
                    cancelled = error
                else:
                    break
        if cancelled is not None:
            raise cancelled

    async def _resume(self, source: Source[T], work: Work[T, Any, Any]) -> None:  # noqa: ARG002  # parts hold their bytes
        """Have the source resume where the journal stands."""
        if self.again:
            await self._aside(self._journal.requeue_undelivered)
            return
        bookmark = await source.resume(await self._aside(self._journal.bookmarks))
        self._source_row, self._taken = await self._aside(partial(self._journal.enter_source, bookmark))

    @property
    def broken(self) -> JournalError | None:
        """What kept the journal from being written."""
        return self._broken

    @property
    def unwritten(self) -> list[T]:
        """Undelivered items of batches of which the journal has nothing, because it could not be written."""
        # Of a batch whose reading was written, the journal has all items, as parts that could not be replaced.
        unknown = {entry.delta.number for entry in self._failed if entry.position is not None}
        ended = [one for entry in self._failed if entry.delta.number in unknown for one in entry.delta.ended]
        return [
            item for one in ended if one.state in (PartState.UNDELIVERED, PartState.PENDING) for item in one.part.items
        ]

    async def start(self, concurrency: int) -> None:
        """Begin to write, in tasks that outlive the run's workers."""
        self._concurrency = concurrency
        self._hurried, self._written = anyio.Event(), anyio.Event()
        self._tasks = RunTasks(noun="the run")
        try:
            await self._tasks.open()
        except BaseException:
            await self.close()
            raise
        self._tasks.start_soon(self._end_in_time)

    def hurry(self) -> None:
        """Have the run's end written within `CANCEL_TIMEOUT`, or not at all: what is not is as after a kill."""
        self._hurried.set()

    @property
    def first_number(self) -> int:
        """Number of the first batch that this run reads."""
        return self._first

    async def next_pending(self, work: Work[T, Any, Any]) -> Batch[T] | None:
        """Return the batch that was read first of those that an earlier run left behind."""
        if not self._more_pending:
            return None
        # One at a time, so that they go out in the order in which they were read.
        async with self._taking:
            taken: list[StoredPart] = []
            if self._more_pending:
                await self._do(lambda journal: taken.extend(self._claimed_of(journal))).wait()
        if not taken:
            self._more_pending = False
            return None
        try:
            batch = Batch.revived(work, taken)
        except (ValueError, TypeError, KeyError) as error:
            rows = ", ".join(str(part.row) for part in taken)
            words = f"journal: {self._journal.path} is damaged: row {rows} of its batches cannot be read"
            raise JournalError(words) from error
        self._under_way.add(batch.number)
        self._repeated.add(batch.number)
        self._totals.undelivered -= batch.left
        return batch

    def _claimed_of(self, journal: JournalStore) -> list[StoredPart]:
        parts = journal.claim_next()
        # They count among what is undelivered already.
        room = FAILURES_KEPT - len(self._totals.failures)
        self._totals.failures += journal.take_damaged()[: max(room, 0)]
        return parts

    async def room(self) -> None:
        """Wait until bodies are gone, if there are too many.

        Raises:
            JournalError: none is on its way out.
        """
        while self._live >= self.limit:
            if not self._under_way:
                raise JournalError(
                    f"journal: {self._journal.path} holds {self._live:,} bytes of events that were not delivered, and "
                    f"its limit is {self.limit:,}: send them with bots.retry(), or raise journal_limit"
                )
            self._freed = self._freed or anyio.Event()
            await self._freed.wait()

    def batch(self, work: Work[T, Any, Any], items: Sequence[T]) -> Batch[T]:
        """Return the next batch. Its items' ids are kept, to find their verdicts."""
        return self._next(work, items, named=True, source=self._source_row)

    async def append(self, batch: Batch[T], source: Source[T]) -> None:
        """Write down a batch, and that its source was read up to its end; or have that written when it has ended.

        Raises:
            JournalError: it could not be written, and must not be sent.
        """
        # Nothing was awaited since the items were read, so batches are written in the order of the source.
        try:
            position = StoredPosition.of(source.position(batch.items))
        except (TypeError, ValueError) as error:
            raise JournalError(f"journal: where the source stands has no JSON form: {error}") from error
        self._under_way.add(batch.number)
        self._repeated.add(batch.number)
        read = UnwrittenBatch(batch=batch, read=len(batch.items), position=position)
        try:
            if self._defers:
                await self._defer(read)
            else:
                await self._enter_read(read).wait()
        except JournalError:
            self._backlog.drop(batch)
            self._put_down(batch)
            raise

    async def _defer(self, read: UnwrittenBatch[T]) -> None:
        """Have a batch be written when it has ended, once a kill would repeat few enough with it."""
        # While it waits, the caller may change what is in a list, and what was never encoded may not be sendable.
        with self._breaking():
            read.batch.encode_open(self._journal.rows)
        self._backlog.add(read)
        while self._broken is None and len(self._repeated) > 2 * self._concurrency:
            if self._waited_for:
                await self._waited_for[0].wait()
            else:  # the first batch takes long, and those behind it have ended
                self._enter_due(len(self._backlog) - 1)
        if self._broken is not None:
            raise self._broken

    async def sending(self, batch: Batch[T]) -> None:
        """Write down that an item that must not be sent twice is about to leave.

        Raises:
            JournalError: it could not be written, and must not be sent.
        """
        if batch.claim():
            await self._enter(batch).wait()

    async def responded(self, batch: Batch[T]) -> None:
        """Write down what a response has changed. The next part is not sent before that: it might go out twice.

        Raises:
            JournalError: it could not be written.
        """
        # What ends the batch is written when it is settled, in one transaction with the next one if that is at hand.
        if batch.next_items:
            await (self._enter_until(batch) or self._enter(batch)).wait()

    def settle(self, batch: Batch[T]) -> bool:
        """Write down how a batch ended, soon. Return False if the journal does not have it."""
        if batch.number not in self._under_way:
            return False
        self._put_down(batch)
        if batch not in self._backlog:
            self._enter(batch)
        elif self._broken is not None:
            self._backlog.drop(batch)
            return False
        else:
            self._backlog.settle(batch)
            self._enter_due(len(self._backlog))
        return True

    async def close(self) -> None:
        """Close the journal, once everything is written, or cannot be."""
        with suppress(JournalError):  # it is `broken`
            self._enter_due(0)
        self._ending = True
        self._end_if_written()
        try:
            await self._tasks.wait()
        except BaseException:
            self.hurry()
            raise
        finally:
            await self._close()

    async def _close(self) -> None:
        try:
            await self._tasks.close()
        finally:
            await self._close_stores([self._journal])

    async def _end_in_time(self) -> None:
        """Keep an interrupted run from waiting for a lock of another program's."""
        await self._hurried.wait()
        with anyio.move_on_after(CANCEL_TIMEOUT):
            await self._written.wait()
        if not self._written.is_set():
            self._journal.interrupt()

    def _end_if_written(self) -> None:
        if self._ending and not self._writing and self._gathered is None:
            self._written.set()
            self._hurried.set()

    def _put_down(self, batch: Batch[T]) -> None:
        self._under_way.discard(batch.number)
        if self._freed is not None:
            self._freed.set()
            self._freed = None

    def _enter_due(self, longest: int) -> None:
        """Enter what is due in the backlog, of which so much may be left."""
        for one in self._backlog.due(longest):
            self._enter_read(one)

    def _enter_until(self, batch: Batch[T]) -> _Transaction | None:
        """Enter a batch of the backlog, and all before it. Return the transaction, or None if it is not there."""
        transaction = None
        for one in self._backlog.until(batch):
            transaction = self._enter_read(one)
        return transaction

    def _enter_read(self, one: UnwrittenBatch[T]) -> _Transaction:
        return self._enter(one.batch, read=one.read, position=one.position)

    def _enter(self, batch: Batch[T], *, read: int = 0, position: StoredPosition | None = None) -> _Transaction:
        now = self.clock()
        elapsed, self._clock = now - self._clock, now
        with self._breaking():
            batch.encode_open(self._journal.rows)
            entry = JournalEntry(delta=batch.take_delta(), read=read, position=position, elapsed=elapsed)
        self._live += _bytes_gained(entry.delta)
        return self._do(entry)

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        """Whatever goes wrong in this block is the journal's error, and the last thing that it does."""
        try:
            yield
        except Exception as error:
            self._broken = self._broken or _unexpected(error)
            raise self._broken from error

    def _do(self, one: JournalEntry | StoreWork) -> _Transaction:
        """Have something be done in the next transaction, which is returned."""
        with self._gathering:
            transaction = self._gathered or _Transaction()
            if self._broken is not None:
                # What could not be written cannot be built on: nothing is written any more, and nobody waits for it.
                self._failed += [one] if isinstance(one, JournalEntry) else ()
                transaction.end(self._broken)
                return transaction
            if isinstance(one, JournalEntry):
                transaction.entries.append(one)
                if not one.delta.unfinished:
                    transaction.ended.add(one.delta.number)
            else:
                transaction.works.append(one)
            if self._gathered is None:
                self._gathered = transaction
                self._waited_for.append(transaction)
        if not self._writing:
            self._writing = True
            self._tasks.start_soon(self._write)
        return transaction

    async def _write(self) -> None:
        # Shielded: it ends when there is nothing left, and a run that was cancelled has its end to write down.
        with anyio.CancelScope(shield=True):
            try:
                while self._gathered is not None:
                    await self._write_some()
            finally:
                self._writing = False
                self._end_if_written()

    async def _write_some(self) -> None:
        try:
            await self._aside(partial(self._write_gathered, call_soon_from_thread()))
        except JournalError as error:
            self._broken = error
        except Exception as error:  # noqa: BLE001  # whatever it is, everyone who waits for the journal gets it
            self._broken = _unexpected(error)
        except BaseException as error:
            self._broken = _unexpected(error)
            raise
        finally:
            if self._broken is not None:
                for transaction in filter(None, (self._in_hand, self._take())):
                    self._failed += transaction.entries
                    transaction.end(self._broken)
                self._waited_for.clear()

    def _write_gathered(self, call_soon: Callable[[Callable[[], object]], object]) -> None:
        """Write, in the thread, until nothing is gathered: the event loop, when it is busy, is slow to ask for more."""
        while (transaction := self._take()) is not None:
            self._journal.transact(transaction.entries, transaction.works)
            call_soon(partial(self._written_down, transaction))
            self._in_hand = None  # and its bodies

    def _written_down(self, transaction: _Transaction) -> None:
        self._waited_for = [one for one in self._waited_for if one is not transaction]
        self._repeated -= transaction.ended
        transaction.end()

    def _take(self) -> _Transaction | None:
        with self._gathering:
            self._in_hand, self._gathered = self._gathered, None
            return self._in_hand

    async def _aside(self, work: Callable[[], Any]) -> Any:
        return await self.run_aside(work)


async def _interrupt_when_cancelled(interruption: Interruption) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        interruption.interrupt()


def _bytes_gained(delta: BatchDelta) -> int:
    # A tuple: to look into a set, Python calls the hash of an enum.
    settled = [one.part for one in delta.ended if one.state in (PartState.ACCEPTED, PartState.REPLACED)]
    return sum(map(_kept_bytes, delta.opened)) - sum(map(_kept_bytes, settled))


def _kept_bytes(part: Part[Any]) -> int:
    return len(part.body or b"") if part.digest is None else 0


def _unexpected(error: BaseException) -> JournalError:
    wrapped = JournalError(f"journal: {type(error).__name__} while it was written: nothing more is written to it")
    wrapped.__cause__ = error
    return wrapped
