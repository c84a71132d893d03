"""A log that is followed, as `tail -F` does: through growth, rotation, truncation, absence and links."""

from __future__ import annotations

import gzip
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve

from omnivery import Automations, readers
from omnivery.emulator import Emulator
from omnivery.errors import ConfigError
from omnivery.readers import FileEvents, _tail, _threaded
from omnivery.readers._local_file import local_file
from omnivery.readers._rotation import Ended, written_after
from tests.support.bots import Server, ids, run_of
from tests.support.growing import append, names, ndjson
from tests.support.journal import Seen, journalled, submit

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tail, "INTERVAL", 0.01)
    monkeypatch.setattr(_threaded, "LINGER", 0.05)


@asynccontextmanager
async def followed(path: Path, journal: Path | None = None) -> AsyncIterator[tuple[Seen, FileEvents[Any], Any]]:
    """A run that follows a file until the block is left."""
    source, seen = readers.read(path, follow=True), Seen()
    run = run_of(source, seen) if journal is None else journalled(source, seen, journal)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.follow, lambda _: None)
        yield seen, source, run
        tasks.cancel_scope.cancel()
    assert not [thread for thread in threading.enumerate() if thread.name == "omnivery-source"]


async def until_seen(seen: Seen, expected: list[str]) -> None:
    with anyio.fail_after(20):
        while len(seen.events) < len(expected):  # noqa: ASYNC110  # a file has no event
            await anyio.sleep(0.01)
    assert ids(seen.events) == expected


async def test_what_is_written_later_is_read_later(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(ndjson(3))
    async with followed(file) as (seen, _, _):
        await until_seen(seen, names(3))
        append(file, ndjson(4, 3)[:-30])
        await until_seen(seen, names(6))
        append(file, ndjson(4, 3)[-30:])
        await until_seen(seen, names(7))


def rename(file: Path) -> None:
    file.rename(file.with_name("log.1"))


def copy_and_truncate(file: Path) -> None:
    shutil.copy(file, file.with_name("log.1"))
    os.truncate(file, 0)


def remove(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("rotate", [rename, copy_and_truncate, remove])
@pytest.mark.parametrize("ending", [b"", b"\n"])
async def test_reading_goes_on_in_the_file_that_takes_its_place(
    tmp_path: Path, rotate: Callable[[Path], None], ending: bytes
) -> None:
    file = tmp_path / "log"
    file.write_bytes(ndjson(3)[:-1] + ending)
    async with followed(file) as (seen, source, _):
        await until_seen(seen, names(3 if ending else 2))
        rotate(file)
        await anyio.sleep(0.05)
        append(file, ndjson(2, 10))
        await until_seen(seen, [*names(3), *names(2, 10)])
        append(file, ndjson(1, 12))
        await until_seen(seen, [*names(3), *names(3, 10)])
    assert not source.notes


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
async def test_what_was_written_before_it_was_emptied_is_read_in_the_copy(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    """logrotate's copytruncate: between two looks at the file, lines came that are in the copy alone."""
    file = tmp_path / "log"
    file.write_bytes(ndjson(4)[:-10])
    (tmp_path / "log.2").write_bytes(ndjson(9, 50))
    async with followed(file) as (seen, source, _):
        await until_seen(seen, names(3))
        (tmp_path / "log.1").write_bytes(pack(ndjson(6)))
        os.truncate(file, 0)
        await until_seen(seen, names(6))
        append(file, ndjson(2, 10))
        await until_seen(seen, [*names(6), *names(2, 10)])
    assert not source.notes


async def test_it_is_told_if_there_is_no_copy(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(ndjson(3))
    (tmp_path / "log.1").write_bytes(ndjson(9, 50))
    async with followed(file) as (seen, source, _):
        await until_seen(seen, names(3))
        os.truncate(file, 0)
        await anyio.sleep(0.05)
        append(file, ndjson(1, 10))
        await until_seen(seen, [*names(3), "e10"])
    assert "what was written just before may be missing" in source.notes[0]


async def test_what_was_written_before_the_rotation_is_read(tmp_path: Path) -> None:
    """The server writes to the renamed file until it is told to open its log anew."""
    file = tmp_path / "log"
    file.write_bytes(ndjson(1))
    async with followed(file) as (seen, _, _):
        await until_seen(seen, names(1))
        rename(file)
        append(tmp_path / "log.1", ndjson(2, 1))
        file.write_bytes(ndjson(1, 10))
        await until_seen(seen, [*names(3), "e10"])


async def test_a_link_that_leads_elsewhere_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "current"
    for name, start in (("monday", 0), ("tuesday", 10)):
        (tmp_path / name).write_bytes(ndjson(2, start))
    link.symlink_to(tmp_path / "monday")
    async with followed(link) as (seen, _, _):
        await until_seen(seen, names(2))
        (tmp_path / "new").symlink_to(tmp_path / "tuesday")
        (tmp_path / "new").rename(link)
        await until_seen(seen, [*names(2), *names(2, 10)])


async def test_with_a_journal_it_resumes_where_it_was_left(tmp_path: Path) -> None:
    file, journal = tmp_path / "log", tmp_path / "journal"
    file.write_bytes(ndjson(3) + b'{"ip":')
    async with followed(file, journal) as (seen, _, _):
        await until_seen(seen, names(3))
    file.write_bytes(ndjson(5))
    async with followed(file, journal) as (seen, _, run):
        await until_seen(seen, names(2, 3))
        rename(file)
        file.write_bytes(ndjson(1, 10))
        await until_seen(seen, ["e3", "e4", "e10"])
    assert (run.report.read, run.report.accepted) == (6, 6)
    append(file, ndjson(1, 11))
    after = Seen()
    report = await submit(readers.read(file), after, journal)
    assert (ids(after.events), report.read) == (["e11"], 7)


async def test_a_line_that_is_being_written_when_it_is_stopped_is_left(tmp_path: Path) -> None:
    file, journal = tmp_path / "log", tmp_path / "journal"
    file.write_bytes(ndjson(3)[:-5])
    async with followed(file, journal) as (seen, _, run):
        await until_seen(seen, names(2))
    assert (run.report.read, run.report.accepted) == (2, 2)
    file.write_bytes(ndjson(3))
    after = Seen()
    await submit(readers.read(file), after, journal)
    assert ids(after.events) == ["e2"]


async def test_it_can_be_stopped_while_the_server_hangs(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(ndjson(1200))
    server = Server(takes=0)
    run = run_of(readers.read(file, follow=True), server, concurrency=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.follow, lambda _: None)
        await server.wait_hanging()
        tasks.cancel_scope.cancel()
    assert run.report.read == run.report.undelivered >= 500


def test_the_synchronous_client_follows_too(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(ndjson(2))
    with Emulator(webhook_retry_delays=()) as emulator:
        client = Automations(
            emulator.token,
            base_url=emulator.automations_url,
            domain=emulator.domain,
            webhook_url="http://127.0.0.1:9/",
        )
        with client, client.bots.stream(readers.read(file, follow=True)) as run:
            assert len(next(run).accepted) == 2
            append(file, ndjson(3, 2))
            assert len(next(run).accepted) == 3
        assert (run.report.read, run.report.accepted) == (5, 5)


def test_a_file_that_is_followed_can_be_iterated(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(ndjson(1))
    source = readers.read(file, follow=True)
    assert next(source).line == 1
    threading.Timer(0.05, append, (file, ndjson(1, 1))).start()
    assert next(source).line == 2


def test_one_file_is_followed(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ConfigError, match="follow: one file can be followed, and these are 2"):
        readers.read(tmp_path, follow=True)


def rotate_often(file: Path, names_of: Callable[[int], list[str]]) -> None:
    """Three times within one look at the file."""
    for number in (3, 4, 5):
        kept = names_of(number)
        for new, old in pairwise(kept):
            if (there := file.with_name(old)).exists():
                there.rename(file.with_name(new))
        file.rename(file.with_name(kept[-1]))
        file.write_bytes(ndjson(1, number))
        os.utime(file, (number, 2e9 + number))


@pytest.mark.parametrize(
    "names_of",
    [
        pytest.param(lambda _: ["log.3", "log.2", "log.1"], id="counting down"),
        pytest.param(lambda number: [f"log.{number}"], id="counting up"),
        pytest.param(lambda number: [f"log-2026-05-0{number}"], id="dated"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
async def test_what_was_rotated_while_the_run_was_held_is_read_in_order(
    tmp_path: Path, names_of: Callable[[int], list[str]], packed: bool
) -> None:
    """In an outage of hours, a log of each hour comes and goes before the next event can be sent."""
    file = tmp_path / "log"
    file.write_bytes(ndjson(2))
    async with followed(file, tmp_path / "journal") as (seen, _, run):
        await until_seen(seen, names(2))
        append(file, ndjson(1, 2))
        rotate_often(file, names_of)
        if packed:  # but for the last one, as logrotate's delaycompress does
            pack_all_but_the_last(tmp_path)
        await until_seen(seen, names(6))
        append(file, ndjson(1, 6))
        await until_seen(seen, names(7))
    assert (run.report.read, run.report.accepted) == (7, 7)
    again = Seen()
    await submit(readers.read(file), again, tmp_path / "journal")
    assert again.events == []


def pack_all_but_the_last(folder: Path) -> None:
    """As gzip does: the time stays."""
    for path in sorted(folder.glob("log[-.]*"), key=lambda path: path.stat().st_mtime_ns)[:-1]:
        times = path.stat()
        (packed := path.with_name(path.name + ".gz")).write_bytes(gzip.compress(path.read_bytes()))
        os.utime(packed, ns=(times.st_atime_ns, times.st_mtime_ns))
        path.unlink()


def test_the_file_that_was_read_does_not_come_again_though_it_was_written_to(tmp_path: Path) -> None:
    """One of several processes may open its log anew later than the others."""
    (live := tmp_path / "log").write_bytes(ndjson(1, 9))
    (old := tmp_path / "log.1").write_bytes(ndjson(2))
    status = old.stat()
    ended = Ended(identity=(status.st_dev, status.st_ino), modified=status.st_mtime_ns - 1, head=ndjson(1))
    assert written_after(ended, local_file(live)) is None
    assert written_after(evolve(ended, identity=(0, 0)), local_file(live)) is not None


async def test_a_log_whose_new_file_is_empty_is_read_on_in_the_old_one(tmp_path: Path) -> None:
    """logrotate creates the new file, and tells the server afterwards: it takes its time."""
    file = tmp_path / "log"
    file.write_bytes(ndjson(1))
    async with followed(file) as (seen, _, _):
        await until_seen(seen, names(1))
        rename(file)
        file.touch()
        await anyio.sleep(0.05)
        append(tmp_path / "log.1", ndjson(1, 1))
        await until_seen(seen, names(2))
        append(file, ndjson(1, 2))
        await until_seen(seen, names(3))


@pytest.mark.parametrize("patience", [20.0, 0.0])
async def test_a_new_file_may_be_unreadable_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    """Its owner and mode are set after it was created."""
    monkeypatch.setattr(_tail, "PATIENCE", patience)
    file = tmp_path / "log"
    file.write_bytes(ndjson(1))
    source, seen = readers.read(file, follow=True), Seen()
    run = run_of(source, seen)
    async with anyio.create_task_group() as tasks:

        async def follow() -> None:
            try:
                await run.follow(lambda _: None)
            except IsADirectoryError:
                assert not patience
                tasks.cancel_scope.cancel()

        tasks.start_soon(follow)
        await until_seen(seen, names(1))
        rename(file)
        file.mkdir()  # this cannot be read by root either
        await anyio.sleep(0.1 if patience else 20)
        file.rmdir()
        file.write_bytes(ndjson(1, 1))
        await until_seen(seen, names(2))
        tasks.cancel_scope.cancel()
