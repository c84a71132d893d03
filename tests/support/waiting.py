"""Waiting for what another thread or process does: until it is done, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(done: Callable[[], object]) -> None:
    """Block until it is so. Half a minute is no deadline of a test, but the end of one that would hang."""
    ends = time.monotonic() + 30
    while not done():
        assert time.monotonic() < ends, "it has not come in 30 s"
        time.sleep(0.002)
