"""Unpacking: gzip, bzip2, xz and zstd, known by their first bytes and read in bounded memory."""

from __future__ import annotations

import bz2
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from itertools import chain
from typing import Any, Protocol

from attrs import define, field

from omnivery._sqlite.own_files import JOURNAL_ID, NAMES, STORE_ID, id_in
from omnivery.errors import ConfigError, SourceError

PIECE = 128 * 1024
"""The most bytes handed on at once: measured as fastest; larger pieces leave the processor's cache."""


class DamagedError(SourceError):
    """Data ends too early, or is not what it should be. The caller that counts lines says after which one."""

    lost_from: int | None = None
    """Where the packed bytes begin that failed together: unpacked one by one, they yield what is before the damage."""


_LAYERS = 4
"""How often packed data may be packed again."""


def unpacked(pieces: Iterator[bytes], *, layers: int = _LAYERS, careful_from: int | None = None) -> Iterator[bytes]:
    """Return what is inside packed data, in pieces of at most `PIECE` bytes; other data as they are.

    Args:
        pieces: the data.
        layers: how often it may be packed.
        careful_from: from which byte on the data is unpacked byte by byte: the `lost_from` of an error, to have what
            stands before the damage.

    Raises:
        SourceError: while iterating: the data is damaged or cut off, or are of a kind that has to be unpacked first.
            What stands before that place has come out by then.
        ConfigError: while iterating: the data is zstd, and the package for it is not installed.
    """
    head, rest = start_of(pieces, _may_be_magic)
    data = chain((head,), rest) if head else rest
    name = packing_of(head)
    if name is None:
        yield from data
    elif name not in _DECOMPRESSORS:
        raise SourceError(f"this is {name}: {_ADVICE.get(name, 'unpack it first')}")
    elif not layers:
        raise SourceError(f"the data is packed more than {_LAYERS} times over")
    else:
        is_outer = layers == _LAYERS
        yield from unpacked(_decompressed(data, name, careful_from, tells_place=is_outer), layers=layers - 1)


def start_of(pieces: Iterator[bytes], undecided: Callable[[bytes], bool]) -> tuple[bytes, Iterator[bytes]]:
    """Read until enough is there to decide something, and return that and what follows."""
    head = b""
    for piece in pieces:
        head += piece
        if head and not undecided(head):
            break
    return head, pieces


def packing_of(head: bytes) -> str | None:
    """Return how data are packed, by their first bytes; None if they are not."""
    found = NAMES.get(id_in(head)) or next((name for magic, name in _MAGIC if head.startswith(magic)), None)
    return found or next((name for pattern, name in _PATTERNS if pattern.match(head)), None)


# Supported ones have the name of their program; the others are named in words.
_MAGIC = (
    (b"\x1f\x8b", "gzip"),  # RFC 1952, section 2.3.1
    *((b"BZh%d" % level, "bzip2") for level in range(1, 10)),
    (b"\xfd7zXZ\x00", "xz"),  # https://tukaani.org/xz/xz-file-format.txt, section 2.1.1.1
    (b"\x28\xb5\x2f\xfd", "zstd"),  # RFC 8878, section 3.1.1
    *((bytes([code]) + b"\x2a\x4d\x18", "zstd") for code in range(0x50, 0x60)),  # section 3.1.2: a skippable frame
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PK\x07\x08", "a zip archive in parts"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x04\x22\x4d\x18", "packed by lz4"),
    (b"\x1f\x9d", "packed by compress"),
    (b"\x1f\xa0", "packed by compress"),
    (b"\x89LZO\x00", "packed by lzop"),
    (b"LZIP\x01", "packed by lzip"),
    (b"\xff\x06\x00\x00sNaPpY", "packed by snappy"),
    (b"\x5d\x00\x00", "packed by lzma"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"Obj\x01", "an Avro file"),
    (b"ARROW1\x00\x00", "an Arrow file"),
    (b"FEA1\x00\x00", "a Feather file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"PGDMP\x01", "a dump of PostgreSQL"),
    (b"%PDF-", "a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"\x7fELF", "a program"),
    (b"\x89PNG\r\n", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF87a", "a picture"),
    (b"GIF89a", "a picture"),
    (b"LfLe", "a systemd journal fragment"),
    (b"LPKSHHRH", "a systemd journal"),
)
_PATTERNS = (
    (re.compile(rb"ORC[^\0-\x08]{0,12}[\0-\x08]", re.DOTALL), "an ORC file"),  # of a text it would be the first word
    (re.compile(rb".{8}DUCK.\0", re.DOTALL), "a DuckDB database"),
    (re.compile(rb".{257}ustar", re.DOTALL), "a tar archive"),
)
_NO_EVENTS = "it holds no events: leave it out"
_EXPORT = "export its rows as CSV or NDJSON first"
_ADVICE = {
    NAMES[JOURNAL_ID]: (
        "name the file that is to be read, and this one as its journal; `omnivery bots retry` sends what it holds and "
        "is not delivered"
    ),
    NAMES[STORE_ID]: "`omnivery bots results` exports what it holds",
    **dict.fromkeys(("an SQLite database", "a DuckDB database", "a dump of PostgreSQL"), _EXPORT),
    **dict.fromkeys(("an Avro file", "an Arrow file", "a Feather file", "an HDF5 file", "an ORC file"), _EXPORT),
    "an old Office document": _EXPORT,
    "a zip archive or an Excel workbook": "unpack it first, or save the workbook as CSV",
    "a PDF document": _NO_EVENTS,
    "a program": _NO_EVENTS,
    "a picture": _NO_EVENTS,
    "a systemd journal fragment": "pipe `journalctl -o cat` in",
    "a systemd journal": "pipe `journalctl -o cat` in",
}
"""What to do with a file that unpacking does not help."""


def _may_be_magic(head: bytes) -> bool:
    return any(magic.startswith(head) and magic != head for magic, _ in _MAGIC)


class _Decompressor(Protocol):
    """What `bz2`, `lzma` and `compression.zstd` have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /, max_length: int = -1) -> bytes: ...


@define(eq=False)
class _Gzip:
    """zlib in the shape of the others.

    Unlike `gzip.GzipFile` it hands over all that stands before a damaged place: that class loses whatever it had
    unpacked of the block that failed.
    """

    _member: Any = field(init=False, factory=lambda: zlib.decompressobj(16 + zlib.MAX_WBITS))  # 16: a gzip header
    _held_back: bool = field(init=False, default=False)
    """Whether `max_length` may have kept something back, which zlib does not say."""
    rescued: bytes = field(init=False, default=b"")
    """What was unpacked of the data for which `decompress` raised."""

    @property
    def eof(self) -> bool:
        return bool(self._member.eof)

    @property
    def needs_input(self) -> bool:
        return not (self._held_back or self.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._member.unused_data)

    def decompress(self, data: bytes, /, max_length: int = -1) -> bytes:
        before, packed = self._member.copy(), self._member.unconsumed_tail + data
        try:
            unpacked: bytes = self._member.decompress(packed, max_length)
        except zlib.error:
            # Byte by byte up to the damage: one call over all of it returns nothing when it fails.
            rescued = bytearray()
            with suppress(zlib.error):
                for at in range(len(packed)):
                    rescued += before.decompress(packed[at : at + 1])
            self.rescued = bytes(rescued)
            raise
        self._held_back = len(unpacked) == max_length
        return unpacked


def _zstd() -> _Decompressor:
    module = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        found: _Decompressor = import_module(module).ZstdDecompressor()
    except ImportError as error:
        raise ConfigError("source: it is packed by zstd: pip install 'omnivery[zstd]', or unpack it first") from error
    return found


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "gzip": _Gzip,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
    "zstd": _zstd,
}


def _decompressed(
    packed: Iterator[bytes], name: str, careful_from: int | None, *, tells_place: bool
) -> Iterator[bytes]:
    """Unpack one stream after the other: `cat a.gz b.gz > c.gz` is good gzip, and so with the others."""
    make = _DECOMPRESSORS[name]
    stream, begun, taken = make(), False, 0
    for piece in packed if careful_from is None else _crumbled(packed, careful_from):
        left = piece
        while left or not (stream.needs_input or stream.eof):
            if stream.eof:
                # Some tools pad a file with zeros; anything else must be a further stream.
                left = left.lstrip(b"\0")
                stream, begun = make(), False
                continue
            begun = True
            try:
                yield from _step(stream, left, name)
            except DamagedError as error:
                # xz and bzip2 notice damage late: what they would unpack right before it may be wrong.
                if tells_place and careful_from is None and name == "zstd":
                    error.lost_from = taken
                raise
            left = stream.unused_data
        taken += len(piece)
    # What is held back by `max_length` of the last piece has come out above.
    if begun and not stream.eof:
        raise DamagedError(f"the {name} data is cut off")


def _crumbled(pieces: Iterator[bytes], start: int) -> Iterator[bytes]:
    for piece in pieces:
        whole = min(len(piece), max(0, start))
        if whole:
            yield piece[:whole]
        start -= len(piece)
        yield from (piece[at : at + 1] for at in range(whole, len(piece)))


def _step(stream: _Decompressor, packed: bytes, name: str) -> Iterator[bytes]:
    try:
        data = stream.decompress(packed, PIECE)
    except Exception as error:
        # Each library has an error of its own for damage: zlib.error, OSError, LZMAError, ZstdError.
        if rescued := getattr(stream, "rescued", b""):
            yield rescued
        raise DamagedError(f"the {name} data is damaged") from error
    if data:
        yield data
