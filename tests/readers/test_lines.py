"""Cutting into lines: endings, numbers, and lines too long to hold."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers import access_log, ndjson, read
from omnivery.readers._charset import charset_of
from omnivery.readers._file_source import FileSource
from omnivery.readers._lines import MAX_LINE, TAIL, Blocks
from omnivery.readers._packing import PIECE, packing_of

TOO_LONG = "longer than 1,000,000 bytes"


def lines_of(content: bytes) -> list[EventLine | UnreadableLine]:
    """What `ndjson` makes of it: the reader that changes nothing."""
    return list(ndjson(io.BytesIO(content)))


def test_both_line_endings_end_a_line_and_the_last_needs_none() -> None:
    """Files come from Windows too, and from tools that leave out the last line break."""
    assert lines_of(b"a\r\nb\nc") == [
        EventLine(data=b"a", line=1),
        EventLine(data=b"b", line=2),
        EventLine(data=b"c", line=3),
    ]


def test_other_bytes_that_some_call_line_breaks_are_content() -> None:
    """`bytes.splitlines` would cut at these, and shift every line number behind them."""
    assert lines_of(b"a\x0bb\x0cc\x1cd\x85e\rf\xe2\x80\xa8g\n") == [
        EventLine(data=b"a\x0bb\x0cc\x1cd\x85e\rf\xe2\x80\xa8g", line=1)
    ]


def test_blank_lines_are_skipped_and_counted() -> None:
    """The number must be the one that an editor shows."""
    assert lines_of(b"\n \t \r\na\n\n\nb") == [EventLine(data=b"a", line=3), EventLine(data=b"b", line=6)]


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\0", b"\0" * 100_000, b"\0\xef\xbb\xbf"])
def test_what_stands_before_a_line_and_is_none_of_it_is_taken_off(before: bytes) -> None:
    """Windows editors write a byte order mark, `cat` leaves one at each seam, and a log that was emptied has NULs.

    JSON allows neither (RFC 8259, section 8.1), and the line is lost with it.
    """
    expected = [EventLine(data=b"{}", line=1), EventLine(data=b"[]", line=2)]
    assert lines_of(before + b"{}\n" + before + b"[]") == expected
    assert lines_of(before + b"{}\r\n" + before + b"[]\r\n" + before) == expected
    assert lines_of(before + b"{}\r" + before + b"[]\r") == expected
    assert lines_of(b'{"a":"\0\xef\xbb\xbf"}') == [EventLine(data=b'{"a":"\0\xef\xbb\xbf"}', line=1)]


@pytest.mark.parametrize("hole", [MAX_LINE, MAX_LINE + 1, 3 * MAX_LINE + 5, 50 * PIECE])
def test_a_hole_of_any_size_costs_no_line(hole: int) -> None:
    """A server that holds a log of gigabytes open while it is emptied leaves as many NULs before its next line."""
    before, behind = [b"a", b"b"], [b"c" * 5000, b"d", b"e" * MAX_LINE]
    content = b"\n".join([*before, b"\0" * hole + behind[0], *behind[1:]]) + b"\n"
    blocks = Blocks(iter([content[at : at + PIECE] for at in range(0, len(content), PIECE)]))
    for number, lines in blocks:
        start = blocks.start_of(number)
        assert content[start.offset :].lstrip(b"\0").split(b"\n", 1)[0] == lines[0]
        assert start.tail == content[max(0, start.offset - TAIL) : start.offset]
    assert [event.data for event in lines_of(content) if isinstance(event, EventLine)] == [*before, *behind]
    assert lines_of(b"\0" * hole + b"a\n" + b"\0" * hole) == [EventLine(data=b"a", line=1)]


def test_what_a_log_is_shows_behind_a_hole_that_is_not_held_in_memory() -> None:
    """Else each line of it is rejected, as in no format that is known."""

    class Emptied:
        """Sixty-four million NULs and three lines."""

        def __init__(self) -> None:
            self._hole = 64_000_000
            self._lines = b'198.51.100.7 - - [17/May/2026:10:05:03 +0000] "GET /c HTTP/1.1" 302 0 "-" "UA"\n' * 3

        def read(self, size: int, /) -> bytes:
            """Return a piece of it."""
            length = min(size, self._hole)
            self._hole -= length
            if length or not size:
                return bytes(length)
            found, self._lines = self._lines, b""
            return found

    tracemalloc.start()
    try:
        events = list(read(Emptied()))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert len(events) == 3
    assert not any(isinstance(event, UnreadableLine) for event in events)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_the_longest_line_is_read_and_a_longer_one_is_not(ending: bytes) -> None:
    """The bound is the same whatever the line ends with."""
    longest = b"x" * MAX_LINE
    assert lines_of(longest + ending + longest + b"x" + ending + b"a") == [
        EventLine(data=longest, line=1),
        UnreadableLine(line=2, reason=TOO_LONG),
        EventLine(data=b"a", line=3),
    ]


@pytest.mark.parametrize("reader", [ndjson, access_log, read])
def test_a_long_line_at_the_end_is_told_as_well(reader: Callable[[FileSource], Iterator[object]]) -> None:
    """It may end exactly where the part that is skipped ends: nothing is left over, and still it was there."""
    for length in (MAX_LINE + 1, MAX_LINE + 2, 16 * PIECE, 32 * PIECE):
        assert list(reader(io.BytesIO(b"x" * length))) == [UnreadableLine(line=1, reason=TOO_LONG)]


def test_a_line_without_end_is_not_held_in_memory() -> None:
    """A binary file read by mistake is one endless line."""

    class Endless:
        """Sixty-four million bytes without a line break."""

        def __init__(self) -> None:
            self._left = 64_000_000

        def read(self, size: int, /) -> bytes:
            """Return a piece of it."""
            length = min(size, self._left)
            self._left -= length
            return b"x" * length

    events = ndjson(Endless())
    tracemalloc.start()
    try:
        assert list(events) == [UnreadableLine(line=1, reason=TOO_LONG)]
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()


class Crumbs:
    """A file that reads in pieces of the sizes given, over and over."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self._content = io.BytesIO(content)
        self._sizes = sizes
        self._turn = 0

    def read(self, size: int, /) -> bytes:
        """Return a piece of the next size."""
        if size == 0:
            return b""
        self._turn += 1
        return self._content.read(self._sizes[self._turn % len(self._sizes)])


def test_the_longest_line_is_read_even_if_its_ending_comes_in_two_parts() -> None:
    """At a seam the carriage return looks like one byte too many, until the line feed arrives."""
    content = b"x" * MAX_LINE + b"\r\n"
    assert list(ndjson(Crumbs(content, [1, *[MAX_LINE // 4] * 4]))) == [EventLine(data=content[:-2], line=1)]


_lines = st.lists(
    st.binary(max_size=40)
    .map(lambda line: line.replace(b"\n", b"").rstrip(b"\r"))
    .filter(
        lambda line: (
            not line.startswith((b"\xef\xbb\xbf", b"\0")) and packing_of(line) is None and charset_of(line)[0] is None
        )
    )
)


@settings(deadline=None)  # a busy machine is no failure
@given(_lines, st.sampled_from([b"\n", b"\r\n"]), st.lists(st.integers(1, 50), min_size=1))
def test_any_lines_come_back_as_they_are_however_the_file_reads(
    lines: list[bytes], ending: bytes, sizes: list[int]
) -> None:
    """Nothing is lost, changed or misnumbered at the seams between two reads."""
    content = b"".join(line + ending for line in lines)
    expected = [EventLine(data=line, line=n) for n, line in enumerate(lines, 1) if line.strip()]
    assert list(ndjson(Crumbs(content, sizes))) == expected
