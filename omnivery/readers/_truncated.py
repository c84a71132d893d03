"""What logrotate's `copytruncate` leaves of a file that is followed: the copy in which its last lines are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from attrs import define, field

from omnivery.errors import SourceError
from omnivery.readers._identity import beyond, split_at
from omnivery.readers._local_file import LocalFile
from omnivery.readers._packing import unpacked
from omnivery.readers._rotation import rotated

_KNOWN = 4_096
"""Bytes at a file's beginning by which its copy is told."""
_MOST = 8
"""Files that were rotated last, among which the copy is looked for."""


@define(eq=False)
class Truncated:
    """Remembers how a file begins, while that is there, and finds its copy once it was emptied."""

    _head: bytes = field(init=False, default=b"")
    _last: bytes = field(init=False, default=b"")
    """The piece that was read last."""

    def look_at(self, file: Any, piece: bytes = b"") -> None:
        """Remember how an open file begins, and a piece that was read of it."""
        self._last = piece or self._last
        if len(self._head) < _KNOWN:
            place = file.tell()
            file.seek(0)
            self._head = file.read(_KNOWN)
            file.seek(place)

    def rest(self, live: LocalFile, end: int) -> Iterator[bytes] | None:
        """Return what the copy holds beyond the bytes that were read before the file was emptied; None without one."""
        if not self._head:
            return None
        latest = islice(reversed(rotated(live)), _MOST)
        return next((_pieces(copy, end) for copy in latest if self._is_copied(copy, end)), None)

    def _is_copied(self, copy: LocalFile, end: int) -> bool:
        head, last = self._head[:end], self._last
        try:
            start, _ = split_at(_pieces(copy, 0), len(head))
            return start == head and split_at(_pieces(copy, end - len(last)), len(last))[0] == last
        except (OSError, SourceError):
            return False


def _pieces(copy: LocalFile, start: int) -> Iterator[bytes]:
    """What is in a file from a place on, packed or not."""
    with copy.open() as file:
        yield from beyond(unpacked(copy.pieces(file)), start, copy)
