"""From the buffer into a run: who waits for a batch misses nothing that happens meanwhile."""

from __future__ import annotations

import anyio
import pytest
from attrs import define, field

from omnivery.automations.writer.buffer import EventBuffer
from omnivery.automations.writer.options import WriterOptions
from omnivery.automations.writer.source import BufferSource
from omnivery.events.event import EventLike
from omnivery.transport.runtime import AsyncRuntime
from tests.support.bots import event, ids

pytestmark = pytest.mark.anyio


@define(kw_only=True, eq=False, repr=False)
class SurprisedBuffer(EventBuffer):
    """An event is put right after a look found none, by a signal handler or a finalizer in the loop's own thread."""

    surprised: bool = field(init=False, default=False)

    def take(self, items: list[EventLike], count: int) -> float | None:
        pause = EventBuffer.take(self, items, count)
        if not self.surprised:
            self.surprised = True
            self.put_nowait(event(0))
        return pause


async def test_what_is_put_between_the_look_and_the_wait_is_not_missed() -> None:
    """The loop would sleep until another event comes, which may be never."""
    buffer = SurprisedBuffer(options=WriterOptions(linger=0.0))
    buffer.open()
    source = BufferSource(buffer=buffer, runtime=AsyncRuntime())
    source.bind()
    items: list[EventLike] = []
    with anyio.fail_after(30):
        await source.read_into(items, 500)
    assert ids(items) == ["e0"]
