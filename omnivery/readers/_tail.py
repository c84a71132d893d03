"""A file that is followed as `tail -F` does: through growth, rotation, truncation and absence."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from attrs import define, field

from omnivery.errors import SourceError
from omnivery.readers._identity import FINGERPRINT, modified
from omnivery.readers._local_file import LocalFile, is_cut
from omnivery.readers._origin import FileIdentity, Origin
from omnivery.readers._packing import PIECE
from omnivery.readers._rotation import Ended, written_after
from omnivery.readers._stop import Stop, Stopped
from omnivery.readers._truncated import Truncated

INTERVAL = 0.25
"""Seconds between two looks at a file in which nothing is new."""
PATIENCE = 10.0
"""Seconds for which a file that took another one's place may be unreadable: its owner and mode may yet be set."""


@define(kw_only=True, eq=False)
class FollowedFile(LocalFile):
    """A file whose end is where another one takes its place: it was renamed, emptied, or a link leads elsewhere."""

    stop: Stop = field()  # pyright: ignore[reportIncompatibleVariableOverride]  # set once
    truncated: bool = field(init=False, default=False)
    """Whether it ended by being emptied, and has no copy: what was written just before may be lost."""
    _known: Truncated = field(init=False, factory=Truncated)
    """Finds the copy of the file that is open."""
    _rest: Iterator[bytes] | None = field(init=False, default=None)
    """What is left of it there, once it was emptied."""
    _ended: Ended | None = field(init=False, default=None)
    """The file that was read last, if another one took its place."""

    @property
    def again(self) -> bool:
        """It can be opened once more."""
        return True

    @property
    def waits(self) -> bool:
        """A read waits until a program writes to it."""
        return True

    @property
    def size(self) -> None:
        """It has no end."""
        return None

    def open(self) -> Any:
        """Open it, and wait for it while it does not exist. Files that lay there meanwhile come first, one by one.

        Raises:
            OSError: it cannot be read, and was not readable later either if it took another one's place.
            Stopped: the wait was ended.
        """
        until = monotonic() + (PATIENCE if self._ended else 0)
        while True:
            try:
                if (file := self._open_next()) is not None:
                    self._known, self._rest = Truncated(), None
                    self._known.look_at(file)
                    return file
            except FileNotFoundError:
                pass
            except OSError:
                if monotonic() >= until:
                    raise
            if self.stop.wait(INTERVAL):
                raise Stopped

    def _open_next(self) -> Any:
        """Open the file that comes next; None if it is being renamed."""
        following = written_after(self._ended, self) if self._ended else None
        file = (following or self).path.open("rb", buffering=0)
        if following is None or following.identity == _identity(file):
            return file
        file.close()
        return None

    def as_it_is(self) -> Origin:
        """Return the file to be read up to its present end."""
        return LocalFile(name=self.name, key=self.key, path=self.path, explicit=self.explicit)

    def _next_piece(self, file: Any, read: Callable[[int], bytes]) -> bytes:
        if self._rest is not None:
            return self._next_of_copy(self._rest)
        replaced = False
        while True:
            # A server writes to the renamed file until it is told to open its log anew: so that is looked for twice.
            replaced, before = self._is_replaced(file), replaced
            if piece := read(PIECE):
                self._known.look_at(file, piece)
                return piece
            if is_cut(file):
                self._ended, self._rest = None, self._known.rest(self, file.tell())
                self.truncated = self._rest is None
                return self._next_of_copy(self._rest or iter(()))
            if replaced and before:
                self._ended, self.truncated = _ended(file), False
                return b""
            if self.stop.wait(INTERVAL):
                return self._stopped()

    def _next_of_copy(self, rest: Iterator[bytes]) -> bytes:
        try:
            return next(rest, b"")
        except (OSError, SourceError):  # it is being packed, or was removed
            self.truncated = True
            return b""

    def _is_replaced(self, file: Any) -> bool:
        """Whether another file is written to in its place. An empty one may wait for its writer for long."""
        try:
            there = self.path.stat()
            is_written = there.st_size > 0 or not stat.S_ISREG(there.st_mode)
            return is_written and not os.path.samestat(os.fstat(file.fileno()), there)
        except OSError:  # it is about to be replaced, or is on its way back; or nothing was opened
            return False


def _ended(file: Any) -> Ended:
    file.seek(0)
    return Ended(identity=_identity(file), modified=modified(file), head=file.read(FINGERPRINT))


def _identity(file: Any) -> FileIdentity:
    found = os.fstat(file.fileno())
    return (found.st_dev, found.st_ino)
