"""What every reader of lines promises: each item says where it ends, so a journal can resume behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

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
