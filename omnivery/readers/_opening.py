"""Opening a source: a path, standard input or an open file, unpacked where it is gzip."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from io import FileIO
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeAlias

from omnivery.errors import ConfigError


class BinaryFile(Protocol):
    """What a reader needs of an open file: nothing but `read`. It need not be able to seek."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, and none at the end."""
        ...


FileSource: TypeAlias = str | os.PathLike[str] | BinaryFile
"""Where events are read from: a path, `"-"` for standard input, or a file that is open in binary mode."""

PIECE = 64 * 1024
"""The most bytes handed on at once: measured as fastest; larger pieces leave the processor's cache."""

_GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1
_GZIP_WINDOW = 16 + zlib.MAX_WBITS  # zlib's way of saying: gzip header and trailer, check sum tested


def pieces(source: FileSource) -> Iterator[bytes]:
    """Open a source and return its content in pieces of at most `PIECE` bytes, as they arrive.

    Gzip is known by its first bytes, not by a name. What is opened here is closed at the end of the iterator, or
    when that is dropped; a caller's own file is left open. Nothing is read before the first piece is asked for.

    Raises:
        ConfigError: the source is neither a path nor a file in binary mode.
        OSError: it cannot be opened; or, later, it cannot be read.
        EOFError: later: the gzip data is cut off.
        zlib.error: later: the gzip data is damaged.
    """
    if source == "-":
        return _unpacked(_standard_input())
    if not isinstance(source, str | os.PathLike):
        return _unpacked(_binary(source))
    flow = _until_closed(source)
    # The first step opens the file, so that a missing one is known at the call. It also starts the generator: one
    # that never started would not run its clean-up when it is dropped.
    next(flow)
    return flow


def pieces_from(path: str | os.PathLike[str], offset: int) -> Iterator[bytes]:
    """The content of a regular file from a place on, counted in unpacked bytes. Gzip is read from its start for that.

    Raises:
        ConfigError: the file ends before that place.
        OSError: it cannot be opened; or, later, it cannot be read.
        EOFError: later: the gzip data is cut off.
        zlib.error: later: the gzip data is damaged.
    """
    flow = _until_closed(path, offset)
    next(flow)
    return flow


def _until_closed(path: str | os.PathLike[str], offset: int = 0) -> Iterator[bytes]:
    # Unbuffered: the pieces are large, and a named pipe then hands over each line as it comes.
    with Path(path).open("rb", buffering=0) as file:
        flow = _behind(file, offset) if offset else _unpacked(file)
        yield b""
        yield from flow


def _behind(file: FileIO, offset: int) -> Iterator[bytes]:
    """What follows a place in a file."""
    packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    size = file.seek(0, os.SEEK_END)
    file.seek(0 if packed else min(offset, size))
    left = offset if packed else max(0, offset - size)
    flow = _unpacked(file) if packed else iter(partial(file.read, PIECE), b"")
    while left:
        piece = next(flow, b"")
        if not piece:
            raise ConfigError(
                f"source: the file ends before byte {offset:,}, up to which it was read: it was cut short"
            )
        if left < len(piece):
            return chain((piece[left:],), flow)
        left -= len(piece)
    return flow


def _standard_input() -> BinaryFile:
    file: BinaryFile | None = getattr(sys.stdin, "buffer", None)
    if file is None:
        raise ConfigError("source '-': this process has no standard input to read bytes from")
    return file


def _binary(file: BinaryFile) -> BinaryFile:
    if not hasattr(file, "read"):
        raise ConfigError('source: a path, "-" for standard input, or a file open in binary mode is needed')
    if isinstance(file.read(0), str):
        raise ConfigError('source: the file is open in text mode; open it in binary mode ("rb")')
    return file


def _unpacked(file: BinaryFile) -> Iterator[bytes]:
    # read1() hands over what has arrived, where read() of a buffered pipe would wait for a full piece.
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    head = b""
    while len(head) < len(_GZIP_MAGIC) and (more := read(PIECE)):
        head += more
    flow = chain((head,), iter(partial(read, PIECE), b""))
    yield from _inflated(flow) if head.startswith(_GZIP_MAGIC) else flow


def _inflated(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack gzip, member after member.

    Unlike `gzip.GzipFile` this hands over all that stands before a damaged place: that class loses whatever it had
    unpacked of the block that failed.
    """
    member = zlib.decompressobj(_GZIP_WINDOW)
    for piece in packed:
        left = piece
        while left:
            if member.eof:
                # Some tools pad a file with zeros; anything else must be a further member.
                left = left.lstrip(b"\0")
                member = zlib.decompressobj(_GZIP_WINDOW) if left else member
                continue
            before = member.copy()
            try:
                data = member.decompress(left, PIECE)
            except zlib.error:
                yield _rescued(before.decompress, left)
                raise
            yield data
            left = member.unconsumed_tail or member.unused_data
    while data := member.decompress(b"", PIECE):
        yield data
    if not member.eof:
        raise EOFError("the gzip data ends before its end mark")


def _rescued(decompress: Callable[[bytes], bytes], packed: bytes) -> bytes:
    """Unpack byte by byte up to the damage: one call over all of it returns nothing when it fails."""
    rescued = bytearray()
    with suppress(zlib.error):  # the damage that brought us here: our caller raises it
        for at in range(len(packed)):
            rescued += decompress(packed[at : at + 1])
    return bytes(rescued)
