"""Waiting for records: over as soon as there are enough, and at the latest when the time is up."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from omnivery.emulator.records import wait as wait_module
from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.wait import RecordWait


class Counter:
    """Stands for records: each that is added is told of."""

    def __init__(self, changes: Changes) -> None:
        self._changes, self.number = changes, 0

    def add(self) -> None:
        self.number += 1
        self._changes.tell("messages")

    def wait(self, wanted: int, timeout: float) -> RecordWait:
        return RecordWait(
            changes=self._changes, kind="messages", count=lambda: self.number, wanted=wanted, timeout=timeout
        )


@pytest.fixture
def counter(changes: Changes) -> Counter:
    return Counter(changes)


@pytest.mark.asyncio
async def test_a_coroutine_waits_until_there_are_enough(counter: Counter) -> None:
    waiting = asyncio.create_task(counter.wait(2, 30).result())
    for _ in range(2):
        await asyncio.sleep(0.001)
        assert not waiting.done()
        counter.add()
    assert await waiting
    assert await counter.wait(2, 0).result(), "what is there already counts"


@pytest.mark.asyncio
async def test_the_time_is_up(counter: Counter) -> None:
    counter.add()
    assert not await counter.wait(2, 0.01).result()
    assert not counter.wait(2, 0.01).block()


def test_a_thread_waits_until_there_are_enough(counter: Counter) -> None:
    threading.Timer(0.01, counter.add).start()
    assert counter.wait(1, 30).block()


@pytest.mark.asyncio
async def test_the_end_of_the_emulator_ends_it(counter: Counter, changes: Changes) -> None:
    started = time.monotonic()
    waiting = asyncio.create_task(counter.wait(1, 60).result())
    await asyncio.sleep(0.001)
    changes.end()
    assert not await waiting
    assert time.monotonic() - started < 30


@pytest.mark.asyncio
async def test_the_end_interrupts_the_pause_after_a_slow_count(
    changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause is several times as long as a count, and with hundreds of waits a count takes long."""
    monkeypatch.setattr(wait_module, "SHARE", 10_000)
    counts: list[float] = []

    def count() -> int:
        counts.append(time.monotonic())
        time.sleep(0.01)
        return 0

    wait = RecordWait(changes=changes, kind="messages", count=count, wanted=1, timeout=60)
    waiting = asyncio.create_task(wait.result())
    await asyncio.sleep(0.05)
    changes.end()
    assert not await waiting
    assert (len(counts), time.monotonic() - counts[0] < 30) == (1, True)
