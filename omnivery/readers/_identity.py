"""Recognizing a file by its content: under another name, packed, grown; and telling one that only begins alike."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from itertools import chain
from typing import Any

from omnivery.errors import SourceError
from omnivery.readers._charset import charset_of, in_utf8
from omnivery.readers._lines import TAIL, Blocks
from omnivery.readers._origin import Origin
from omnivery.readers._packing import DamagedError, packing_of, unpacked
from omnivery.readers._place import Place, digest, start_digest

FINGERPRINT = 64 * 1024
"""Bytes at a file's beginning by which it is recognized, unpacked: a packed copy has the same."""


def content(origin: Origin, offset: int = 0) -> Iterator[bytes]:
    """Return what is in a file from a place on, unpacked and in UTF-8; a plain file is not read from its start for it.

    The file is opened with the first step, and closed at the end or when the iterator is dropped.

    Raises:
        OSError: while iterating: it cannot be opened or read.
        SourceError: while iterating: packed data is damaged or cut off, or the file ends before that place.
    """
    file, origin.taken = origin.open(), 0
    origin.modified = modified(file)
    try:
        if offset and is_plain(file):
            end = file.seek(0, 2)
            if end < offset:
                raise cut_short(origin, offset)
            file.seek(offset)
            origin.taken = offset
            yield from origin.pieces(file)
        else:
            yield from beyond(in_utf8(_unpacked(origin, file)), offset, origin)
    finally:
        origin.close(file)


def modified(file: Any) -> int:
    """Return when an open file was written to last, in nanoseconds; 0 if nobody knows."""
    try:
        return os.fstat(file.fileno()).st_mtime_ns
    except (AttributeError, OSError, ValueError):
        return 0


def _unpacked(origin: Origin, file: Any) -> Iterator[bytes]:
    """What is in a file, up to the very place where it is damaged."""
    done = 0
    try:
        for piece in unpacked(origin.pieces(file)):
            done += len(piece)
            yield piece
    except DamagedError as error:
        if error.lost_from is None or not origin.again:
            raise
        file.seek(0)
        origin.taken = 0
        yield from beyond(unpacked(origin.pieces(file), careful_from=error.lost_from), done, origin)


def is_plain(file: Any) -> bool:
    """Whether what is in an open file can be read from any place: it is neither packed nor in UTF-16."""
    file.seek(0)
    head = file.read(512)
    file.seek(0)
    return packing_of(head) is None and charset_of(head)[0] is None


def split_at(pieces: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, at most so many, and what follows."""
    found = b""
    for piece in pieces:
        found += piece
        if len(found) >= size:
            break
    return found[:size], chain((found[size:],), pieces) if found[size:] else pieces


def beyond(pieces: Iterator[bytes], offset: int, origin: Origin) -> Iterator[bytes]:
    """Return what follows after so many bytes.

    Raises:
        SourceError: while iterating: there are not so many.
    """
    left = offset
    while left:
        piece = next(pieces, None)
        if piece is None:
            raise cut_short(origin, offset)
        if left < len(piece):
            pieces = chain((piece[left:],), pieces)
            break
        left -= len(piece)
    yield from pieces


class CutShortError(SourceError):
    """A file ends before the place up to which it was read."""


def cut_short(origin: Origin, offset: int) -> CutShortError:
    """Return the error for a file that ends before a place."""
    return CutShortError(
        f"{origin.name} ends before byte {offset:,}, up to which it was read: it was cut short. If it is another file "
        "now, submit it with a new journal. Nothing of it was sent."
    )


def head_of(origin: Origin) -> bytes:
    """Return the beginning of a file's content; what stands before the damage where it is damaged."""
    return _start(content(origin), FINGERPRINT)


def recognizable(head: bytes) -> bytes:
    """Return what of a file's beginning stays as it is: a server may make room by NULs, and write over them."""
    return head.rstrip(b"\0") or head


def _start(pieces: Iterator[bytes], size: int) -> bytes:
    found = bytearray()
    # The reader that goes on is told of the damage.
    with closing(pieces), suppress(SourceError):  # type: ignore[type-var]  # it is a generator
        for piece in pieces:
            found += piece
            if len(found) >= size:
                break
    return bytes(found[:size])


def is_sound(origin: Origin) -> bool:
    """Whether a file's beginning can be read, so that it is known by that.

    Raises:
        OSError: it cannot be read.
    """
    left = FINGERPRINT
    try:
        with closing(content(origin)) as pieces:  # type: ignore[type-var]  # it is a generator
            for piece in pieces:
                if (left := left - len(piece)) <= 0:
                    break
    except SourceError:
        return False
    return True


def start_of_file(origin: Origin) -> Place | None:
    """Return the place at the start of a file; None if it is empty, or cannot be read."""
    try:
        head = recognizable(head_of(origin))
    except OSError:
        return None
    if not head:
        return None
    return Place(
        head_bytes=len(head),
        head=digest(head),
        start=start_digest(head),
        path=origin.real_path,
        modified=origin.modified,
    )


def matching(origin: Origin, places: Iterable[Place]) -> Place | None:
    """Return the furthest of these places that is one in this file; None if it is none of those files.

    Raises:
        OSError: the file cannot be read.
    """
    head = head_of(origin)
    found = [place for place in places if place.begins(head) and _goes_on(origin, place)]
    return max(found, key=lambda place: place.rank, default=None)


def _goes_on(origin: Origin, place: Place) -> bool:
    """Whether a file that begins alike is the same up to the place, as far as can be told without reading all of it."""
    if place.tail and digest(_before(origin, place)) != place.tail:
        return False
    return not place.last or place.ends_with(_last_line(origin, place))


def is_cut_short(origin: Origin, place: Place) -> bool:
    """Whether a file begins as the one that was read, and ends before the place.

    Raises:
        OSError: it cannot be read.
    """
    if not place.begins(head_of(origin)):
        return False
    return len(_before(origin, place)) < min(TAIL, place.offset) or not _last_line(origin, place)


def _before(origin: Origin, place: Place) -> bytes:
    """What stands right before a place; less, if the file ends before it."""
    length = min(TAIL, place.offset)
    return _start(content(origin, place.offset - length), length)


def _last_line(origin: Origin, place: Place) -> bytes:
    """The last line that was read; nothing, if the file ends before it or is damaged."""
    with suppress(SourceError):
        return _line_before(origin, place)
    return b""


def _line_before(origin: Origin, place: Place) -> bytes:
    newline = place.newline.encode() if place.newline else None
    left = place.skip
    with closing(content(origin, place.offset)) as pieces:  # type: ignore[type-var]  # it is a generator
        for _, lines in Blocks(pieces, line=place.line, offset=place.offset, newline=newline):
            if left <= len(lines):
                return lines[left - 1] or b""
            left -= len(lines)
    return b""


def breaking_off(origin: Origin, places: Iterable[Place]) -> Place | None:
    """Return the furthest of these places, if a file that begins alike is damaged or cut off before it.

    It may be the same file, which is being packed at this moment.

    Raises:
        OSError: the file cannot be read.
    """
    found = [place for place in places if place.head_bytes >= FINGERPRINT and _breaks_off(origin, place)]
    return max(found, key=lambda place: place.rank, default=None)


def _breaks_off(origin: Origin, place: Place) -> bool:
    try:
        _line_before(origin, place)
    except CutShortError:
        return False
    except SourceError:
        return True
    return False
