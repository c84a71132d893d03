"""Readers: events from files, from standard input and from data frames, ready for `bots.submit()`.

A line that holds no event comes out as an `UnreadableLine` with its number and the reason, and counts in a bulk run
as a rejected item: one bad line neither ends a run nor vanishes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.readers._access_log import access_log
    from omnivery.readers._arrow import arrow
    from omnivery.readers._csv import csv
    from omnivery.readers._cursor import with_cursor
    from omnivery.readers._ndjson import ndjson
    from omnivery.readers._opening import Source
    from omnivery.readers._parquet import parquet
    from omnivery.readers._read import load, read
    from omnivery.readers.frames import ArrowStream

__all__ = ["ArrowStream", "Source", "access_log", "arrow", "csv", "load", "ndjson", "parquet", "read", "with_cursor"]

if not TYPE_CHECKING:
    # To type checkers, a module with a __getattr__ has every name there is.
    # No module here is named like a function: importing it would put the module in the function's place.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "ArrowStream": "omnivery.readers._arrow",
            "Source": "omnivery.readers._opening",
            "access_log": "omnivery.readers._access_log",
            "arrow": "omnivery.readers._arrow",
            "csv": "omnivery.readers._csv",
            "load": "omnivery.readers._read",
            "ndjson": "omnivery.readers._ndjson",
            "parquet": "omnivery.readers._parquet",
            "read": "omnivery.readers._read",
            "with_cursor": "omnivery.readers._cursor",
        },
    )
