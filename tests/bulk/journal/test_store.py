"""The journal of a run: what it keeps, what it goes on with, and what it refuses without harm."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from omnivery.bulk.journal import file as journal_file
from omnivery.bulk.journal.reader import JournalReader
from omnivery.bulk.journal.store import JournalStore
from omnivery.errors import ConfigError, DecodeError, JournalError
from omnivery.events.encoding import events_in
from omnivery.events.event import EventLike, EventLine
from omnivery.readers._cursor import with_cursor
from tests.support.bots import (
    TARGET,
    Server,
    assert_lawful,
    endless,
    event,
    events,
    finish,
    ids,
    numbered,
    pickled,
    refusal,
    sent,
)
from tests.support.journal import (
    accepted_ids,
    as_killed,
    bodies,
    counts,
    journalled,
    submit,
)

pytestmark = pytest.mark.anyio


class Taking:
    """A server that takes everything, but refuses what is poisoned, and loses the responses to some requests."""

    def __init__(self, *, loses: tuple[int, ...] = ()) -> None:
        self.loses = loses
        self.bodies: list[bytes] = []

    async def __call__(self, body: bytes) -> int:
        self.bodies.append(body)
        number = len(self.bodies)
        await anyio.lowlevel.checkpoint()
        if number in self.loses:
            raise DecodeError("the response is HTML")
        if any(name.startswith("poison") for name in self.ids(body)):
            raise refusal(400)
        return 1

    @staticmethod
    def ids(body: bytes) -> list[str]:
        return ids(sent(body))


async def test_a_run_leaves_ids_and_times_and_no_bodies(tmp_path: Path) -> None:
    """Verdicts are joined to the ids later; the bodies would fill the disk."""
    path, server = tmp_path / "j", Taking()
    report = await submit([*events(1200), event(ip="nowhere")], server, path)
    assert counts(report) == (1201, 1200, 1, 0, 3, 3, 0)
    assert bodies(path) == []
    assert set(accepted_ids(path)) == numbered(1200)
    with closing(sqlite3.connect(path)) as db:
        [(settled,)] = db.execute("SELECT count(*) FROM batch WHERE settled_at >= created_at").fetchall()
    assert settled == 3
    assert Path(path).stat().st_size < 400_000  # noqa: ASYNC240  # a local file


async def test_the_same_run_again_sends_nothing_and_has_the_same_account(tmp_path: Path) -> None:
    source = [*events(700), event(ip="nowhere"), event(event_id="poison")]
    first = await submit(source, Taking(), tmp_path / "j")
    server = Taking()
    again = await submit(source, server, tmp_path / "j")
    assert server.bodies == []
    assert counts(again) == counts(first) == (702, 700, 2, 0, 2, first.requests, 0)
    assert again.rejections == first.rejections


async def test_a_source_that_has_grown_goes_on(tmp_path: Path) -> None:
    await submit(events(700), Taking(), tmp_path / "j")
    server = Taking()
    report = await submit(events(1300), server, tmp_path / "j")
    assert counts(report)[:4] == (1300, 1300, 0, 0)
    assert {name for body in server.bodies for name in server.ids(body)} == numbered(1300) - numbered(700)


async def test_what_was_on_its_way_when_the_process_died_goes_out_again_byte_for_byte(tmp_path: Path) -> None:
    """The server knows a repeated event by its id; other bytes would be another event."""
    hanging: list[bytes] = []
    first = Server(takes=0)

    async def hang(body: bytes) -> int:
        hanging.append(body)
        return await first(body)

    lines: list[EventLike] = [
        EventLine(
            data=b' {"ip":"::1","uas":"x","event_id":"e%d","n":%d,"deep":[{"a":"},{"}]}\r' % (n, 10**30), line=n + 1
        )
        for n in range(600)
    ]
    run = journalled(lines, hang, tmp_path / "j")
    async with run:
        await first.wait_hanging(2)
        left = as_killed(tmp_path / "j", "left")
    server = Taking()
    report = await submit(lines, server, left)
    assert sorted(server.bodies) == sorted(hanging)
    assert counts(report)[:4] == (600, 600, 0, 0)


async def test_outcomes_of_what_was_left_behind_hold_its_events_as_lines(tmp_path: Path) -> None:
    server = Server(takes=0)
    async with journalled(events(3), server, tmp_path / "j"):
        await server.wait_hanging()
    again = journalled(events(3), Taking(), tmp_path / "j")
    async with again:
        [outcome] = [outcome async for outcome in again]
    assert ids(sent(b'{"events":[%b]}' % b",".join(outcome.accepted))) == ["e0", "e1", "e2"]  # type: ignore[arg-type]


async def test_leaving_early_keeps_what_was_read_for_the_next_run(tmp_path: Path) -> None:
    """In the report it is undelivered, as without a journal; the same command goes on with it all the same."""
    run = journalled(endless(), Server(takes=2), tmp_path / "j")
    async with run:
        await anext(run)
    assert_lawful(run.report)
    assert run.report.undelivered > 0
    server = Taking()
    report = await submit(events(5000), server, tmp_path / "j")
    assert counts(report)[:4] == (5000, 5000, 0, 0)


async def test_events_read_when_a_slow_source_is_cancelled_are_kept(tmp_path: Path) -> None:
    """They have left a source that may not give them again, as a pipe does not."""

    read = anyio.Event()

    async def source() -> AsyncIterator[EventLike]:
        for item in events(200):
            yield item
        read.set()
        await anyio.sleep_forever()

    run = journalled(source(), Taking(), tmp_path / "j")
    async with run:
        with anyio.fail_after(30):
            await read.wait()
    assert_lawful(run.report)
    assert counts(run.report)[:4] == (200, 0, 0, 200)
    server = Taking()
    assert counts(await submit(events(200), server, tmp_path / "j"))[:4] == (200, 200, 0, 0)


async def test_what_failed_for_good_waits_for_a_retry(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first = await submit(events(1000), Taking(loses=(1,)), path, concurrency=1)
    assert counts(first)[:4] == (1000, 500, 0, 500)
    assert [failure.events for failure in first.failures] == [500]
    assert ids(sent(b'{"events":[%b]}' % b",".join(first.undelivered_events()))) == [f"e{n}" for n in range(500)]  # type: ignore[arg-type]
    idle = Taking()
    again = await submit(events(1000), idle, path)
    assert idle.bodies == []
    assert counts(again) == counts(first)
    assert [str(failure.error) for failure in again.failures] == [str(failure.error) for failure in first.failures]
    retried = await submit((), Taking(), path, again=True)
    assert counts(retried) == (1000, 1000, 0, 0, 2, 3, 0)
    assert retried.failures == ()
    retried.raise_for_failures()


async def test_a_wrong_token_leaves_everything_for_the_right_one(tmp_path: Path) -> None:
    """Nothing was wrong with the events: no retry is needed for them, the same command does it."""

    async def refuse(_: bytes) -> int:
        raise refusal(401)

    report = await submit(events(2000), refuse, tmp_path / "j")
    assert "401" in str(report.stopped_by)
    assert report.undelivered == report.read > 0
    report = await submit(events(2000), Taking(), tmp_path / "j")
    assert counts(report)[:4] == (2000, 2000, 0, 0)


async def test_what_a_run_leaves_pending_is_not_for_its_own_other_workers(tmp_path: Path) -> None:
    """A worker that was about to look for something to do must not take what another one has just put back."""

    async def refuse(_: bytes) -> int:
        raise refusal(401)

    for _ in range(3):
        report = await submit(events(10), refuse, tmp_path / "j", concurrency=8)
        assert counts(report)[:4] == (10, 0, 0, 10)
        assert len(report.failures) == 1


async def test_undelivered_events_beyond_fifty_thousand_do_not_stop_a_run(tmp_path: Path) -> None:
    """They are in the journal, and not in memory; and the report of them crosses to another process."""

    async def fail(_: bytes) -> int:
        raise DecodeError("the response is HTML")

    run = journalled(events(52_000), fail, tmp_path / "j")
    report = await finish(run)
    assert (report.read, report.undelivered, report.stopped_by) == (52_000, 52_000, None)
    assert run.totals.kept == []
    assert len(pickled(report).undelivered_events()) == 52_000


async def test_a_batch_that_dies_while_it_is_bisected_goes_on_with_its_parts(tmp_path: Path) -> None:
    """Halves that were accepted are not sent again, and those that were not tried are not forgotten."""
    source = [*events(499), event(event_id="poison")]
    for stop in range(1, 12):
        path, first = tmp_path / f"j{stop}", Taking()

        async def post(body: bytes, path: Path = path, first: Taking = first, stop: int = stop) -> int:
            if len(first.bodies) == stop:
                as_killed(path, f"left{stop}")
                raise ZeroDivisionError
            return await first(body)

        with pytest.raises(ZeroDivisionError):
            await submit(source, post, path)
        second = Taking()
        report = await submit(source, second, tmp_path / f"left{stop}")
        assert counts(report)[:5] == (500, 499, 1, 0, 1)
        taken = [
            name for one in (first, second) for body in one.bodies for name in one.ids(body) if b"poison" not in body
        ]
        assert sorted(taken) == sorted(numbered(499))
        [rejection] = report.rejections
        assert (rejection.index, rejection.event_id) == (499, "poison")


async def test_rejected_items_can_be_had_back(tmp_path: Path) -> None:
    line = EventLine(data=b'{"ip":"no', line=3)
    await submit([event(ip="no", attributes={"a": 1}), {"ip": 5}, line, b"rubbish"], Taking(), tmp_path / "j")
    with JournalReader.open(tmp_path / "j") as view:
        found = [(problem.index, problem.line, problem.item) for problem in view.rejected()]
    assert found == [
        (0, None, b'{"ip":"no","uas":"Mozilla/5.0","event_id":"e0","a":1}'),
        (1, None, b'{"ip":5}'),
        (2, 3, b'{"ip":"no'),
        (3, None, b"rubbish"),
    ]


async def test_reading_waits_while_the_journal_is_full(tmp_path: Path) -> None:
    """A source faster than the server must not fill the disk."""
    gate, arrived, held = anyio.Event(), 0, 0

    async def post(_: bytes) -> int:
        nonlocal arrived
        arrived += 1
        await gate.wait()
        return 1

    run = journalled(events(10_000), post, tmp_path / "j", concurrency=8, limit=60_000)
    async with run, anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep, 0)
        with anyio.fail_after(30):
            while not arrived:  # noqa: ASYNC110  # nobody tells of it
                await anyio.sleep(0.001)
        await anyio.sleep(0.05)
        held = run.report.read
        gate.set()
        async for _ in run:
            continue
    # Eight workers looked before the first had written anything.
    assert held <= 8 * 500 < 10_000
    assert counts(run.report)[:4] == (10_000, 10_000, 0, 0)


async def test_a_journal_full_of_what_was_given_up_stops_the_run(tmp_path: Path) -> None:
    """Nobody would ever make room: waiting would be for ever."""

    async def fail(_: bytes) -> int:
        raise DecodeError("the response is HTML")

    report = await submit(events(10_000), fail, tmp_path / "j", concurrency=2, limit=60_000)
    assert isinstance(report.stopped_by, JournalError)
    assert "retry" in str(report.stopped_by)
    assert 0 < report.undelivered == report.read < 10_000


async def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, open_to_write = tmp_path / "j", journal_file.open_to_write

    def small(path: Path, **options: Any) -> Any:
        file, lock = open_to_write(path, **options)
        with file.use(ConfigError) as db:
            db.execute("PRAGMA max_page_count = 20")
        return file, lock

    monkeypatch.setattr("omnivery.bulk.journal.store.open_to_write", small)
    run = journalled(events(100_000), Taking(), path, concurrency=8)
    async with run:
        async for _ in run:
            continue
    report = run.report
    assert_lawful(report)
    assert 0 < report.read < 100_000
    assert isinstance(report.stopped_by, JournalError)
    assert "the disk is full" in str(report.stopped_by)
    monkeypatch.undo()
    after = await submit(events(100_000), Taking(), path)
    assert counts(after)[:4] == (100_000, 100_000, 0, 0)


async def test_an_acceptance_that_could_not_be_written_down_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has the events, and the journal does not know it: the next run sends them again."""
    transact = JournalStore.transact

    def fail_later(self: JournalStore, entries: Any, works: Any) -> None:
        if any(one.delta.accepted for one in entries):
            raise JournalError("disk gone")
        transact(self, entries, works)

    monkeypatch.setattr(JournalStore, "transact", fail_later)
    run = journalled(events(10), Taking(), tmp_path / "j")
    async with run:
        async for _ in run:
            continue
    assert counts(run.report)[:4] == (10, 10, 0, 0)
    assert "disk gone" in str(run.report.stopped_by)
    monkeypatch.undo()
    server = Taking()
    report = await submit(events(10), server, tmp_path / "j")
    assert counts(report)[:4] == (10, 10, 0, 0)
    assert len(server.bodies) == 1


async def test_a_cursor_that_json_cannot_say_stops_the_run(tmp_path: Path) -> None:
    source = with_cursor("rows", lambda _: ((object(), item) for item in events(10)))
    server = Taking()
    report = await submit(source, server, tmp_path / "j")
    assert server.bodies == []
    assert counts(report)[:4] == (10, 0, 0, 10)
    assert "no JSON form" in str(report.stopped_by)
    assert len(report.undelivered_events()) == 10


async def test_a_second_writer_is_told_so_and_readers_are_welcome(tmp_path: Path) -> None:
    run = journalled(endless(), Server(takes=1), tmp_path / "j")
    async with run:
        await anext(run)
        with pytest.raises(ConfigError, match="one writer"):
            await submit(events(1), Taking(), tmp_path / "j")
        with JournalReader.open(tmp_path / "j") as view, anyio.fail_after(20):
            while not view.state().read:  # noqa: ASYNC110  # nobody tells of it
                await anyio.sleep(0.005)
    await submit(events(5000), Taking(), tmp_path / "j")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"domain": "two.example.com"}, "begun for domain mail.example.com, not two.example.com"),
        ({"webhook_url": "https://example.com/secret"}, "begun for another webhook_url"),
        ({"base_url": "http://eu.example.com"}, "begun for base_url http://api.example.com, not http://eu.example.com"),
    ],
)
async def test_other_settings_are_refused(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    await submit(events(1), Taking(), tmp_path / "j")
    with pytest.raises(ConfigError, match=words) as caught:
        await submit(events(2), Taking(), tmp_path / "j", target=TARGET.replace(**changes))
    assert "secret" not in str(caught.value)


async def test_a_source_that_ends_too_soon_is_not_the_same_one(tmp_path: Path) -> None:
    await submit(events(700), Taking(), tmp_path / "j")
    with pytest.raises(ConfigError, match="ended after 600 items"):
        await submit(events(600), Taking(), tmp_path / "j")


async def test_outcomes_may_be_in_order_with_what_was_left_behind(tmp_path: Path) -> None:
    run = journalled(endless(), Server(takes=3), tmp_path / "j", concurrency=2)
    async with run:
        await anext(run)
    again = journalled(events(4000), Taking(), tmp_path / "j", concurrency=3, ordered=True)
    async with again:
        numbers = [outcome.batch async for outcome in again]
    assert numbers == sorted(numbers)
    assert again.report.accepted == 4000


# Files that are no journals


def text(path: Path) -> None:
    path.write_text("dear diary")


def directory(path: Path) -> None:
    path.mkdir()


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE precious (x)")


def newer(path: Path) -> None:
    JournalStore.open(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def damaged(path: Path) -> None:
    JournalStore.open(path).close()
    data = bytearray(path.read_bytes())
    data[journal_file.PAGE + 100 : 4 * journal_file.PAGE] = os.urandom(3 * journal_file.PAGE - 100)
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    JournalStore.open(path).close()
    path.write_bytes(path.read_bytes()[: journal_file.PAGE * 2])


@pytest.mark.parametrize("make", [text, directory, foreign, newer, damaged, cut_short])
async def test_what_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "j"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    server = Taking()
    with pytest.raises(ConfigError, match="journal"):
        await submit(events(1), server, path)
    assert server.bodies == []
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not list(tmp_path.glob("j-wal"))  # noqa: ASYNC240  # a local directory


async def test_a_log_in_place_of_a_journal_gets_no_file_beside_it(tmp_path: Path) -> None:
    """The lock of a log would lie among the logs for good. One that was there before is somebody's."""
    log, locked, lock = tmp_path / "access.log", tmp_path / "other.log", tmp_path / "other.log-lock"
    for file in (log, locked, lock):
        file.write_bytes(b"192.0.2.1 - -\n")
    for path in (log, locked):
        with pytest.raises(ConfigError, match="not an SQLite file"):
            await submit(events(1), Taking(), path)
    assert {*tmp_path.iterdir()} == {log, locked, lock}  # noqa: ASYNC240  # a local directory


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be|No such file"):
        await submit(events(1), Taking(), tmp_path / "no" / "j")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
async def test_a_journal_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    await submit(events(1), Taking(), tmp_path / "j")
    (tmp_path / "j").chmod(0o400)
    with pytest.raises(ConfigError, match="cannot be written"):
        await submit(events(2), Taking(), tmp_path / "j")


async def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    """That is what a process leaves that is killed while it makes one."""
    (tmp_path / "j").touch()
    assert (await submit(events(1), Taking(), tmp_path / "j")).accepted == 1


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
async def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """It holds addresses and user agents."""
    run = journalled(endless(), Server(takes=1), tmp_path / "j")
    async with run:
        await anext(run)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}  # noqa: ASYNC240  # a local directory
    assert len(modes) == 4  # with the lock, and the two files of SQLite
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("path", ["none", "text"])
async def test_looking_into_what_is_no_journal(tmp_path: Path, path: str) -> None:
    (tmp_path / "text").write_text("dear diary")
    with pytest.raises(ConfigError, match=path):
        JournalReader.open(tmp_path / path)


def test_events_are_cut_out_of_a_body_as_they_are() -> None:
    given = [b'{"a":"}],[{\\"","b":[{"c":{}},[]]}', b' {"n":1e400,"m":123456789012345678901234567890}\t', b"{}"]
    body = b'{"webhook_url":"https://x/\\"events\\":[","events":[%b]}' % b",".join(given)
    assert [*events_in(body)] == given
    assert [*events_in(b'{"webhook_url":"x","events":[{}]}')] == [b"{}"]
