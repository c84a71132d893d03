"""What the tests of the writer share: a writer whose server is a function, servers that wait, and the law."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, cast

import anyio
import anyio.lowlevel

from omnivery.automations.writer.buffer import EventBuffer, PutResult
from omnivery.automations.writer.options import WriterOptions
from omnivery.automations.writer.source import BufferSource
from omnivery.automations.writer.writer import AsyncEventWriter
from omnivery.errors import BulkError
from omnivery.events.event import EventLike
from omnivery.transport.runtime import AsyncRuntime
from tests.support.bots import (
    Post,
    assert_lawful,
    event,
    events,
    ids,
    run_of,
    sent,
)


class Recorder:
    """Takes every batch and keeps the ids in it; while its gate is shut, requests hang."""

    def __init__(self, *, shut: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.gate = anyio.Event()
        self.arrived = anyio.Event()
        if not shut:
            self.gate.set()

    async def __call__(self, body: bytes) -> int:
        self.arrived.set()
        await self.gate.wait()
        await anyio.lowlevel.checkpoint()
        self.batches.append(ids(sent(body)))
        return 1

    @property
    def ids(self) -> list[str]:
        return [one for batch in self.batches for one in batch]


def buffer_of(*, now: Callable[[], float] = time.monotonic, **options: Any) -> EventBuffer:
    """An open buffer in which nothing lingers out, unless told otherwise."""
    buffer = EventBuffer(options=WriterOptions(**{"linger": math.inf, **options}), now=now)
    buffer.open()
    return buffer


def read_into(buffer: EventBuffer, count: int, *, start: int = 0) -> None:
    for number in range(start, start + count):
        assert buffer.put_nowait(event(number)) is PutResult.TAKEN


def taken(buffer: EventBuffer, count: int = 500) -> list[str]:
    """The ids of the batch that is due."""
    items: list[EventLike] = []
    pause = buffer.take(items, count)
    assert (pause == 0.0) is bool(items)
    return ids(items)


def refused() -> Exception:
    """What a buffer that was stopped raises."""
    return BulkError("over", report=None)


def writer_of(post: Post, *, concurrency: int = 2, run: Any = None, **options: Any) -> AsyncEventWriter:
    """A writer whose server is a function."""
    chosen = WriterOptions(**{"linger": math.inf, **options})
    source = BufferSource(buffer=EventBuffer(options=chosen), runtime=AsyncRuntime())
    started = run_of(cast("Any", source), post, concurrency=concurrency, **{"max_outage": math.inf, **(run or {})})
    return AsyncEventWriter(options=chosen, source=source, run=started)


async def put_all(writer: AsyncEventWriter, count: int) -> None:
    for one in events(count):
        await writer.put(one)


def assert_settled(writer: AsyncEventWriter, *, put: int) -> None:
    """The report of a writer that has ended: every event that it took is in exactly one of the three."""
    assert_lawful(writer.report)
    statistics = writer.statistics
    assert statistics.put == writer.report.read == put
    assert statistics.accepted + statistics.rejected + statistics.undelivered == put
    assert statistics.buffered == 0
    assert statistics.oldest_age == 0.0
