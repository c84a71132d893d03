"""A file that is followed as `tail -F` does: through growth, rotation, truncation and absence."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from attrs import define, field

from omnivery.readers._origin import LocalFile, Origin
from omnivery.readers._packing import PIECE
from omnivery.readers._stop import Stop, Stopped

INTERVAL = 0.25
"""Seconds between two looks at a file in which nothing is new."""


@define(kw_only=True, eq=False)
class FollowedFile(LocalFile):
    """A file whose end is where another one takes its place: it was renamed, emptied, or a link leads elsewhere."""

    stop: Stop = field()  # pyright: ignore[reportIncompatibleVariableOverride]  # set once
    truncated: bool = field(init=False, default=False)
    """Whether it ended by being emptied: what was written just before may be lost."""

    @property
    def again(self) -> bool:
        """It can be opened once more."""
        return True

    @property
    def waits(self) -> bool:
        """For somebody who writes to it."""
        return True

    @property
    def size(self) -> None:
        """It has no end."""
        return None

    def open(self) -> Any:
        """Open it, and wait for it while it does not exist."""
        while True:
            try:
                return self.path.open("rb", buffering=0)
            except FileNotFoundError:
                if self.stop.wait(INTERVAL):
                    raise Stopped from None

    def as_it_is(self) -> Origin:
        """The file up to its end of now."""
        return LocalFile(name=self.name, key=self.key, path=self.path, explicit=self.explicit)

    def _next_piece(self, file: Any, read: Callable[[int], bytes]) -> bytes:
        while True:
            # In this order: what was written before it was replaced is read before that is seen.
            replaced = self._is_replaced(file)
            if piece := read(PIECE):
                return piece
            if replaced or self._is_truncated(file):
                return b""
            if self.stop.wait(INTERVAL):
                return self._stopped()

    def _is_replaced(self, file: Any) -> bool:
        try:
            return not os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except OSError:  # it is about to be replaced, or is on its way back; or nothing was opened
            return False

    def _is_truncated(self, file: Any) -> bool:
        try:
            self.truncated = os.fstat(file.fileno()).st_size < file.tell()
        except OSError:
            return False
        return self.truncated
