"""The thread of a journal: one thing at a time, and no lock that is left behind, whatever is cancelled."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event

import anyio
import pytest

from omnivery.bulk.journal.store import JournalStore
from omnivery.bulk.journal.thread import OwnThread, close_stores, open_store
from omnivery.errors import ConfigError, OmniveryError

pytestmark = pytest.mark.anyio


def test_one_thing_at_a_time_also_after_a_task_that_asyncio_has_cancelled() -> None:
    """Its thread is still at work, and a connection of SQLite is used by one thread."""
    begun, free = Event(), Event()
    done: list[str] = []

    def first() -> None:
        begun.set()
        assert free.wait(30)
        done.append("first")

    async def main() -> None:
        thread = OwnThread()
        task = asyncio.create_task(thread(first))
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        await asyncio.wait([task])
        second = asyncio.create_task(thread(lambda: done.append("second")))
        await asyncio.sleep(0.02)
        assert done == []
        free.set()
        await second

    asyncio.run(main())
    assert done == ["first", "second"]


async def opened(path: Path) -> JournalStore:
    stores: list[JournalStore] = []

    async def prepare(store: JournalStore) -> None:
        stores.append(store)

    await open_store(str(path), prepare, keep=None, run_aside=OwnThread())
    return stores[0]


async def test_a_journal_that_cannot_be_prepared_is_closed_again(tmp_path: Path) -> None:
    async def prepare(_: JournalStore) -> None:
        raise LookupError("another source")

    with pytest.raises(LookupError, match="another source"):
        await open_store(str(tmp_path / "j"), prepare, keep=None, run_aside=OwnThread())
    JournalStore.open(tmp_path / "j").close()


async def test_opening_a_journal_that_another_program_has_locked_can_be_cancelled(tmp_path: Path) -> None:
    """A backup that takes a minute must not keep Ctrl-C waiting; and the journal is free afterwards."""
    path = tmp_path / "j"
    JournalStore.open(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with anyio.fail_after(25), anyio.move_on_after(0.1) as scope:
            await opened(path)
        assert scope.cancelled_caught
        other.execute("ROLLBACK")
    store = await opened(path)
    store.close()


async def test_whatever_an_opening_raises_is_raised_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not in a group of exceptions."""

    def broken(*_: object, **__: object) -> None:
        raise MemoryError

    (tmp_path / "text").write_text("dear diary")
    with pytest.raises(ConfigError, match="not an SQLite file"):
        await opened(tmp_path / "text")
    monkeypatch.setattr(JournalStore, "open", broken)
    with pytest.raises(MemoryError):
        await opened(tmp_path / "j")


async def test_a_journal_is_closed_although_no_thread_can_be_started_for_it(
    tmp_path: Path,
) -> None:
    opened = [JournalStore.open(tmp_path / "j")]

    async def no_thread(_: object) -> None:
        raise OmniveryError("the system starts no more threads")

    await close_stores(opened, no_thread)
    JournalStore.open(tmp_path / "j").close()
