"""A run that is kept in a journal: what is written of each batch, and when."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from attrs import define, field, setters

from omnivery.bulk.batch import Batch
from omnivery.bulk.journal.backlog import Backlog, UnwrittenBatch
from omnivery.bulk.journal.group_commit import GroupCommit, Transaction
from omnivery.bulk.journal.held import HeldJournal
from omnivery.bulk.journal.position import StoredPosition
from omnivery.bulk.journal.sql import JournalEntry
from omnivery.bulk.journal.thread import OwnThread, RunAside, close_stores, open_store
from omnivery.bulk.part import PartState
from omnivery.bulk.recorder import JOURNAL_LIMIT, Recorder
from omnivery.bulk.report import FAILURES_KEPT
from omnivery.errors import JournalError
from omnivery.transport.config import checked

if TYPE_CHECKING:
    from omnivery.bulk.files import FileStart
    from omnivery.bulk.journal.store import JournalStore
    from omnivery.bulk.part import BatchDelta, Part, StoredPart
    from omnivery.bulk.report import RunTotals
    from omnivery.bulk.source_reader import SourceReader
    from omnivery.bulk.target import RunTarget
    from omnivery.bulk.work import Work

T = TypeVar("T")


def _checked_path(path: str | os.PathLike[str]) -> str | HeldJournal:
    checked(path, str | os.PathLike, argument="journal", expected="the path of a file")
    return path if isinstance(path, HeldJournal) else os.fspath(path)


# Without hooks: for the one converter, attrs would have each assignment of any attribute take a microsecond.
@define(kw_only=True, eq=False, on_setattr=setters.NO_OP)
class JournalRecorder(Recorder[T]):
    """Keeps a run in a journal.

    A batch is written before it is sent, unless it may be sent twice and its source yields it again: then it is written
    when it has ended, without its body if it was accepted, and a kill repeats it. Of such batches there are never more
    than twice as many as requests in flight.
    """

    path: str | HeldJournal = field(converter=_checked_path)
    target: RunTarget
    """What the run and the journal have to agree on."""
    limit: int = JOURNAL_LIMIT
    run_aside: RunAside = field(factory=OwnThread)
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
    _commits: GroupCommit = field(init=False)
    _totals: RunTotals[T] = field(init=False)
    _source_row: int = field(init=False, default=0)
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

    async def open(self, source: SourceReader[T], work: Work[T, Any, Any]) -> RunTotals[T]:
        """Open the journal, have the source resume where it stands, and return the totals so far.

        Raises:
            ConfigError: the journal cannot be used, or is not one of this run or of this source.
            JournalError: as `open_store`.
        """
        held = self.path.take() if isinstance(self.path, HeldJournal) else None
        prepare = partial(self._prepare, source, work)
        await open_store(self.path, prepare, held=held, keep=self.keep, run_aside=self.run_aside)
        self._first = next(self._journal.numbers)
        self._numbers = chain((self._first,), self._journal.numbers)
        self._commits = GroupCommit(store=self._journal, run_aside=self.run_aside, on_commit=self._committed)
        self._clock = self.clock()
        # Absolute: a report reads undelivered items from it, wherever the process has gone by then.
        self.journal: str | None = str(self._journal.path)
        return self._totals

    async def _prepare(self, source: SourceReader[T], work: Work[T, Any, Any], journal: JournalStore) -> None:
        self._journal = journal
        await self.run_aside(partial(self._journal.check_target, self.target))
        await self._resume(source, work)
        self._defers = work.idempotent and source.replays
        self._totals = await self.run_aside(self._journal.totals)
        self._live = self._journal.live_bytes

    async def _resume(self, source: SourceReader[T], work: Work[T, Any, Any]) -> None:  # noqa: ARG002  # parts hold their bytes
        """Have the source resume where the journal stands."""
        if self.again:
            await self.run_aside(self._journal.requeue_undelivered)
            return
        point = await source.resume(await self.run_aside(self._journal.resume_points))
        self._source_row, self._taken = await self.run_aside(partial(self._journal.enter_source, point))

    @property
    def broken(self) -> JournalError | None:
        """What kept the journal from being written."""
        return self._commits.error

    @property
    def unwritten(self) -> list[T]:
        """Undelivered items of batches of which the journal has nothing, because it could not be written."""
        # Of a batch whose reading was written, the journal has all items, as parts that could not be replaced.
        unknown = {entry.delta.number for entry in self._commits.unwritten if entry.position is not None}
        ended = [one for entry in self._commits.unwritten if entry.delta.number in unknown for one in entry.delta.ended]
        return [
            item for one in ended if one.state in (PartState.UNDELIVERED, PartState.PENDING) for item in one.part.items
        ]

    async def start(self, concurrency: int) -> None:
        """Begin to write, in tasks that outlive the run's workers."""
        self._concurrency = concurrency
        try:
            await self._commits.start()
        except BaseException:
            await self.close()
            raise

    def hurry(self) -> None:
        """Have the run's end written soon, or not at all: what is not is as after a kill."""
        self._commits.hurry()

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
                await self._commits.add(lambda journal: taken.extend(self._claimed_of(journal))).wait()
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

    def batch(self, work: Work[T, Any, Any], items: Sequence[T], files: Sequence[FileStart]) -> Batch[T]:
        """Return the next batch. Its items' ids are kept, to find their verdicts."""
        return self._next(work, items, files, named=True, source=self._source_row)

    async def append(self, batch: Batch[T], source: SourceReader[T]) -> None:
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
        try:
            read.batch.encode_open(self._journal.rows)
        except Exception as error:
            raise self._commits.fail(error) from error
        self._backlog.add(read)
        while self.broken is None and len(self._repeated) > 2 * self._concurrency:
            if self._commits.pending:
                await self._commits.pending[0].wait()
            else:  # the first batch takes long, and those behind it have ended
                self._enter_due(len(self._backlog) - 1)
        if self.broken is not None:
            raise self.broken

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
        elif self.broken is not None:
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
        is_kept = False
        try:
            await self._commits.close()
            if isinstance(self.path, HeldJournal) and self.broken is None:
                self.path.keep(self._journal)
                is_kept = True
        finally:
            if not is_kept:
                await close_stores([self._journal], self.run_aside)

    def _put_down(self, batch: Batch[T]) -> None:
        self._under_way.discard(batch.number)
        if self._freed is not None:
            self._freed.set()
            self._freed = None

    def _enter_due(self, longest: int) -> None:
        """Enter what is due in the backlog, of which so much may be left."""
        for one in self._backlog.due(longest):
            self._enter_read(one)

    def _enter_until(self, batch: Batch[T]) -> Transaction | None:
        """Enter a batch of the backlog, and all before it. Return the transaction, or None if it is not there."""
        transaction = None
        for one in self._backlog.until(batch):
            transaction = self._enter_read(one)
        return transaction

    def _enter_read(self, one: UnwrittenBatch[T]) -> Transaction:
        return self._enter(one.batch, read=one.read, position=one.position)

    def _enter(self, batch: Batch[T], *, read: int = 0, position: StoredPosition | None = None) -> Transaction:
        now = self.clock()
        elapsed, self._clock = now - self._clock, now
        try:
            batch.encode_open(self._journal.rows)
            entry = JournalEntry(delta=batch.take_delta(), read=read, position=position, elapsed=elapsed)
        except Exception as error:
            raise self._commits.fail(error) from error
        self._live += _bytes_gained(entry.delta)
        return self._commits.add(entry)

    def _committed(self, entries: list[JournalEntry]) -> None:
        self._repeated -= {entry.delta.number for entry in entries if not entry.delta.unfinished}


def _bytes_gained(delta: BatchDelta) -> int:
    # A tuple: to look into a set, Python calls the hash of an enum.
    settled = [one.part for one in delta.ended if one.state in (PartState.ACCEPTED, PartState.REPLACED)]
    return sum(map(_kept_bytes, delta.opened)) - sum(map(_kept_bytes, settled))


def _kept_bytes(part: Part[Any]) -> int:
    return len(part.body or b"") if part.digest is None else 0
