"""Where a run with a journal resumes: a cursor of the caller's own, an iterable. Files: `tests/readers`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, EventLike
from omnivery.readers._cursor import with_cursor
from tests.support.bots import (
    events,
    ids,
)
from tests.support.journal import Seen, counts, interrupted, submit

pytestmark = pytest.mark.anyio


def resumable(opened: Any) -> Any:
    return with_cursor("rows", opened)


def rows(after: int | None) -> Iterator[tuple[int, EventLike]]:
    for number in range(after or 0, 3600):
        yield number + 1, BotEvent(ip="::1", uas="x", event_id=f"e{number}")


async def rows_later(after: int | None) -> AsyncIterator[tuple[int, EventLike]]:
    for row in rows(after):
        yield row


@pytest.mark.parametrize("opened", [rows, rows_later])
async def test_a_caller_s_cursor_is_where_the_source_is_opened(tmp_path: Path, opened: Any) -> None:
    asked: list[int | None] = []

    def open_at(after: int | None) -> Any:
        asked.append(after)
        return opened(after)

    seen = Seen(takes=2)
    await interrupted(resumable(open_at), seen, tmp_path / "j", outcomes=2)
    seen.server.takes = 1_000_000
    report = await submit(resumable(open_at), seen, tmp_path / "j")
    assert counts(report)[:4] == (3600, 3600, 0, 0)
    assert sorted(ids(seen.events)) == sorted(f"e{n}" for n in range(3600))
    assert asked[0] is None
    assert isinstance(asked[1], int)
    assert asked[1] >= 1000
    assert asked[1] % 500 == 0


async def test_a_cursor_needs_a_name() -> None:
    with pytest.raises(ConfigError, match="name"):
        with_cursor("", rows)


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
