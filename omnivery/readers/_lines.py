"""Cutting a source into numbered lines, at the speed of `bytes.split` and in bounded memory."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from gzip import BadGzipFile
from typing import TypeAlias

from attrs import define, field

from omnivery.events.event import UnreadableLine
from omnivery.readers._opening import FileSource, pieces

MAX_LINE = 1_000_000
"""The longest line that is read, in bytes. A longer one is skipped without being held in memory."""

Line: TypeAlias = bytes | None
"""A line without its line ending; None where it was longer than `MAX_LINE`."""

Block: TypeAlias = tuple[int, list[Line]]
"""Lines that follow one another, and the number of the first. Line by line would take twice the time."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def blocks(source: FileSource) -> Iterator[Block]:
    r"""Open a source and return its lines, numbered from 1.

    Lines end with `\n` or `\r\n`; the last one needs no ending. A UTF-8 byte order mark at the start is taken off.

    Raises:
        ConfigError: the source is neither a path nor a file in binary mode.
        OSError: it cannot be opened; or, later, it cannot be read. `gzip.BadGzipFile` where compressed data is
            damaged or cut off: every whole line before that place has come out by then.
    """
    return iter(Blocks(pieces(source)))


def too_long(number: int) -> UnreadableLine:
    """What becomes of a line longer than `MAX_LINE`."""
    return UnreadableLine(line=number, reason=f"longer than {MAX_LINE:,} bytes")


@define(eq=False)
class Blocks:
    """Blocks one after the other, and where those begin that were handed over last."""

    _data: Iterator[bytes]
    first: int = 1
    """The number of the first line."""
    offset: int = 0
    """Bytes of the unpacked source before it."""
    _starts: deque[tuple[int, int]] = field(init=False, factory=deque[tuple[int, int]])
    """Number of the first line and offset of each block from which reading may yet resume."""
    _blocks: Iterator[Block] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._blocks = self._all()

    def __iter__(self) -> Iterator[Block]:
        return self._blocks

    def start_of(self, line: int) -> tuple[int, int]:
        """Return the number of the first line and the offset of the block in which a line stands, or behind which.

        To be asked for ascending lines only.
        """
        while len(self._starts) > 1 and self._starts[1][0] <= line:
            self._starts.popleft()
        return self._starts[0]

    def _all(self) -> Iterator[Block]:
        next_line, start = self.first, self.offset
        self._starts.append((next_line, start))
        try:
            for offset, lines in _cut(self._data):
                if next_line == 1 and lines[0] is not None:
                    lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
                self._starts.append((next_line, start + offset))
                yield next_line, lines
                next_line += len(lines)
        except (EOFError, zlib.error, BadGzipFile) as error:
            fault = "is cut off" if isinstance(error, EOFError) else "is damaged"
            where = f"nothing after line {next_line - 1}" if next_line > 1 else "no line"
            raise BadGzipFile(f"the gzip data {fault}: {where} could be read") from error


def _cut(data: Iterator[bytes]) -> Iterator[tuple[int, list[Line]]]:
    """The lines of the data in blocks, each with its place."""
    rest, skipping = b"", False
    start = at = 0  # where the next line begins, and where what is in hand does: not the same inside a skipped line
    for piece in data:
        text = rest + piece
        end = text.rfind(b"\n") + 1
        rest = text[end:]
        if end:
            lines: list[Line] = [*text[:end].replace(b"\r\n", b"\n").split(b"\n")]
            lines.pop()
            # Only the first line can be too long: the others lie within one piece, which is shorter than that.
            yield start, _checked(lines, skipping=skipping)
            skipping = False
            start = at = at + end
        if len(rest) > MAX_LINE + len(b"\r"):
            at += len(rest)
            rest, skipping = b"", True
    if rest or skipping:
        yield start, _checked([rest], skipping=skipping)


def _checked(lines: list[Line], *, skipping: bool) -> list[Line]:
    if skipping or len(lines[0] or b"") > MAX_LINE:
        lines[0] = None
    return lines
