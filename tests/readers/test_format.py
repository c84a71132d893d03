"""What every reader of lines promises: each item says where it ends, so a journal can resume behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omnivery import readers
from omnivery.bulk.source import ResumePoint
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers._file_events import FileEvents, events_from
from omnivery.readers._format import EachLine, LineReader, Placed
from omnivery.readers._lines import Block


class Names(EachLine[BotEvent]):
    """Events that know nothing of lines. `#` begins a comment, and `=` names the campaign of what follows."""

    def item(self, line: bytes, number: int) -> BotEvent | UnreadableLine | None:
        if line.startswith(b"#"):
            return None
        if line.startswith(b"="):
            self.state = line[1:].decode()
            return None
        if line.startswith(b"?"):
            return UnreadableLine(line=number, reason="a question")
        return BotEvent(event_id=line.decode(), message_id=self.state)


class Pairs(LineReader[BotEvent]):
    """Two lines make an event, wherever a block ends."""

    def read(self, blocks: Iterable[Block]) -> Iterator[Placed[BotEvent]]:
        numbered = ((n, line or b"") for first, lines in blocks for n, line in enumerate(lines, first))
        for (_, one), (end, other) in zip(numbered, numbered, strict=False):
            yield Placed([BotEvent(event_id=f"{one.decode()}{other.decode()}")], [end])


def opened(
    path: Path, kind: type[LineReader[BotEvent]], at: ResumePoint
) -> tuple[FileEvents[BotEvent], Iterator[object]]:
    source: FileEvents[BotEvent] = events_from(path, kind)
    items = source.open(at)
    assert isinstance(items, Iterator)
    return source, items


CONTENT = b"=spring\na\n\n#\nb\n?\n=fall\n=winter\nc\nd\n" * 3 + b"last\n"
PAIRS = b"".join(b"%d\n" % n for n in range(60_000))


@pytest.mark.parametrize(
    ("kind", "content", "count"), [(Names, CONTENT, 16), (Pairs, PAIRS, 30_000)], ids=["each line", "pairs"]
)
def test_reading_resumes_behind_any_item(
    tmp_path: Path, kind: type[LineReader[BotEvent]], content: bytes, count: int
) -> None:
    """For any reader of lines, also if its events have no attribute `line`."""
    path = tmp_path / "source"
    path.write_bytes(content)
    start = ResumePoint(name="n")
    whole = list(opened(path, kind, start)[1])
    assert len(whole) == count
    for taken in (1, 2, 3, 6, 7, len(whole) // 2, len(whole) - 1, len(whole)):
        source, items = opened(path, kind, start)
        before = [next(items) for _ in range(taken)]
        after = list(opened(path, kind, ResumePoint(name="n", position=source.position(before[-1])))[1])  # type: ignore[arg-type]
        assert before + after == whole


def test_lines_without_an_item_are_counted(tmp_path: Path) -> None:
    reader = Names()
    [*placed] = reader.read([(1, [*CONTENT.split(b"\n")])])
    assert dict(reader.skipped) == {"blank": 4, "header": 12}
    assert sum(len(one.items) for one in placed) + 16 == len(CONTENT.split(b"\n"))


CLICK = {"event": "click", "ip": "192.0.2.1", "useragent": "x", "timestamp": 5, "email": "ann@example.com"}
CADDY = {"ts": 1_779_012_303, "request": {"remote_ip": "192.0.2.1", "uri": "/", "headers": {"User-Agent": ["x"]}}}
GROWING: dict[str, tuple[Any, str]] = {
    "payloads in lines": (
        lambda path: readers.events(path, provider="sendgrid"),
        "".join(json.dumps({**CLICK, "sg_event_id": str(n)}) + "\n" for n in range(4)),
    ),
    "pretty payloads": (
        lambda path: readers.events(path, provider="sendgrid"),
        "".join(json.dumps({**CLICK, "sg_event_id": str(n)}, indent=1) + "\n" for n in range(4)),
    ),
    "pretty events": (
        readers.read,
        "".join(json.dumps({"ip": "192.0.2.1", "uas": "x", "event_id": str(n)}, indent=1) + "\n" for n in range(4)),
    ),
    "a pretty log": (
        lambda path: readers.read(path, client_ip="peer"),
        "".join(json.dumps({**CADDY, "ts": n}, indent=1) + "\n" for n in range(4)),
    ),
    "an array": (
        lambda path: readers.read(path, client_ip="peer"),
        json.dumps([{**CADDY, "ts": n} for n in range(4)], indent=1) + "\n",
    ),
    "an export": (
        lambda path: readers.read(path, client_ip="peer"),
        json.dumps({"Records": [{**CADDY, "ts": n} for n in range(4)]}, indent=1) + "\n",
    ),
}


@pytest.mark.parametrize("name", GROWING)
@pytest.mark.parametrize("share", [0.4, 0.55, 0.7, 0.95])
def test_what_is_being_written_is_left_for_the_next_run_though_it_is_no_line(
    name: str, share: float, tmp_path: Path
) -> None:
    """Said to be cut off, it would be taken for read, and its event would be in no run."""
    read, content = GROWING[name]
    path = tmp_path / "file"
    path.write_text(content)
    whole = list(read(path))
    assert len(whole) == 4
    path.write_text(content[: int(share * len(content))])
    first = read(path)
    found = list(first.open(first.locate(())))
    assert found == whole[: len(found)]
    assert first.unfinished == 1
    place = first.position(found[-1])
    path.write_text(content)
    last = read(path)
    assert [*found, *last.open(last.locate([ResumePoint(name=last.name, position=place)]))] == whole
    assert last.unfinished == 0


def test_a_payload_that_needs_no_line_ending_is_not_left(tmp_path: Path) -> None:
    """JSON says itself where it ends."""
    path = tmp_path / "payload"
    path.write_text(json.dumps([CLICK, CLICK]))
    source: Any = readers.events(path, provider="sendgrid")
    assert len(list(source.open(source.locate(())))) == 2
    assert source.unfinished == 0
