"""Readers: events from files, from standard input and from data frames, ready for `bots.submit()`.

A line that holds no event comes out as an `UnreadableLine` with its number and the reason, and counts in a bulk run
as a rejected item: one bad line neither ends a run nor vanishes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.readers.arrow_batches import ArrowStream, arrow
    from omnivery.readers.combined_log import access_log
    from omnivery.readers.csv_rows import csv
    from omnivery.readers.cursor import with_cursor
    from omnivery.readers.detect import load, read
    from omnivery.readers.json_lines import ndjson
    from omnivery.readers.opening import Source
    from omnivery.readers.parquet_file import parquet

__all__ = ["ArrowStream", "Source", "access_log", "arrow", "csv", "load", "ndjson", "parquet", "read", "with_cursor"]

if not TYPE_CHECKING:
    # To type checkers, a module with a __getattr__ has every name there is.
    # No module here is named like a function: importing it would put the module in the function's place.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "ArrowStream": "omnivery.readers.arrow_batches",
            "Source": "omnivery.readers.opening",
            "access_log": "omnivery.readers.combined_log",
            "arrow": "omnivery.readers.arrow_batches",
            "csv": "omnivery.readers.csv_rows",
            "load": "omnivery.readers.detect",
            "ndjson": "omnivery.readers.json_lines",
            "parquet": "omnivery.readers.parquet_file",
            "read": "omnivery.readers.detect",
            "with_cursor": "omnivery.readers.cursor",
        },
    )
