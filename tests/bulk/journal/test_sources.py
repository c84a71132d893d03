"""Where a run with a journal resumes an iterable. Files and cursors: `tests/readers`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from omnivery.events.event import EventLike
from tests.support.bots import (
    events,
    ids,
)
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
