"""Pipes in a run: they are read in a thread, a batch goes out when it is due, and nothing taken is forgotten."""

from __future__ import annotations

import gzip
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import anyio
import pytest

from omnivery import Automations, readers
from omnivery.automations import SubmitReport
from omnivery.bulk.source import BatchSource
from omnivery.emulator import Emulator
from omnivery.errors import SourceError
from omnivery.readers import FileEvents
from omnivery.readers._threaded import Threaded
from tests.support.bots import Server, assert_lawful, ids, refusal, run_of
from tests.support.journal import Seen, journalled, submit

pytestmark = pytest.mark.anyio


def ndjson(count: int, start: int = 0) -> bytes:
    return b"".join(b'{"ip":"::1","uas":"x","event_id":"e%d"}\n' % n for n in range(start, start + count))


def names(count: int, start: int = 0) -> list[str]:
    return [f"e{n}" for n in range(start, start + count)]


@contextmanager
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Both ends of a pipe."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as out, os.fdopen(writing, "wb", buffering=0) as into:
        yield out, into


def threads() -> int:
    return sum(thread.name == "omnivery-source" for thread in threading.enumerate())


async def until(come: Any) -> None:
    with anyio.fail_after(20):
        while not come():  # noqa: ASYNC110  # what is waited for happens in another thread
            await anyio.sleep(0.01)


async def test_a_pipe_is_read_in_a_thread_and_the_loop_turns_meanwhile() -> None:
    with pipe() as (out, into):
        seen = Seen()
        run = run_of(readers.read(out), seen)

        async def write() -> None:
            for start in range(0, 1200, 400):
                into.write(ndjson(400, start))
                await anyio.sleep(0.02)
            into.close()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            await run.follow(lambda _: None)
    assert sorted(ids(seen.events)) == sorted(names(1200))
    assert (run.report.read, run.report.accepted, run.report.batches) == (1200, 1200, 3)
    assert threads() == 0


async def test_what_came_goes_out_though_the_pipe_pauses() -> None:
    """`tail -f log | omnivery …` at night: twenty lines must not wait for four hundred and eighty others."""
    with pipe() as (out, into):
        seen = Seen()
        run = run_of(readers.read(out), seen)
        into.write(ndjson(20))
        async with run:
            outcome = await anext(run)
            assert len(outcome.accepted) == 20
            into.write(ndjson(30, 20))
            into.close()
            assert len((await anext(run)).accepted) == 30


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("journal", [False, True])
async def test_each_line_that_was_read_is_in_the_report_of_a_run_that_is_cancelled(
    tmp_path: Path, concurrency: int, journal: bool
) -> None:
    """Whether a worker waits for the pipe or all of them wait for the server."""
    with pipe() as (out, into):
        source = readers.read(out)
        server = Server(takes=0)
        if journal:
            run = journalled(source, server, tmp_path / "j", concurrency=concurrency)
        else:
            run = run_of(source, server, concurrency=concurrency)
        into.write(ndjson(1500)[:-5])
        with anyio.CancelScope() as scope:
            async with run:
                await until(lambda: source.progress[0] == len(ndjson(1500)) - 5)
                await anyio.sleep(0.05)
                scope.cancel()
        report = run.report
        # The last line had no ending yet: it was taken, too, and is no event.
        assert (report.read, report.undelivered, report.rejected) == (1500, 1499, 1)
    assert threads() == 0


async def test_a_run_that_is_stopped_by_the_server_counts_what_was_read_ahead() -> None:
    async def refuse(body: bytes) -> int:
        raise refusal(401)

    with pipe() as (out, into):
        into.write(ndjson(1300))
        run = run_of(readers.read(out), refuse, concurrency=1)
        await run.follow(lambda _: None)
        assert (run.report.read, run.report.undelivered) == (1300, 1300)
        assert_lawful(run.report)
    assert threads() == 0


async def test_what_was_taken_out_of_a_pipe_and_not_sent_is_in_the_journal(tmp_path: Path) -> None:
    with pipe() as (out, into):
        run = journalled(readers.read(out), Server(takes=0), tmp_path / "j", concurrency=1)
        into.write(ndjson(1300))
        async with run:
            await until(lambda: run.report.read)
    seen = Seen()
    with pipe() as (out, into):
        # The pipe has other lines now: those before are in the journal, and need not come again.
        into.write(ndjson(100, 5000))
        into.close()
        report: SubmitReport = await submit(readers.read(out), seen, tmp_path / "j")
    assert sorted(ids(seen.events)) == sorted([*names(1300), *names(100, 5000)])
    assert (report.read, report.accepted) == (1400, 1400)


async def test_the_same_stream_once_more_is_read_on_from_where_it_was_left(tmp_path: Path) -> None:
    """`zcat log.gz | omnivery …`, interrupted and run again; and on another day with another log."""
    for content, expected in (
        (ndjson(2000), names(2000)),
        (ndjson(2100), names(100, 2000)),
        (ndjson(2000, 7000), names(2000, 7000)),
        (ndjson(2100), []),
        (ndjson(2001, 7000), names(1, 9000)),
    ):
        seen = Seen()
        with pipe() as (out, into):
            with anyio.fail_after(20):
                async with anyio.create_task_group() as tasks:

                    async def write(content: bytes = content, into: BinaryIO = into) -> None:
                        with suppress(BrokenPipeError):
                            await anyio.to_thread.run_sync(into.write, content)
                        into.close()

                    tasks.start_soon(write)
                    await submit(readers.read(out), seen, tmp_path / "j")
        assert sorted(ids(seen.events)) == sorted(expected)


async def test_a_stream_that_begins_otherwise_is_not_kept_waiting(tmp_path: Path) -> None:
    """`tail -F` begins with the last lines of a log: its first one tells that it is not what was read before."""
    with pipe() as (out, into):
        into.write(ndjson(1500))
        into.close()
        await submit(readers.read(out), Seen(), tmp_path / "j")
    with pipe() as (out, into):
        into.write(ndjson(1, 7000))
        run = journalled(readers.read(out), Seen(), tmp_path / "j")
        async with run:
            with anyio.fail_after(20):
                assert len((await anext(run)).accepted) == 1


async def test_a_damaged_stream_gives_what_stands_before_the_damage() -> None:
    with pipe() as (out, into):
        into.write(gzip.compress(ndjson(700))[:-20])
        into.close()
        run = run_of(readers.read(out), Seen())
        with pytest.raises(SourceError, match="cut off"):
            await run.follow(lambda _: None)
        assert 0 < run.report.read == run.report.accepted


async def test_a_named_pipe_is_read_in_a_thread(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    source = readers.read(path)
    assert isinstance(source.stream(), Threaded)
    writer = threading.Thread(target=lambda: path.write_bytes(ndjson(30)), daemon=True)
    seen = Seen()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 0)
            writer.start()
            run = run_of(readers.read(path), seen)
            await run.follow(lambda _: None)
    writer.join(30)
    assert ids(seen.events) == names(30)


async def test_a_named_pipe_that_nobody_writes_to_can_be_left(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    run = run_of(readers.read(tmp_path / "fifo"), Seen())
    with anyio.move_on_after(0.1):
        await run.follow(lambda _: None)
    assert run.report.read == 0
    assert threads() == 0


async def test_a_file_is_not_read_in_a_thread(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ndjson(3))
    with (tmp_path / "a").open("rb") as file:
        for source in (tmp_path / "a", file, io.BytesIO(ndjson(3))):
            assert not isinstance(readers.read(source).stream(), BatchSource)


def test_the_synchronous_client_reads_a_pipe_in_steps_too() -> None:
    with Emulator(webhook_retry_delays=()) as emulator, pipe() as (out, into):
        client = Automations(
            emulator.token,
            base_url=emulator.automations_url,
            domain=emulator.domain,
            webhook_url="http://127.0.0.1:9/",
        )
        seen: list[int] = []
        into.write(ndjson(20))

        def write_on(report: SubmitReport) -> None:
            seen.append(report.read)
            if len(seen) == 1:
                into.write(ndjson(5, 20))
                into.close()

        with client:
            report = client.bots.submit(readers.read(out), on_progress=write_on)
        assert (report.read, report.accepted, seen[0]) == (25, 25, 20)


def test_a_pipe_that_is_iterated_needs_no_thread() -> None:
    with pipe() as (out, into):
        into.write(ndjson(2))
        source: FileEvents[Any] = readers.read(out)
        assert next(source).line == 1
        assert threads() == 0
