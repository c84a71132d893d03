"""A source with a cursor of the caller's own: a run with a journal opens it where it was left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from omnivery import Automations, readers
from omnivery.emulator import Emulator
from omnivery.errors import BulkError, ConfigError
from omnivery.events.event import BotEvent, EventLike
from omnivery.readers._cursor import with_cursor
from tests.support.bots import WEBHOOK, ids
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


async def test_one_object_that_is_yielded_again_and_again_is_an_event_each_time(tmp_path: Path) -> None:
    """Loops over rows often fill one dict: the service got the last one as often as there were rows."""

    def reused(after: int | None) -> Iterator[tuple[int, EventLike]]:
        one: dict[str, Any] = {"ip": "::1", "uas": "x"}
        for number in range(after or 0, 3):
            one["event_id"] = f"e{number}"
            yield number + 1, one

    async def reused_later(after: int | None) -> AsyncIterator[tuple[int, EventLike]]:
        for row in reused(after):
            yield row

    for name, opened in (("a", reused), ("b", reused_later)):
        seen = Seen()
        await submit(resumable(opened), seen, tmp_path / name)
        assert ids(seen.events) == ["e0", "e1", "e2"]


async def test_an_asynchronous_source_is_closed_where_it_was_opened(tmp_path: Path) -> None:
    closed: list[bool] = []

    async def opened(after: int | None) -> AsyncIterator[tuple[int, EventLike]]:
        try:
            for row in rows(after):
                yield row
        finally:
            closed.append(True)

    await interrupted(resumable(opened), Seen(takes=2), tmp_path / "j", outcomes=2)
    assert closed == [True]


async def test_without_a_journal_it_is_read_from_its_start() -> None:
    asked: list[int | None] = []

    def opened(after: int | None) -> Iterator[tuple[int, EventLike]]:
        asked.append(after)
        return rows(3598)

    assert len(list(readers.with_cursor("rows", opened).stream())) == 2  # type: ignore[arg-type]  # it is an iterator
    assert asked == [None]


def test_a_thread_resumes_it_too(tmp_path: Path) -> None:
    asked: list[int | None] = []

    def opened(after: int | None) -> Iterator[tuple[int, EventLike]]:
        asked.append(after)
        for number, row in rows(after):
            yield number, row
            if number == 1000 and len(asked) == 1:
                raise OSError("the database went away")

    with Emulator(webhook_retry_delays=()) as emulator:
        settings: dict[str, Any] = {"base_url": emulator.automations_url, "domain": emulator.domain}
        with Automations(emulator.token, webhook_url=WEBHOOK, **settings) as client:
            source = with_cursor("rows", opened)
            with pytest.raises(BulkError):
                client.bots.submit(source, journal=tmp_path / "j")
            report = client.bots.submit(with_cursor("rows", opened), journal=tmp_path / "j")
        assert asked == [None, 1000]
        assert (report.read, report.accepted) == (3600, 3600)
        assert len({event["event_id"] for event in emulator.bot_events}) == len(emulator.bot_events) == 3600
