"""Parquet: every row is an event."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from attrs import define, evolve

from omnivery.errors import ConfigError, SourceError
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers._arrow import events_of_rows
from omnivery.readers._column_batches import ColumnBatches, installed, library_errors, listed, slices
from omnivery.readers._column_libraries import polars_batches, pyarrow_batches
from omnivery.readers._format import WholeReader
from omnivery.readers._parquet_pages import check_pages
from omnivery.readers._parquet_schema import known_columns

MAGIC = b"PAR1"
"""What a Parquet file begins with, and ends with.  https://parquet.apache.org/docs/file-format/"""


_AT_ONCE = 50_000
"""Rows that are decoded together. Polars begins a row group anew for each; with fewer, that is what takes the time."""


def parquet(path: str | os.PathLike[str], *, columns: Mapping[str, str] | None = None) -> Iterator[BotEvent]:
    """Read events from a Parquet file, row by row in bounded memory, as `arrow()` reads those of a frame.

    Args:
        path: a file. Parquet is read from its end, so neither standard input nor a pipe will do.
        columns: the file's names of columns to the event's, where they differ: `{"client_ip": "ip"}`.

    Raises:
        ConfigError: this is no path of a file, or no Parquet; neither pyarrow nor polars is installed; the file has
            none of the columns `ip`, `uas` and `event_id`; or `columns` does not fit it.
        OSError: it cannot be opened, or read.
    """
    file = _regular(path)
    opened = _by_pyarrow if installed("pyarrow.parquet") else _by_polars if installed("polars") else None
    if opened is None:
        raise ConfigError("reading Parquet needs polars or pyarrow: pip install 'omnivery[polars]'")
    try:
        table = opened(file, None)
    except library_errors() as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ConfigError(_why(file, opened)) from error
    return events_of_rows(evolve(table, faulty=lambda: _faulty(file, opened)), columns)


@define(kw_only=True, eq=False)
class ParquetReader(WholeReader[BotEvent]):
    """Reads the rows of a file."""

    columns: Mapping[str, str] | None = None

    def read(self, pieces: Iterator[bytes], path: Path | None) -> Iterator[BotEvent | UnreadableLine]:  # noqa: ARG002
        """Yield the events of the rows."""
        if path is None:
            raise ConfigError("source: Parquet is read from its end, and so from a file by its path only")
        return parquet(path, columns=self.columns)


def _regular(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike) or path == "-":
        raise ConfigError("path: Parquet is read from its end, and so from a file by its path only")
    file = Path(path)
    file.stat()  # the OSError of a file that is missing says more than the errors below
    if not file.is_file():
        raise ConfigError("path: Parquet is read from its end: this is no file but a directory, a pipe or a device")
    with file.open("rb") as start:
        if start.read(len(MAGIC)) != MAGIC:
            raise ConfigError(f"path: this is no Parquet file, which would begin with {MAGIC.decode()}")
    return file


def _why(file: Path, opened: _Opener) -> str:
    """What is wrong with a file that cannot be opened: with itself, or with the library."""
    try:
        check_pages(file)
    except SourceError as error:
        return f"path: {error}; see this error's cause"
    except OSError:
        return "path: the Parquet file cannot be read; see this error's cause"
    name, other = ("pyarrow", "polars") if installed("pyarrow.parquet") else ("polars", "pyarrow")
    return (
        f"path: the Parquet file looks sound, but {name} cannot read it: it may have a column of a type that {name} "
        f"does not know{listed(_faulty(file, opened))}; see this error's cause, and try {other}"
    )


_Opener: TypeAlias = Callable[[Path, list[str] | None], ColumnBatches]
"""Opens a file, for some of its columns only."""


def _faulty(file: Path, opened: _Opener) -> Sequence[str]:
    try:
        names = list(known_columns(file))
    except OSError:  # it was removed while it was read
        return ()
    faulty = [name for name in names if not _is_readable(file, opened, name)]
    return faulty if len(faulty) < len(names) else ()


def _is_readable(file: Path, opened: _Opener, name: str) -> bool:
    try:
        deque(opened(file, [name]).batches, maxlen=0)
    except library_errors():
        return False
    return True


def _by_pyarrow(file: Path, names: list[str] | None) -> ColumnBatches:
    pyarrow = import_module("pyarrow")
    opened = import_module("pyarrow.parquet").ParquetFile(file)

    def batches() -> Iterator[list[Any]]:
        with opened:
            yield from slices(opened.iter_batches(_AT_ONCE, columns=names))

    return pyarrow_batches(pyarrow, opened.schema_arrow, batches(), known_columns(file))


def _by_polars(file: Path, names: list[str] | None) -> ColumnBatches:
    if names is None:
        check_pages(file)
    polars = import_module("polars")
    rows = polars.scan_parquet(file, glob=False)
    rows = rows if names is None else rows.select(names)

    def frames() -> Iterator[Any]:
        for start in count(0, _AT_ONCE):
            frame = rows.slice(start, _AT_ONCE).collect()
            yield frame
            if frame.height < _AT_ONCE:
                return

    return polars_batches(polars, frames(), known=known_columns(file))
