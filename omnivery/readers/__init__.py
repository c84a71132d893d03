"""Readers: events from files and from standard input, ready for `bots.submit()`.

A line that holds no event comes out as an `UnreadableLine` with its number and the reason, and counts in a bulk run
as a rejected item: one bad line neither ends a run nor vanishes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.readers.combined_log import access_log
    from omnivery.readers.detect import read
    from omnivery.readers.json_lines import ndjson
    from omnivery.readers.opening import Source

__all__ = ["Source", "access_log", "ndjson", "read"]

if not TYPE_CHECKING:
    # To type checkers, a module with a __getattr__ has every name there is.
    # No module here is named like a function: importing it would put the module in the function's place.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "Source": "omnivery.readers.opening",
            "access_log": "omnivery.readers.combined_log",
            "ndjson": "omnivery.readers.json_lines",
            "read": "omnivery.readers.detect",
        },
    )
