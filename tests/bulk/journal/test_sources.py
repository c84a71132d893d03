"""Where a run with a journal goes on: files that grow, are copied, packed, rotated or cut; a caller's cursor."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from omnivery import readers
from omnivery.bulk.journal.reader import JournalReader
from omnivery.cli.input import events_of
from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, EventLike
from omnivery.readers._cursor import with_cursor
from omnivery.readers._file_events import FileEvents
from tests.support.bots import (
    Server,
    events,
    ids,
    sent,
)
from tests.support.journal import counts, journalled, submit

pytestmark = pytest.mark.anyio

LINE = '198.18.{}.{} - - [17/May/2015:10:05:03 +0000] "GET /{} HTTP/1.1" 200 5 "-" "agent {}"\n'


def log(count: int) -> bytes:
    """A log with blank lines, foreign lines, and Windows' line endings here and there."""
    lines = [LINE.format(n // 256 % 256, n % 256, n, "x" * (n % 50)) for n in range(count)]
    for n in range(0, count, 37):
        lines[n] = ("\n", "rubbish\n", lines[n].replace("\n", "\r\n"), "x" * 100 + "\n")[n % 4]
    return "".join(lines).encode()


def ndjson(count: int) -> bytes:
    return b"".join(b'{"ip":"::1","uas":"x","event_id":"e%d"}\n' % n for n in range(count))


class Seen:
    """A server that takes so many batches, and then hangs."""

    def __init__(self, takes: int = 1_000_000) -> None:
        self.server = Server(takes)
        self.events: list[dict[str, Any]] = []

    async def __call__(self, body: bytes) -> int:
        attempts = await self.server(body)
        self.events += sent(body)
        return attempts


async def interrupted(source: Any, seen: Seen, path: Path, *, outcomes: int) -> None:
    run = journalled(source, seen, path, concurrency=2)
    async with run:
        for _ in range(outcomes):
            await anext(run)


def resumable(opened: Any) -> Any:
    return with_cursor("rows", opened)


def by_cli(file: Path) -> Any:
    return events_of(str(file))


@pytest.mark.parametrize(
    ("read", "content"),
    [(readers.access_log, log), (readers.ndjson, ndjson), (by_cli, log), (by_cli, ndjson)],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
async def test_a_file_is_read_on_as_if_nothing_had_happened(
    tmp_path: Path, read: Callable[[Path], Any], content: Callable[[int], bytes], pack: Callable[[bytes], bytes]
) -> None:
    """Ids of a log hold the line's number: a place that is one line off makes every event another one."""
    file = tmp_path / "log"
    file.write_bytes(pack(content(5000)))
    expected = Seen()
    whole = await submit(read(file), expected, tmp_path / "whole")
    seen = Seen(takes=3)
    await interrupted(read(file), seen, tmp_path / "j", outcomes=3)
    seen.server.takes = 1_000_000
    report = await submit(read(file), seen, tmp_path / "j")
    assert sorted(seen.events, key=str) == sorted(expected.events, key=str)
    assert counts(report) == counts(whole)
    assert sorted(report.rejections, key=str) == sorted(whole.rejections, key=str)
    with JournalReader.open(tmp_path / "j") as view:
        [source] = view.state().sources
    assert source.position["offset"] > 0
    assert source.position["line"] + source.position["skip"] == 5001


@pytest.mark.parametrize("move", ["copy", "pack", "grow", "grow within a line"])
async def test_a_file_is_known_again(tmp_path: Path, move: str) -> None:
    file, later = tmp_path / "log", tmp_path / "later"
    data = ndjson(3000)
    file.write_bytes(data[:-1] if move == "grow within a line" else data)
    await submit(readers.ndjson(file), Seen(), tmp_path / "j")
    later.write_bytes(gzip.compress(ndjson(3100)) if move == "pack" else ndjson(3100))
    if move.startswith("grow"):
        file.write_bytes(later.read_bytes())
        later = file
    seen = Seen()
    report = await submit(readers.ndjson(later), seen, tmp_path / "j")
    assert ids(seen.events) == [f"e{n}" for n in range(3000, 3100)]
    assert report.accepted == 3100


async def test_a_long_line_and_a_byte_order_mark_do_not_move_the_place(tmp_path: Path) -> None:
    file = tmp_path / "log"
    first = b"\xef\xbb\xbf" + ndjson(500) + b"x" * 1_100_000 + b"\n"
    file.write_bytes(first)
    assert counts(await submit(readers.ndjson(file), Seen(), tmp_path / "j"))[:3] == (501, 500, 1)
    file.write_bytes(first + b'{"ip":"::1","uas":"x","event_id":"last"}\n')
    seen = Seen()
    report = await submit(readers.ndjson(file), seen, tmp_path / "j")
    assert ids(seen.events) == ["last"]
    assert counts(report)[:3] == (502, 501, 1)


@pytest.mark.parametrize("new", [log(300), ndjson(300)[200:], ndjson(50), b""])
async def test_a_file_that_was_rotated_or_cut_is_refused(tmp_path: Path, new: bytes) -> None:
    file = tmp_path / "log"
    file.write_bytes(ndjson(300))
    await submit(readers.ndjson(file), Seen(), tmp_path / "j")
    file.write_bytes(new)
    seen = Seen()
    with pytest.raises(ConfigError, match="replaced, rotated or cut short"):
        await submit(readers.ndjson(file), seen, tmp_path / "j")
    assert seen.events == []


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
async def test_a_file_that_was_cut_behind_its_beginning_is_refused(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "log"
    file.write_bytes(pack(ndjson(9000)))
    await submit(readers.ndjson(file), Seen(), tmp_path / "j")
    file.write_bytes(pack(ndjson(2000)))
    with pytest.raises(ConfigError, match="cut short"):
        await submit(readers.ndjson(file), Seen(), tmp_path / "j")


async def test_several_files_one_after_the_other(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(log(800))
    second.write_bytes(ndjson(700))
    expected = len([*readers.access_log(first)]) + 700
    for _ in range(2):
        await submit(readers.access_log(first), Seen(), tmp_path / "j")
        report = await submit(readers.ndjson(second), Seen(), tmp_path / "j")
        assert report.read == expected
    with JournalReader.open(tmp_path / "j") as view:
        accounts = view.totals()
    assert [accounts[str(file)].read for file in (first, second)] == [expected - 700, 700]


async def test_a_file_that_is_not_read_line_by_line_is_counted(tmp_path: Path) -> None:
    """In CSV the header is needed again: its events are read anew, and those that the journal has passed over."""
    file = tmp_path / "events.csv"
    rows = [b"203.0.113.7,x,e%d" % n for n in range(1200)]
    file.write_bytes(b"ip,uas,event_id\n" + b"\n".join(rows[:700]) + b"\n")
    await submit(by_cli(file), Seen(), tmp_path / "j")
    file.write_bytes(b"ip,uas,event_id\n" + b"\n".join(rows) + b"\n")
    seen = Seen()
    assert (await submit(by_cli(file), seen, tmp_path / "j")).accepted == 1200
    assert sorted(ids(seen.events)) == sorted(f"e{n}" for n in range(700, 1200))


def test_a_reader_s_file_is_still_an_iterator(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ndjson(3))
    found = readers.ndjson(tmp_path / "a")
    assert isinstance(found, FileEvents)
    assert [next(found).line, *(item.line for item in found)] == [1, 2, 3]
    assert "/" not in repr(found)


# The caller's own cursor


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
