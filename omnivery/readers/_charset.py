"""Text in UTF-16 or UTF-32, as PowerShell and Excel write it, becomes UTF-8 before lines are cut."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from itertools import chain

from omnivery.readers._packing import start_of

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before the mark of UTF-16, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_EVIDENCE = 16
"""Bytes that have to look like UTF-16 where no mark says so."""


def in_utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return text in UTF-8, if it is in UTF-16 or UTF-32; other data as they are.

    What is no character in these becomes U+FFFD, but for a part of one at the end, which is left out.
    """
    head, rest = start_of(pieces, _is_undecided)
    charset, mark = charset_of(head)
    data = chain((head[len(mark) :],), rest)
    return data if charset is None else _encoded(data, codecs.getincrementaldecoder(charset)("replace"))


def charset_of(head: bytes) -> tuple[str | None, bytes]:
    """Return in which of these a text is, and the mark that says so; None if it is in none of them."""
    for mark, charset in _MARKS:
        if head.startswith(mark):
            return charset, mark
    if len(head) >= _EVIDENCE:
        # Every second byte of western text is zero, and none of the others is.
        even, odd = head[:_EVIDENCE:2], head[1:_EVIDENCE:2]
        if not any(odd) and all(even):
            return "utf-16-le", b""
        if not any(even) and all(odd):
            return "utf-16-be", b""
    return None, b""


def _is_undecided(head: bytes) -> bool:
    if any(mark.startswith(head) and mark != head for mark, _ in _MARKS):
        return True
    looks_so = len(head) == 1 or (head[0] == 0) != (head[1] == 0)
    return looks_so and len(head) < _EVIDENCE


def _encoded(data: Iterator[bytes], decoder: codecs.IncrementalDecoder) -> Iterator[bytes]:
    for piece in data:
        yield decoder.decode(piece).encode()
    # Half a character at the very end is none yet: where the text grows, the other half comes.
