"""Transactions of many tasks: who shares one, who is told of it when, and what an error leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from threading import Event
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from omnivery.bulk.journal.group_commit import GroupCommit, Transaction
from omnivery.bulk.journal.sql import JournalEntry
from omnivery.bulk.journal.store import JournalStore, StoreWork
from omnivery.bulk.journal.thread import OwnThread
from omnivery.bulk.part import BatchDelta
from omnivery.errors import JournalError

pytestmark = pytest.mark.anyio


class Store:
    """A store whose disk waits until it is let go on, and fails if it is to."""

    def __init__(self) -> None:
        self.written: list[list[int]] = []
        self.free = Event()
        self.begun = anyio.Event()
        self.error: Exception | None = None

    def transact(self, entries: Sequence[JournalEntry], works: Sequence[StoreWork]) -> None:
        anyio.from_thread.run_sync(self.begun.set)
        assert self.free.wait(30)
        if self.error is not None:
            raise self.error
        self.written.append(numbers(entries))
        for work in works:
            work(cast("JournalStore", self))


def entry(number: int) -> JournalEntry:
    return JournalEntry(delta=BatchDelta(number=number, source=1, counted=False, unfinished=False))


def numbers(entries: Sequence[JournalEntry]) -> list[int]:
    return [one.delta.number for one in entries]


@asynccontextmanager
async def started(
    store: Store, on_commit: Callable[[list[JournalEntry]], object] = lambda _: None
) -> AsyncIterator[GroupCommit]:
    commits = GroupCommit(store=cast("JournalStore", store), run_aside=OwnThread(), on_commit=on_commit)
    await commits.start()
    try:
        yield commits
    finally:
        store.free.set()
        await commits.close()


async def test_what_is_added_while_one_transaction_is_written_goes_into_the_next() -> None:
    """One wait for the disk for all of it."""
    store = Store()
    async with started(store) as commits:
        commits.add(entry(0))
        await store.begun.wait()
        others = [commits.add(entry(number)) for number in range(1, 9)]
        worked: list[Any] = []
        others.append(commits.add(worked.append))
        assert len({id(one) for one in others}) == 1
        assert len(commits.pending) == 2
        store.free.set()
        await others[0].wait()
        assert (store.written, worked) == ([[0], [1, 2, 3, 4, 5, 6, 7, 8]], [store])
        assert commits.pending == []


async def test_what_was_committed_is_told_before_anyone_who_waits_for_it_goes_on() -> None:
    """A worker that waits until a kill would repeat less looks at once whether it does."""
    told: list[int] = []
    store = Store()
    store.free.set()
    async with started(store, lambda entries: told.extend(numbers(entries))) as commits:
        await commits.add(entry(5)).wait()
        assert told == [5]


@pytest.mark.parametrize("error", [JournalError("the disk is full"), MemoryError()])
async def test_after_an_error_nothing_is_written_and_everyone_gets_it(error: Exception) -> None:
    """What could not be written cannot be built on; the caller gets it back instead."""
    store = Store()
    store.error = error
    async with started(store) as commits:
        under_way = commits.add(entry(0))
        await store.begun.wait()
        gathered = commits.add(entry(1))
        store.free.set()
        for transaction in (under_way, gathered):
            with pytest.raises(JournalError, match=r"the disk is full|MemoryError"):
                await transaction.wait()
        store.error = None
        with pytest.raises(JournalError) as told:
            await commits.add(entry(2)).wait()
        assert told.value is commits.error
        assert error in (told.value, told.value.__cause__)
        assert (numbers(commits.unwritten), store.written, commits.pending) == ([0, 1, 2], [], [])


async def test_what_is_under_way_is_committed_although_a_later_entry_cannot_be_made() -> None:
    """Nobody who waits for it is told that it was not."""
    store = Store()
    async with started(store) as commits:
        under_way = commits.add(entry(0))
        await store.begun.wait()
        gathered = commits.add(entry(1))
        first = commits.fail(ValueError("a value that SQLite does not know"))
        assert commits.fail(OSError()) is first
        with pytest.raises(JournalError):
            await commits.add(entry(2)).wait()
        store.free.set()
        await under_way.wait()
        await gathered.wait()
        assert (store.written, numbers(commits.unwritten)) == ([[0], [1]], [2])


async def test_a_cancelled_task_waits_until_it_is_known_whether_its_entry_was_committed() -> None:
    store, scope = Store(), anyio.CancelScope()
    at_the_end: list[list[list[int]]] = []

    async def work() -> None:
        with scope:
            try:
                await commits.add(entry(0)).wait()
            finally:
                at_the_end.append(store.written.copy())

    async with started(store) as commits, anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await store.begun.wait()
        scope.cancel()
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        assert at_the_end == []
        store.free.set()
    assert at_the_end == [[[0]]]


async def test_what_was_committed_is_so_for_its_task_although_the_next_transaction_fails_at_once() -> None:
    """The event loop learns of both only then."""

    class Failing(Store):
        def transact(self, entries: Sequence[JournalEntry], works: Sequence[StoreWork]) -> None:
            if self.written:
                raise JournalError("the disk is full")
            self.written.append(numbers(entries))
            second.append(commits.add(entry(1)))

    async def run_aside(work: Callable[[], Any]) -> None:
        work()

    second: list[Transaction] = []
    async with started(Failing()) as commits:
        commits.run_aside = run_aside
        await commits.add(entry(0)).wait()
        with pytest.raises(JournalError):
            await second[0].wait()
        assert numbers(commits.unwritten) == [1]


async def test_closing_waits_until_everything_is_written() -> None:
    store = Store()
    async with started(store) as commits:
        for number in range(3):
            commits.add(entry(number))
            await store.begun.wait()
    assert store.written == [[0], [1, 2]]


def test_a_thread_that_outlives_its_task_writes_nothing_more() -> None:
    """asyncio's own cancellation ends the task alone. What was gathered is given back, so it must not be written."""
    store = Store()

    async def main() -> None:
        store.begun = anyio.Event()
        thread = OwnThread()
        commits = GroupCommit(store=cast("JournalStore", store), run_aside=thread, on_commit=lambda _: None)
        writing: list[asyncio.Task[Any]] = []

        async def run_aside(work: Callable[[], Any]) -> Any:
            writing.append(cast("asyncio.Task[Any]", asyncio.current_task()))
            return await thread(work)

        commits.run_aside = run_aside
        await commits.start()
        transactions = [commits.add(entry(0))]
        await store.begun.wait()
        transactions.append(commits.add(entry(1)))
        writing[0].cancel()
        for transaction in transactions:
            with pytest.raises(JournalError):
                await transaction.wait()
        store.free.set()
        await commits.close()
        await thread(lambda: None)
        assert (store.written, numbers(commits.unwritten)) == ([[0]], [0, 1])

    asyncio.run(main())
