"""Exact counts of calls into Python: timings would tell of the machine."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import CodeType, FrameType


def calls(action: Callable[[], object], *, of: Callable[[CodeType], bool] = lambda _: True) -> int:
    """How often Python functions are called in this thread, of those that are counted."""
    count = 0

    def note(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call" and of(frame.f_code)

    before = sys.getprofile()
    gc.disable()  # others, hypothesis for one, have Python functions called at each collection
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count
