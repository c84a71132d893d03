"""Cutting a source into numbered lines, faster than `bytes.split` and in bounded memory."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import NamedTuple, TypeAlias, overload

from attrs import define, field

from omnivery.errors import SourceError
from omnivery.events.event import UnreadableLine
from omnivery.readers._packing import PIECE, DamagedError

MAX_LINE = 1_000_000
"""The longest line that is read, in bytes. A longer one is skipped without being held in memory."""

Line: TypeAlias = bytes | None
"""A line without its line ending; None where it was longer than `MAX_LINE`."""

Block: TypeAlias = tuple[int, Sequence[Line]]
"""Lines that follow one another, and the number of the first. Line by line would take twice the time."""

TAIL = 4096
"""Bytes before a place that are remembered, to recognize it."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NO_CONTENT = re.compile(rb"^(?:\0|\xef\xbb\xbf)+", re.MULTILINE)
"""What may stand before a line and is none of it. Files that were joined have a byte order mark at each seam. A server
that holds a log open writes on at its old offset after the file was emptied, and leaves NULs before."""


PART = b"\v\v"
"""In place of a line that belongs to one before it: this very object, which no line of a source is."""


def too_long(number: int) -> UnreadableLine:
    """What becomes of a line longer than `MAX_LINE`."""
    return UnreadableLine(line=number, reason=f"longer than {MAX_LINE:,} bytes")


@define(eq=False)
class Cut(Sequence[bytes]):
    """Lines, and the text that they were cut out of."""

    text: bytes
    """Each line ends with a line feed."""
    ended: list[bytes] = field(init=False)
    """The lines with their line feeds. `bytes.split`, which removes them, takes four times as long."""

    def __attrs_post_init__(self) -> None:
        self.ended = BytesIO(self.text).readlines()

    def __len__(self) -> int:
        return len(self.ended)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        return [*self][index] if isinstance(index, slice) else self.ended[index][:-1]

    def __iter__(self) -> Iterator[bytes]:
        return iter([line[:-1] for line in self.ended])


class Start(NamedTuple):
    """Where a block starts."""

    line: int
    """The number of its first line."""
    offset: int
    """Bytes of the unpacked source before it."""
    tail: bytes
    """The last of these bytes."""
    lines: Sequence[Line]


@define(eq=False)
class Blocks:
    r"""Blocks one after the other, and where those start that were handed over last.

    Lines end with `\n` or `\r\n`, or with `\r` in a source that has no `\n`. The last one needs no ending. Byte order
    marks of UTF-8 and NULs at the start of a line are removed.
    """

    _data: Iterator[bytes]
    line: int = field(default=1, kw_only=True)
    """The number of the first line."""
    offset: int = field(default=0, kw_only=True)
    """Bytes of the unpacked source before it."""
    newline: bytes | None = field(default=None, kw_only=True)
    r"""What ends a line, `b"\n"` or `b"\r"`; None until it is known."""
    growing: bool = field(default=False, kw_only=True)
    """Whether the source may grow: a last line without an ending is then left, as it is still being written."""
    unfinished: int = field(init=False, default=0)
    """Bytes of a last line that was left."""
    is_line_unfinished: bool = field(init=False, default=False)
    """Whether they are more than NULs, by which a server has made room for lines to come."""
    tail: bytes = field(default=b"", kw_only=True)
    """The last of these bytes, at most `TAIL`."""
    _starts: deque[Start] = field(init=False, factory=deque[Start])
    """Where each block starts from which reading may yet resume."""
    _blocks: Iterator[Block] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._starts.append(Start(self.line, self.offset, self.tail, []))
        self._blocks = self._all()

    def __iter__(self) -> Iterator[Block]:
        """Iterate.

        Raises:
            SourceError: packed data is damaged or cut off; every whole line before that place has come out by then.
            OSError: the source cannot be read.
        """
        return self._blocks

    def start_of(self, line: int) -> Start:
        """Return where the block starts in which a line stands. To be asked for ascending lines only."""
        while len(self._starts) > 1 and self._starts[1].line <= line:
            self._starts.popleft()
        return self._starts[0]

    def _all(self) -> Iterator[Block]:
        next_line = self.line
        try:
            for offset, lines in self._cut():
                self._starts.append(Start(next_line, offset, self.tail, lines))
                yield next_line, lines
                next_line += len(lines)
        except DamagedError as error:
            where = f"nothing after line {next_line - 1}" if next_line > 1 else "no line"
            raise SourceError(f"{error}: {where} could be read") from error.__cause__

    def _cut(self) -> Iterator[tuple[int, Sequence[Line]]]:
        """The lines in blocks, each with its offset. While a block is handed over, `tail` is what stands before it."""
        rest, skipping, passed = b"", False, b""
        start = at = self.offset  # of the next line, and of what is in hand: not the same inside a line that is skipped
        for piece in self._data:
            text, rest = self._whole_lines(rest, piece)
            if text:
                yield start, self._split(text, skipping=skipping)
                self.tail = (self.tail + passed + text[-TAIL:])[-TAIL:]
                skipping, passed = False, b""
                start = at = at + len(text)
            if len(rest) > MAX_LINE and rest[0] == 0 and not skipping:
                # An emptied log can begin with as many NULs as it once had bytes.
                held, rest = len(rest), rest.lstrip(b"\0")
                at += held - len(rest)
                passed = (passed + bytes(min(TAIL, held - len(rest))))[-TAIL:]
            if len(rest) > MAX_LINE + len(b"\r"):
                at += len(rest)
                rest, skipping, passed = b"", True, (passed + rest[-TAIL:])[-TAIL:]
        if self.newline is None and b"\r" in rest:
            self.newline = b"\r"
        end = self._end_of_lines(rest, final=True) if self.growing else len(rest)
        if self.growing:
            self.unfinished = at + len(rest) - start - end
            self.is_line_unfinished = skipping or bool(rest[end:].strip(b"\0"))
        if end or (skipping and not self.growing):
            text = rest[:end]
            ended = self.newline is not None and text.endswith(self.newline)
            yield start, self._split(text if ended else text + b"\n", skipping=skipping)

    def _whole_lines(self, rest: bytes, piece: bytes) -> tuple[bytes, bytes]:
        """Return the whole lines of what is in hand, and what is left."""
        if self.newline == b"\n":
            # Without a copy of the whole piece.
            end = piece.rfind(b"\n") + 1
            return (b"".join((rest, memoryview(piece)[:end])), piece[end:]) if end else (b"", rest + piece)
        text = rest + piece
        end = self._end_of_lines(text)
        return text[:end], text[end:]

    def _end_of_lines(self, text: bytes, *, final: bool = False) -> int:
        """Where the last whole line in a text ends. It is final if nothing follows it for now."""
        if self.newline is None:
            if b"\n" in text:
                self.newline = b"\n"
            elif len(text) > PIECE and b"\r" in text:
                self.newline = b"\r"
            else:
                return 0
        if self.newline == b"\n":
            return text.rfind(b"\n") + 1
        # A carriage return at the very end may be half of an ending.
        return max(text.rfind(b"\n"), text.rfind(b"\r", 0, None if final else -1)) + 1

    def _split(self, text: bytes, *, skipping: bool) -> Sequence[Line]:
        # One byte is found a hundred times as fast as several, and most files have none of these.
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n")
            if self.newline == b"\r":
                text = text.replace(b"\r", b"\n")
        if b"\0" in text or (_BYTE_ORDER_MARK[:1] in text and _BYTE_ORDER_MARK in text):
            text = _NO_CONTENT.sub(b"", text)
        # Only the first line can be too long: the others lie within one piece, which is shorter than that.
        too_long = skipping or text.find(b"\n") > MAX_LINE
        lines = Cut(text)
        return [None, *lines[1:]] if too_long else lines
