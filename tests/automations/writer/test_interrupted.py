"""Ended by asyncio's own cancellation, which Ctrl-C is under `asyncio.run`: no cancel scope of ours knows of it."""

from __future__ import annotations

import asyncio

import pytest

from omnivery.automations import AsyncEventWriter
from tests.support.bots import Server, events, ids
from tests.support.writer import Recorder, assert_settled, put_all, writer_of

pytestmark = pytest.mark.asyncio


async def test_a_cancelled_task_still_flushes() -> None:
    server = Recorder()
    writers: list[AsyncEventWriter] = []

    async def service() -> None:
        async with writer_of(server) as writer:
            writers.append(writer)
            await put_all(writer, 3)
            task.cancel()
            await asyncio.sleep(1000)

    task = asyncio.create_task(service())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.ids == ids(events(3))
    assert_settled(writers[0], put=3)


async def test_a_second_cancellation_ends_the_flush() -> None:
    writers: list[AsyncEventWriter] = []

    async def service() -> None:
        async with writer_of(server, cancel_timeout=1000) as writer:
            writers.append(writer)
            await put_all(writer, 3)
            task.cancel()
            await asyncio.sleep(1000)

    task = asyncio.create_task(service())
    server = Server(takes=0, on_hanging=lambda _: task.cancel())
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)
    assert_settled(writers[0], put=3)
    assert writers[0].report.undelivered == 3
