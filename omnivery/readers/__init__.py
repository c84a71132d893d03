"""Readers: events from files, from standard input and from data frames, ready for `bots.submit()`.

A line that holds no event comes out as an `UnreadableLine` with its number and the reason, and counts in a bulk run
as a rejected item: one bad line neither ends a run nor vanishes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.readers._access_log import access_log as access_log
    from omnivery.readers._arrow import arrow as arrow
    from omnivery.readers._csv import csv as csv
    from omnivery.readers._cursor import with_cursor as with_cursor
    from omnivery.readers._events import events as events
    from omnivery.readers._file_events import FileEvents as FileEvents
    from omnivery.readers._file_source import FileSource as FileSource
    from omnivery.readers._file_source import FileSources as FileSources
    from omnivery.readers._json import json as json
    from omnivery.readers._log_check import LogWarning as LogWarning
    from omnivery.readers._ndjson import ndjson as ndjson
    from omnivery.readers._parquet import parquet as parquet
    from omnivery.readers._read import load as load
    from omnivery.readers._read import read as read
    from omnivery.readers.frames import ArrowStream as ArrowStream
else:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(__name__)
