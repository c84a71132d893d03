"""Waiting for what another thread or process does: until it is done, however slow the machine is."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def wait_until(done: Callable[[], object]) -> None:
    """Block until it is so. Half a minute is no deadline of a test, but the end of one that would hang."""
    ends = time.monotonic() + 30
    while not done():
        assert time.monotonic() < ends, "it has not come in 30 s"
        time.sleep(0.002)


@contextmanager
def killed_in_the_end(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Kill a process that a failed test leaves running, and one that hangs: to read from a pipe has no timeout."""
    hangs = threading.Timer(120, process.kill)
    hangs.start()
    try:
        yield
    finally:
        hangs.cancel()
        process.kill()
