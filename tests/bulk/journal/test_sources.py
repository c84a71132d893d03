"""Where a run with a journal resumes an iterable. Files and cursors: `tests/readers`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from anyio import from_thread
from anyio.lowlevel import checkpoint

from omnivery.bulk.source import Resumable, ResumePoint
from omnivery.events.event import EventLike
from tests.support.bots import events, ids
from tests.support.journal import Seen, interrupted, submit

pytestmark = pytest.mark.anyio


async def test_an_iterable_is_passed_over_up_to_where_it_was_read(tmp_path: Path) -> None:
    async def stream() -> AsyncIterator[EventLike]:
        for item in events(1700):
            yield item

    seen = Seen(takes=1)
    async with aclosing(stream()) as flow:  # type: ignore[type-var]  # it is a generator
        await interrupted(flow, seen, tmp_path / "j", outcomes=1)
    seen.server.takes = 1_000_000
    report = await submit(stream(), seen, tmp_path / "j")
    assert report.accepted == 1700
    assert sorted(ids(seen.events)) == sorted(ids(events(1700)))


class Slow(Resumable[EventLike]):
    """A source that takes long to find out how far it was read: until the event loop has had a turn."""

    def locate(self, known: Sequence[ResumePoint]) -> ResumePoint:
        from_thread.run(checkpoint)
        return ResumePoint(name="slow")

    def open(self, point: ResumePoint) -> Iterator[EventLike]:
        return iter(events(3))

    def position(self, last: EventLike) -> Mapping[str, Any]:
        return {}


async def test_the_event_loop_goes_on_while_a_source_is_located(tmp_path: Path) -> None:
    """For 5,000 files it stood still for two seconds, and for ten if all had been rotated."""
    assert (await submit(Slow(), Seen(), tmp_path / "j")).accepted == 3
