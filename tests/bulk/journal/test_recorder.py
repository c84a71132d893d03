"""A run with a journal, where the blocking half has something to say: limits, damage, paths, ages, cancellation."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from omnivery.bulk.journal import group_commit
from omnivery.bulk.journal.reader import JournalReader
from omnivery.bulk.journal.store import JournalStore
from omnivery.errors import ConfigError, DecodeError, JournalError
from omnivery.events.event import EventLike
from tests.support.bots import Server, assert_lawful, endless, event, events, finish, ids, numbered, refusal, sent
from tests.support.journal import Pipe, Refusing, bodies, counts, journalled, submit
from tests.support.journal_rows import rows, spoil
from tests.support.waiting import wait_until

pytestmark = pytest.mark.anyio


class Taking:
    """A server that takes all requests but those that are too large, or hold what is poisoned."""

    def __init__(self, *, most: int = 500) -> None:
        self.most = most
        self.sent: list[list[str]] = []

    async def __call__(self, body: bytes) -> int:
        await anyio.lowlevel.checkpoint()
        names = ids(sent(body))
        if len(names) > self.most:
            raise refusal(413)
        if any("poison" in name for name in names):
            raise refusal(400)
        self.sent.append(names)
        return 1


async def fail(_: bytes) -> int:
    raise DecodeError("the response is HTML")


async def test_a_limit_is_the_first_size_that_is_too_large(tmp_path: Path) -> None:
    """What an earlier run left counts, to the byte: a journal that was full stays so."""
    path = tmp_path / "j"
    await submit(events(500), fail, path)
    [left] = bodies(path)
    server = Taking()
    report = await submit(events(1500), server, path, limit=len(left), concurrency=1)
    assert isinstance(report.stopped_by, JournalError)
    assert (report.read, server.sent) == (500, [])
    report = await submit(events(1500), server, path, limit=len(left) + 1, concurrency=1)
    assert report.stopped_by is None
    assert counts(report)[:4] == (1500, 1000, 0, 500)


async def test_the_bytes_of_parts_that_were_halved_are_free_again(tmp_path: Path) -> None:
    """Each batch has an event that is refused: its bytes were written ten times over, and its limit is for two."""

    def source() -> Iterator[EventLike]:
        for number in range(10_000):
            yield event(number, event_id=f"{'poison' if number % 500 == 77 else 'e'}{number}")

    path, server = tmp_path / "j", Taking()
    with anyio.fail_after(60):
        report = await submit(source(), server, path, limit=120_000, concurrency=2)
    assert report.stopped_by is None
    assert counts(report)[:4] == (10_000, 9980, 20, 0)


async def test_parts_go_out_in_the_order_of_the_source(tmp_path: Path) -> None:
    """Also those that an earlier run left of a batch."""
    path = tmp_path / "j"
    server = Taking(most=125)
    await submit(events(500), server, path, concurrency=1)
    assert [name for names in server.sent for name in names] == [f"e{number}" for number in range(500)]

    path, first = tmp_path / "left", Server(takes=1)

    async def post(body: bytes) -> int:
        if len(ids(sent(body))) > 125:
            raise refusal(413)
        return await first(body)

    run = journalled(events(500), post, path, concurrency=1)
    async with run:
        await first.wait_hanging()
    second = Taking()
    report = await submit(events(500), second, path, concurrency=1)
    assert [name for names in second.sent for name in names] == [f"e{number}" for number in range(125, 500)]
    assert counts(report)[:5] == (500, 500, 0, 0, 1)


async def test_a_damaged_batch_is_named_in_the_report_of_the_run_that_found_it(tmp_path: Path) -> None:
    """It hung a resume, or ended it with a traceback. The others are sent."""
    path = tmp_path / "j"
    await submit(events(1500), Refusing(3), path, concurrency=4)
    read = rows(path, "SELECT read FROM source")[0][0]
    assert read >= 1000
    spoil(path, "UPDATE batch SET body = x'00' WHERE number = 1")
    server = Taking()
    for _ in range(2):
        run = journalled(events(1500), server, path)
        async with run:
            async for _ in run:
                continue
        report = run.report
        assert counts(report)[:4] == (1500, 1000, 0, 500)
        assert report.stopped_by is None
        [failure] = report.failures
        assert (failure.batch, failure.events) == (1, 500)
        assert "row 2 of the journal's batches is damaged" in str(failure.error)
    assert {name for names in server.sent for name in names} == numbered(1500) - {f"e{n}" for n in range(500, 1000)}
    assert sum(map(len, server.sent)) == 1000


async def test_a_report_finds_its_journal_wherever_the_process_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    report = await submit(events(3), fail, Path("j"))
    monkeypatch.chdir(tmp_path)
    assert len(report.undelivered_events()) == 3


async def test_a_run_forgets_what_is_old_while_it_runs(tmp_path: Path) -> None:
    """The account stays, and what is not delivered."""
    path = tmp_path / "j"
    await submit(events(10_000), Taking(), path)
    with JournalReader.open(path) as reader:
        assert len(list(reader.accepted())) == 20
    report = await submit(events(11_000), Taking(), path, keep=0)
    assert report.accepted == 11_000
    with JournalReader.open(path) as reader:
        assert len(list(reader.accepted())) <= 2
        assert reader.state().accepted == 11_000


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program, such as a backup, has the journal locked."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield other
        finally:
            if other.in_transaction:
                other.execute("ROLLBACK")


async def test_a_run_that_never_had_its_journal_open_has_nothing_undelivered(tmp_path: Path) -> None:
    """Its report raised that there is no such journal, or that it is empty; or had the events of an earlier run."""
    await submit(events(500), fail, tmp_path / "old")
    for name in ("new", "old"):
        run = journalled(events(500), Taking(), tmp_path / name)
        with locked(tmp_path / name), anyio.move_on_after(0.05) as scope:
            async with run:
                pass
        assert scope.cancelled_caught
        assert_lawful(run.report)


async def test_a_run_whose_journal_another_program_has_locked_can_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a moment to write down its end. What it could not is as after a kill: it goes out again."""
    monkeypatch.setattr(group_commit, "CANCEL_TIMEOUT", 0.1)
    path, server = tmp_path / "j", Taking()
    run = journalled(events(5000), server, path, concurrency=1)
    with anyio.fail_after(30), ExitStack() as stack, anyio.CancelScope() as scope:
        async with run:
            await anext(run)
            stack.enter_context(locked(path))
            scope.deadline = anyio.current_time() + 0.5
            async for _ in run:
                pass
    assert scope.cancelled_caught
    assert isinstance(run.report.stopped_by, JournalError)
    assert "interrupted" in str(run.report.stopped_by)
    assert (await submit(events(5000), server, path)).accepted == 5000
    assert {name for names in server.sent for name in names} == {*ids(events(5000))}


def test_asyncio_s_own_cancellation_ends_a_run_whose_journal_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is one. Neither the opening nor the end leaves a lock behind."""
    monkeypatch.setattr(group_commit, "CANCEL_TIMEOUT", 0.1)
    path, server = tmp_path / "j", Taking()

    async def main() -> None:
        run = asyncio.create_task(submit(endless(), server, path, concurrency=1))
        async with asyncio.timeout(30):
            while not server.sent:  # noqa: ASYNC110  # nobody tells of it
                await asyncio.sleep(0.001)
        with locked(path):
            await asyncio.sleep(0.3)
            run.cancel()
            await asyncio.wait([run], timeout=30)
            assert run.cancelled()
            opening = asyncio.create_task(submit(events(1), Taking(), path))
            await asyncio.sleep(0.3)
            opening.cancel()
            await asyncio.wait([opening], timeout=30)
            assert opening.cancelled()
        JournalStore.open(path).close()

    asyncio.run(main())


@pytest.mark.parametrize("turns", range(0, 40, 3))
def test_asyncio_s_own_cancellation_leaves_no_lock_even_if_it_comes_twice(tmp_path: Path, turns: int) -> None:
    """The second one came while the journal was being closed for the first, and its lock stayed with the process."""

    async def main() -> None:
        run = asyncio.create_task(submit(events(1), Taking(), tmp_path / "j"))
        for _ in range(turns):
            await asyncio.sleep(0.0002)
        for _ in range(2):
            run.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([run], timeout=30)

    def is_free() -> bool:
        with suppress(ConfigError):
            JournalStore.open(tmp_path / "j").close()
            return True
        return False

    asyncio.run(main())
    wait_until(is_free)  # a thread may still be closing it


async def test_a_run_that_ends_waits_until_another_program_lets_go_of_its_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "CANCEL_TIMEOUT", 0.1)  # which is for runs that are interrupted
    path, server = tmp_path / "j", Taking()
    async with journalled(events(3000), server, path, concurrency=1) as run:
        await anext(run)
        with locked(path) as other:
            Timer(0.5, other.execute, ["ROLLBACK"]).start()
            async for _ in run:
                pass
            await anyio.sleep(0.1)
    assert (run.report.accepted, run.report.stopped_by) == (3000, None)
    with JournalReader.open(path) as reader:
        assert reader.state().accepted == 3000


@pytest.mark.parametrize(
    "odd",
    [
        event(7000, event_id="\ud800"),
        {"ip": "192.0.2.1", "uas": "x", "event_id": "\udfff"},
        {"ip": "192.0.2.1", "uas": "x", "event_id": "a", "own": "\ud800"},
        {"ip": "192.0.2.1", "uas": "\ud800", "event_id": "a"},
        {"ip": "\ud800", "uas": "x", "event_id": "a"},
        {"\ud800": 1},
    ],
)
async def test_text_that_is_no_unicode_is_rejected_as_without_a_journal(tmp_path: Path, odd: Any) -> None:
    """One such event hung a run, or came out as UnicodeEncodeError at every rerun."""
    source = [*events(700), odd, *(event(number) for number in range(701, 900))]
    with anyio.fail_after(20):
        first = await submit(source, Taking(), tmp_path / "j")
        again = await submit(source, Taking(), tmp_path / "j")
    assert counts(first) == counts(again)
    assert counts(first)[:4] == (900, 899, 1, 0)
    assert [one.index for one in again.rejections] == [700]


@pytest.mark.parametrize(
    ("source", "step"),
    [(Pipe, "batch.Batch.encode_open"), (Pipe, "journal.sql.checksum_of"), (list, "batch.Batch.encode_open")],
)
async def test_whatever_goes_wrong_before_a_batch_is_sent_is_the_journal_s_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Callable[[Any], Any], step: str
) -> None:
    """The run ends with its report, nothing is sent, and the events are the caller's."""

    def broken(*_: object) -> None:
        raise MemoryError

    server = Taking()
    monkeypatch.setattr(f"omnivery.bulk.{step}", broken)
    with anyio.fail_after(20):
        report = await submit(source(events(700)), server, tmp_path / "j")
    assert isinstance(report.stopped_by, JournalError)
    assert "MemoryError" in str(report.stopped_by)
    assert (server.sent, report.accepted) == ([], 0)
    assert len(report.undelivered_events()) == report.undelivered == report.read > 0
    monkeypatch.undo()
    assert (await submit(events(700), server, tmp_path / "j")).accepted == 700


async def test_a_run_that_is_entered_and_left_at_once_leaves_its_journal_free(tmp_path: Path) -> None:
    for _ in range(3):
        run = journalled(events(10_000), Server(takes=0), tmp_path / "j")
        async with run:
            pass
    report = await finish(journalled(events(10_000), Taking(), tmp_path / "j"))
    assert report.accepted == 10_000
