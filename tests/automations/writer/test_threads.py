"""Threads that put into a writer's buffer: nothing is lost, nothing doubled, nobody waits for ever."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
import pytest

from omnivery.automations.writer.buffer import EventBuffer, PutResult, size_of
from omnivery.errors import BulkError, ConfigError
from omnivery.events.event import EventLike
from tests.support.bots import event, ids, numbered
from tests.support.fakes import PatientCondition
from tests.support.writer import (
    Recorder,
    assert_settled,
    buffer_of,
    read_into,
    refused,
    taken,
    writer_of,
)


def test_many_threads_lose_nothing_and_double_nothing() -> None:
    buffer, woken = buffer_of(max_events=50, max_buffered=200), threading.Semaphore(0)
    buffer.wake = woken.release
    found: list[str] = []

    def put(thread: int) -> None:
        for number in range(500):
            assert buffer.put_blocking(event(thread * 500 + number), seconds=30) is PutResult.TAKEN

    def take() -> None:
        while True:
            items: list[EventLike] = []
            if buffer.take(items, 500) is None:
                return
            found.extend(ids(items))
            if not items:
                assert woken.acquire(timeout=30)

    with ThreadPoolExecutor(9) as pool:
        reading = pool.submit(take)
        for putting in [pool.submit(put, thread) for thread in range(8)]:
            putting.result()
        buffer.close(refused)
        reading.result()
    assert len(found) == buffer.puts == 4000
    assert set(found) == numbered(4000)
    # Each thread's own events went out in the order in which it put them.
    for thread in range(8):
        own = [int(one[1:]) for one in found if int(one[1:]) // 500 == thread]
        assert own == sorted(own)


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except BulkError as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def full_buffer() -> tuple[EventBuffer, PatientCondition]:
    """A buffer without room, and what those wait on who want some."""
    buffer = buffer_of(max_buffered=1)
    read_into(buffer, 1)
    buffer._room = room = PatientCondition(buffer._lock)
    return buffer, room


def test_a_thread_that_waits_for_room_is_told_of_it() -> None:
    buffer, room = full_buffer()
    thread, results = in_thread(lambda: buffer.put_blocking(event(1)))
    room.wait_for_waiting(1)
    assert results == []
    assert taken(buffer) == ["e0"]
    thread.join(timeout=30)
    assert results == [PutResult.TAKEN]
    assert taken(buffer) == ["e1"]


def test_threads_that_wait_for_room_are_told_of_the_end() -> None:
    buffer, room = full_buffer()
    threads = [in_thread(lambda: buffer.put_blocking(event(1))) for _ in range(3)]
    room.wait_for_waiting(3)
    buffer.close(refused)
    for thread, results in threads:
        thread.join(timeout=30)
        assert [type(one) for one in results] == [BulkError]
    assert buffer.puts == 1


def test_a_thread_waits_for_no_longer_than_it_said() -> None:
    buffer = buffer_of(max_buffered=1)
    read_into(buffer, 1)
    assert buffer.put_blocking(event(1), seconds=0.01) is PutResult.FULL
    assert buffer.puts == 1


@pytest.mark.parametrize("seconds", [0.5, 100.0])
def test_a_thread_takes_its_place_within_its_time(seconds: float) -> None:
    """On a clock that stands still its time is never over, however short."""
    buffer = buffer_of(max_buffered=1, now=lambda: 100.0)
    read_into(buffer, 1)
    buffer._room = room = PatientCondition(buffer._lock)
    thread, results = in_thread(lambda: buffer.put_blocking(event(1), seconds=seconds))
    room.wait_for_waiting(1)
    buffer.drain()
    with room:
        room.notify_all()
    thread.join(timeout=30)
    assert results == [PutResult.TAKEN]


def test_what_a_thread_puts_counts_with_its_bytes() -> None:
    buffer = buffer_of(max_bytes=2 * size_of(event(0)))
    for number in range(2):
        buffer.put_blocking(event(number))
    assert taken(buffer) == ["e0", "e1"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # that threads run is what makes it dangerous
def test_a_forked_child_is_told_to_open_its_own() -> None:
    """Its parent sends what is in the buffer; what the child puts, nobody would."""
    buffer = buffer_of()
    read_into(buffer, 1)
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # one that hangs is killed
        status = 1
        try:
            buffer.put_nowait(event(1))
        except ConfigError as error:
            status = 0 if "forked" in str(error) and len(buffer) == 0 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert taken(buffer) == []
    assert len(buffer) == 1


@pytest.mark.anyio
async def test_threads_put_and_the_event_loop_sends() -> None:
    """The way of a service whose requests are threads: nobody crosses into the loop for an event, and none is lost."""
    server = Recorder()
    writer = writer_of(server, max_events=50, max_buffered=100, concurrency=2)
    buffer = writer.source.buffer

    def put(thread: int) -> None:
        for number in range(500):
            assert buffer.put_blocking(event(thread * 500 + number), seconds=30) is PutResult.TAKEN

    async with writer, anyio.create_task_group() as threads:
        for thread in range(4):
            threads.start_soon(anyio.to_thread.run_sync, put, thread)
    assert_settled(writer, put=2000)
    assert writer.report.accepted == 2000
    assert set(server.ids) == numbered(2000)


@pytest.mark.anyio
async def test_a_thread_s_first_event_wakes_a_loop_that_sleeps() -> None:
    """The loop waits without a time: unless it is told, the linger clock never starts."""
    server = Recorder()
    writer = writer_of(server, linger=0.01)
    with anyio.fail_after(30):
        async with writer:
            await anyio.wait_all_tasks_blocked()
            await anyio.to_thread.run_sync(writer.source.buffer.put_nowait, event(0))
            await server.arrived.wait()
    assert server.ids == ["e0"]


@pytest.mark.anyio
async def test_a_thread_that_comes_too_late_is_refused() -> None:
    writer = writer_of(Recorder())
    async with writer:
        pass
    with pytest.raises(ConfigError, match="closed"):
        await anyio.to_thread.run_sync(writer.source.buffer.put_nowait, event(0))
