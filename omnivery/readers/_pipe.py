"""Pipes, terminals and sockets: what is read of them has yet to arrive."""

from __future__ import annotations

import os
import select
import stat
import sys
from typing import Any


def descriptor_of(file: Any) -> int | None:
    """Return the descriptor of a pipe, a terminal or a socket; None for any other file."""
    try:
        descriptor: int = file.fileno()
        return None if stat.S_ISREG(os.fstat(descriptor).st_mode) else descriptor
    except (AttributeError, OSError, ValueError):
        return None


def wait_until_readable(file: Any) -> None:
    """Wait for a pipe that does not wait by itself: of an empty one, `read1` returns what it does at the end."""
    descriptor = None if sys.platform == "win32" else descriptor_of(file)
    if descriptor is not None and not os.get_blocking(descriptor):
        select.select([descriptor], [], [])
