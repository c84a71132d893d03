"""Batches whose source yields them again are written when they have ended, and no more than a few are unwritten."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from omnivery import readers
from omnivery.bulk.batch import Batch
from omnivery.bulk.journal.backlog import Backlog, UnwrittenBatch
from omnivery.bulk.journal.store import JournalStore
from omnivery.errors import JournalError
from omnivery.events.event import EventLike
from tests.support.bots import Server, assert_lawful, event, events, refusal, sent
from tests.support.journal import Pipe, as_killed, bodies, counts, journalled, submit
from tests.support.journal_rows import at, rows

pytestmark = pytest.mark.anyio


def known(path: Path) -> int:
    """How many events the journal has of what was read."""
    return int(rows(as_killed(path, "known"), "SELECT sum(read) FROM source")[0][0] or 0)


def written_bodies(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that are written from now on."""
    found: list[bytes] = []
    transact = JournalStore.transact

    def watched(self: JournalStore, entries: Any, works: Any = ()) -> None:
        found.extend(part.body for one in entries for part in one.opened if part.body is not None)
        transact(self, entries, works)

    monkeypatch.setattr(JournalStore, "transact", watched)
    return found


async def test_the_body_of_what_is_accepted_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = written_bodies(monkeypatch)
    server = Server(takes=1_000)
    report = await submit(events(20_000), server, tmp_path / "j", concurrency=8)
    assert counts(report) == (20_000, 20_000, 0, 0, 40, 40, 0)
    assert written == []
    again = await submit(events(20_000), server, tmp_path / "j")
    assert (counts(again), server.takes) == (counts(report), 960)


async def test_what_a_pipe_yields_is_written_before_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could read it again."""
    written = written_bodies(monkeypatch)

    async def post(body: bytes) -> int:
        assert body in written
        assert body in bodies(as_killed(tmp_path / "j", "left"))
        return 1

    report = await submit(Pipe(events(3_000)), post, tmp_path / "j")
    assert counts(report)[:4] == (3_000, 3_000, 0, 0)


@pytest.mark.parametrize("concurrency", [1, 2, 8])
async def test_a_kill_repeats_at_most_twice_as_many_batches_as_are_in_flight(tmp_path: Path, concurrency: int) -> None:
    """Also while the first request of all takes long, and with a disk that is slow."""
    posted, most = 0, 0
    all_others = anyio.Event()

    async def post(body: bytes) -> int:
        nonlocal posted, most
        posted += 500
        most = max(most, posted - known(tmp_path / "j"))
        if b'"e0"' in body and concurrency > 1:
            await all_others.wait()
        if posted >= 39 * 500:
            all_others.set()
        await checkpoint()
        return 1

    report = await submit(events(20_000), post, tmp_path / "j", concurrency=concurrency)
    assert report.accepted == 20_000
    assert 0 < most <= 2 * concurrency * 500


async def test_batches_that_an_earlier_run_left_are_among_those_that_a_kill_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them had ended and were not written, and as many new ones were sent as if there were none."""
    path, server = tmp_path / "j", Server(takes=0)
    async with journalled(events(4_000), server, path, concurrency=8):
        await server.wait_hanging(8)
    disk, all_claimed = Event(), anyio.Event()
    transact = JournalStore.transact
    taken, most = 0, 0

    def wait_for_the_disk(self: JournalStore, entries: Any, works: Any = ()) -> None:
        if all_claimed.is_set():
            disk.wait(0.2)
            disk.set()
        transact(self, entries, works)

    async def post(body: bytes) -> int:
        nonlocal taken, most
        if int(sent(body)[0]["event_id"][1:]) >= 4_000:
            all_claimed.set()
        elif b'"e0"' not in body:
            await all_claimed.wait()
        await checkpoint()
        taken += 1
        written = rows(as_killed(path, "known"), "SELECT sum(accepted) FROM source")[0][0] // 500
        most = max(most, taken - written)
        return 1

    monkeypatch.setattr(JournalStore, "transact", wait_for_the_disk)
    report = await submit(events(20_000), post, path, concurrency=8)
    assert report.accepted == 20_000
    assert 8 < most <= 16


@pytest.mark.parametrize("moment", [1, 7, 20, 39])
async def test_what_a_kill_leaves_is_read_again(tmp_path: Path, moment: int) -> None:
    taken: list[bytes] = []

    async def post(body: bytes) -> int:
        taken.append(body)
        if len(taken) == moment and not (tmp_path / "left").exists():
            as_killed(tmp_path / "j", "left")
        return 1

    first = await submit(events(20_000), post, tmp_path / "j", concurrency=4)
    before, taken[:] = taken[:moment], []
    report = await submit(events(20_000), post, tmp_path / "left", concurrency=4)
    assert counts(report) == counts(first)
    arrived = [event["event_id"] for body in before + taken for event in sent(body)]
    assert {*arrived} == {f"e{number}" for number in range(20_000)}
    assert len(arrived) - 20_000 <= 8 * 500


async def test_a_batch_that_is_held_or_refused_is_written_at_once(tmp_path: Path) -> None:
    """What was accepted of it must not be sent again, and an outage may last."""
    seen: list[int] = []

    async def post(body: bytes) -> int:
        if len(sent(body)) == 500:
            raise refusal(400)
        seen.append(len(bodies(as_killed(tmp_path / "j", "left"))))
        return 1

    report = await submit(events(500), post, tmp_path / "j")
    assert counts(report)[:4] == (500, 500, 0, 0)
    assert seen == [2, 1]


async def test_a_disk_that_fails_later_loses_no_item_from_the_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal was to keep what is undelivered, and cannot."""

    def fail(*_: object) -> None:
        raise JournalError("disk gone")

    async def post(body: bytes) -> int:
        monkeypatch.setattr(JournalStore, "transact", fail)
        raise refusal(401) if b'"e0"' in body else refusal(409)

    run = journalled(events(20_000), post, tmp_path / "j", concurrency=8)
    async with run:
        async for _ in run:
            continue
    assert_lawful(run.report)
    assert run.report.undelivered > 0
    monkeypatch.undo()
    report = await submit(events(20_000), Server(takes=1_000), tmp_path / "j")
    assert counts(report)[:4] == (20_000, 20_000, 0, 0)


async def test_what_cannot_be_sent_is_found_before_a_batch_is_left_unsent(tmp_path: Path) -> None:
    """It was to be encoded when it was written, and broke the journal of a run that was left by then."""
    read = anyio.Event()

    async def source() -> AsyncIterator[EventLike]:
        for number in range(10):
            yield event(number, attributes={"own": object()} if number == 3 else None)
        read.set()
        await anyio.sleep_forever()

    run = journalled(source(), Server(takes=0), tmp_path / "j")
    with anyio.fail_after(30):
        async with run:
            await read.wait()
    assert_lawful(run.report)
    assert run.report.stopped_by is None
    assert counts(run.report)[:4] == (10, 0, 1, 9)


async def test_a_list_may_be_changed_once_its_batch_waits_to_be_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch waits while a kill would repeat too many, and is sent as it was read."""
    found: set[str] = set()
    # Of two kinds, which are not encoded while they are checked.
    items: list[EventLike] = [
        {"ip": "192.0.2.1", "uas": "x", "event_id": f"e{number}"} if number % 2 else event(number)
        for number in range(3_000)
    ]
    add = Backlog[Any].add

    def change(self: Backlog[Any], one: UnwrittenBatch[Any]) -> None:
        add(self, one)
        for item in one.batch.items:
            if isinstance(item, dict):
                item["event_id"] = "changed"

    async def post(body: bytes) -> int:
        found.update(one["event_id"] for one in sent(body))
        return 1

    monkeypatch.setattr(Backlog, "add", change)
    await submit(items, post, tmp_path / "j", concurrency=1)
    assert found == {f"e{number}" for number in range(3_000)}


async def test_what_could_not_be_replaced_is_undelivered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal has the half, and was asked in vain to have its halves instead: they were reported, too."""
    transact = JournalStore.transact

    def fail_at_quarters(self: JournalStore, entries: Any, works: Any = ()) -> None:
        if any(len(part.items) == 125 for one in entries for part in one.delta.opened):
            raise JournalError("disk full")
        transact(self, entries, works)

    async def post(body: bytes) -> int:
        raise refusal(400)

    monkeypatch.setattr(JournalStore, "transact", fail_at_quarters)
    run = journalled(events(500), post, tmp_path / "j")
    async with run:
        async for _ in run:
            continue
    assert_lawful(run.report)
    assert counts(run.report)[:4] == (500, 0, 0, 500)


def test_which_sources_yield_their_events_again(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(b'{"ip":"192.0.2.1","uas":"x","event_id":"e"}\n')
    assert readers.ndjson(file).replays
    assert not readers.read(file, follow=True).replays
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert not readers.ndjson(pipe).replays


class TestBacklog:
    """The order of writing, without a journal."""

    @staticmethod
    def filled(count: int) -> tuple[Backlog[Any], list[Any]]:
        backlog: Backlog[Any] = Backlog()
        work: Any = None
        batches = [Batch[Any](work=work, number=number, items=(), start=0) for number in range(count)]
        for batch in batches:
            backlog.add(UnwrittenBatch(batch=batch, read=0, position=at({})))
        return backlog, batches

    @staticmethod
    def numbers(found: Iterator[UnwrittenBatch[Any]]) -> list[int]:
        return [one.batch.number for one in found]

    def test_a_settled_batch_waits_for_those_before_it(self) -> None:
        backlog, batches = self.filled(4)
        for number, written in ((1, []), (3, []), (0, [0, 1]), (2, [2, 3])):
            backlog.settle(batches[number])
            assert self.numbers(backlog.due(9)) == written
        assert not backlog

    def test_but_not_for_ever(self) -> None:
        backlog, batches = self.filled(4)
        backlog.settle(batches[1])
        assert self.numbers(backlog.due(3)) == [0, 1]
        assert batches[2] in backlog
        assert self.numbers(backlog.due(0)) == [2, 3]

    def test_one_is_written_with_all_before_it(self) -> None:
        backlog, batches = self.filled(4)
        assert self.numbers(backlog.until(batches[2])) == [0, 1, 2]
        assert self.numbers(backlog.until(batches[2])) == []
        backlog.drop(batches[3])
        backlog.drop(batches[3])
        assert not backlog
