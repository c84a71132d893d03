"""Cutting a source into numbered lines, at the speed of `bytes.split` and in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from typing import TypeAlias

from omnivery.automations.event import UnreadableLine
from omnivery.readers.opening import Source, pieces

MAX_LINE = 1_000_000
"""The longest line that is read, in bytes. A longer one is skipped without being held in memory."""

Line: TypeAlias = bytes | None
"""A line without its line ending; None where it was longer than `MAX_LINE`."""

Block: TypeAlias = tuple[int, list[Line]]
"""Lines that follow one another, and the number of the first. Line by line would take twice the time."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def blocks(source: Source) -> Iterator[Block]:
    r"""Open a source and return its lines, numbered from 1.

    Lines end with `\n` or `\r\n`; the last one needs no ending. A UTF-8 byte order mark at the start is taken off.

    Raises:
        ConfigError: the source is neither a path nor a file in binary mode.
        OSError: it cannot be opened; or, later, it cannot be read. `gzip.BadGzipFile` where compressed data is
            damaged or cut off: every whole line before that place has come out by then.
    """
    return _blocks(pieces(source))


def too_long(number: int) -> UnreadableLine:
    """What becomes of a line longer than `MAX_LINE`."""
    return UnreadableLine(line=number, reason=f"longer than {MAX_LINE:,} bytes")


def _blocks(data: Iterator[bytes]) -> Iterator[Block]:
    first = 1
    try:
        for lines in _cut(data):
            if first == 1 and lines[0] is not None:
                lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
            yield first, lines
            first += len(lines)
    except (EOFError, zlib.error, BadGzipFile) as error:
        fault = "is cut off" if isinstance(error, EOFError) else "is damaged"
        where = f"nothing after line {first - 1}" if first > 1 else "no line"
        raise BadGzipFile(f"the gzip data {fault}: {where} could be read") from error


def _cut(data: Iterator[bytes]) -> Iterator[list[Line]]:
    rest, skipping = b"", False
    for piece in data:
        text = rest + piece
        end = text.rfind(b"\n") + 1
        rest = text[end:]
        if end:
            lines: list[Line] = [*text[:end].replace(b"\r\n", b"\n").split(b"\n")]
            lines.pop()
            # Only the first line can be too long: the others lie within one piece, which is shorter than that.
            yield _checked(lines, skipping=skipping)
            skipping = False
        if len(rest) > MAX_LINE + len(b"\r"):
            rest, skipping = b"", True
    if rest or skipping:
        yield _checked([rest], skipping=skipping)


def _checked(lines: list[Line], *, skipping: bool) -> list[Line]:
    if skipping or len(lines[0] or b"") > MAX_LINE:
        lines[0] = None
    return lines
