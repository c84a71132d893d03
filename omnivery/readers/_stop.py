"""Ending a wait for input in another thread."""

from __future__ import annotations

import os
import select
import sys
from threading import Event

from attrs import define, field


class Stopped(BaseException):
    """Reading was stopped in a file that can be read again. It is no error of a source, and no reader catches it."""


@define(eq=False)
class Stop:
    """Told once, it ends whatever waits by it, now or later."""

    _event: Event = field(init=False, factory=Event)
    _pipe: tuple[int, int] | None = field(init=False, default=None)

    def set(self) -> None:
        """End every wait."""
        self._event.set()
        if self._pipe is not None:
            os.write(self._pipe[1], b"\0")

    def is_set(self) -> bool:
        """Return whether waits are ended."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for so long. Returns whether waits are ended."""
        return self._event.wait(seconds)

    def until_readable(self, descriptor: int) -> bool:
        """Wait until a pipe, a terminal or a socket can be read without waiting. Returns False if waits are ended.

        On Windows there is no such wait: it returns at once, and reading waits.
        """
        if sys.platform == "win32":
            return not self.is_set()
        if self._pipe is None:
            self._pipe = os.pipe()
        if not self.is_set():
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.register(self._pipe[0], select.POLLIN)
            poll.poll()
        return not self.is_set()

    def close(self) -> None:
        """Release what it holds. Nobody may wait by it any more."""
        pipe, self._pipe = self._pipe, None
        for descriptor in pipe or ():
            os.close(descriptor)
