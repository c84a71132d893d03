"""A file that is followed as `tail -F` does: through growth, rotation, truncation and absence."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from time import monotonic
from typing import Any

from attrs import define, field

from omnivery.readers._identity import FINGERPRINT, modified
from omnivery.readers._local_file import LocalFile, is_cut
from omnivery.readers._origin import FileIdentity, Origin
from omnivery.readers._packing import PIECE
from omnivery.readers._rotation import Ended, written_after
from omnivery.readers._stop import Stop, Stopped

INTERVAL = 0.25
"""Seconds between two looks at a file in which nothing is new."""
PATIENCE = 10.0
"""Seconds for which a file that took another one's place may be unreadable: its owner and mode may yet be set."""


@define(kw_only=True, eq=False)
class FollowedFile(LocalFile):
    """A file whose end is where another one takes its place: it was renamed, emptied, or a link leads elsewhere."""

    stop: Stop = field()  # pyright: ignore[reportIncompatibleVariableOverride]  # set once
    truncated: bool = field(init=False, default=False)
    """Whether it ended by being emptied: what was written just before may be lost."""
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
        replaced = False
        while True:
            # A server writes to the renamed file until it is told to open its log anew: so that is looked for twice.
            replaced, before = self._is_replaced(file), replaced
            if piece := read(PIECE):
                return piece
            if (replaced and before) or self._is_truncated(file):
                self._ended = None if self.truncated else _ended(file)
                return b""
            if self.stop.wait(INTERVAL):
                return self._stopped()

    def _is_replaced(self, file: Any) -> bool:
        """Whether another file is written to in its place. An empty one may wait for its writer for long."""
        try:
            there = self.path.stat()
            is_written = there.st_size > 0 or not stat.S_ISREG(there.st_mode)
            return is_written and not os.path.samestat(os.fstat(file.fileno()), there)
        except OSError:  # it is about to be replaced, or is on its way back; or nothing was opened
            return False

    def _is_truncated(self, file: Any) -> bool:
        self.truncated = is_cut(file)
        return self.truncated


def _ended(file: Any) -> Ended:
    file.seek(0)
    return Ended(identity=_identity(file), modified=modified(file), head=file.read(FINGERPRINT))


def _identity(file: Any) -> FileIdentity:
    found = os.fstat(file.fileno())
    return (found.st_dev, found.st_ino)
