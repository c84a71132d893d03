"""Files of rows: NDJSON, CSV and Parquet, each written in bounded memory, and in place only when it is whole."""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from omnivery import codec
from omnivery.cli.output import printable
from omnivery.errors import ConfigError

Rows: TypeAlias = Iterable[dict[str, Any]]
Kinds: TypeAlias = Mapping[str, type]

ROW_GROUP = 20_000
"""Rows of a Parquet file that are held and written together."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")
"""What a cell begins with that spreadsheets take for a formula (OWASP, CSV Injection), and the mark against that."""


def write_ndjson(rows: Rows, file: BinaryIO) -> None:
    """Write each row as a JSON object on a line."""
    file.writelines(codec.dumps(row) + b"\n" for row in rows)


def write_csv(rows: Rows, kinds: Kinds, file: BinaryIO) -> None:
    """Write rows as RFC 4180 has it, below a header, in UTF-8.

    None is an empty cell, a mapping is JSON. The clients of a web server choose their user agents, so text that a
    spreadsheet would take for a formula, and text that begins with an apostrophe, gets an apostrophe put before it. To
    remove the first apostrophe of a cell restores the text. A lone `-`, for no user agent, is not a formula.
    """
    text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(kinds)
        for row in rows:
            writer.writerow([_cell(value) for value in row.values()])
    finally:
        text.detach()  # the file stays open: it is the caller's


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) and value != "-" else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return codec.dumps(value).decode() if isinstance(value, dict) else value


def write_parquet(rows: Rows, kinds: Kinds, path: Path) -> None:
    """Write rows as Parquet, a group of them at a time; a mapping is JSON text.

    Raises:
        ConfigError: neither pyarrow nor polars is installed.
    """
    columns = _columns(iter(rows), kinds)
    if find_spec("pyarrow") is not None:
        _write_by_pyarrow(columns, kinds, path)
    elif find_spec("polars") is not None:
        _write_by_polars(columns, kinds, path)
    else:
        raise ConfigError("writing Parquet needs polars or pyarrow: pip install 'omnivery[polars]'")


def _columns(rows: Iterator[dict[str, Any]], kinds: Kinds) -> Iterator[dict[str, list[Any]]]:
    """Rows by the group, turned into columns; one group without rows where there are none."""
    group = list(islice(rows, ROW_GROUP))
    while True:
        columns = {name: [row[name] for row in group] for name in kinds}
        for name in (name for name, kind in kinds.items() if kind is dict):
            columns[name] = [None if value is None else codec.dumps(value).decode() for value in columns[name]]
        yield columns
        if not (group := list(islice(rows, ROW_GROUP))):
            return


def _write_by_pyarrow(groups: Iterable[dict[str, list[Any]]], kinds: Kinds, path: Path) -> None:
    arrow: Any = import_module("pyarrow")
    types = {str: arrow.string(), dict: arrow.string(), bool: arrow.bool_(), int: arrow.int64(), float: arrow.float64()}
    schema = arrow.schema([(name, types[kind]) for name, kind in kinds.items()])
    with import_module("pyarrow.parquet").ParquetWriter(path, schema, compression="zstd") as writer:
        for columns in groups:
            writer.write_table(arrow.table(columns, schema=schema))


def _write_by_polars(groups: Iterable[dict[str, list[Any]]], kinds: Kinds, path: Path) -> None:
    polars: Any = import_module("polars")
    types = {str: polars.String, dict: polars.String, bool: polars.Boolean, int: polars.Int64, float: polars.Float64}
    schema = {name: types[kind] for name, kind in kinds.items()}
    # Polars has no writer to which one group is given after the other. So each is a file, and all are then made one.
    with tempfile.TemporaryDirectory(prefix=f"{path.name}.", dir=path.parent) as folder:
        parts: list[Path] = []
        for columns in groups:
            parts.append(Path(folder, f"{len(parts)}.parquet"))
            polars.DataFrame(columns, schema=schema).write_parquet(parts[-1])
        polars.scan_parquet(parts, glob=False).sink_parquet(path, row_group_size=ROW_GROUP)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write to, which takes the place of another at the end of the block; if that fails, nothing changes.

    It is its owner's alone (mode 0600): events hold ip addresses.

    Raises:
        ConfigError: at that place is something else than a file.
        OSError: it cannot be written.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise ConfigError(f"--output: {path} is no file")
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    written = Path(name)
    try:
        yield written
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(target)
    finally:
        written.unlink(missing_ok=True)


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Standard output in bytes; on a terminal without control characters, which would steer it.

    Raises:
        ConfigError: it is closed.
    """
    if sys.stdout is None:
        raise ConfigError("standard output is closed: name a file with --output")
    yield _Terminal() if sys.stdout.isatty() else sys.stdout.buffer  # type: ignore[misc]  # it writes, which is all
    sys.stdout.flush()


class _Terminal(io.BufferedIOBase):
    """Standard output, as far as it can be read."""

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any, /) -> int:
        """Write text that was encoded."""
        lines = bytes(data).decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        text = "\n".join(map(printable, lines)).encode(sys.stdout.encoding, "replace")
        sys.stdout.buffer.write(text)
        return len(data)
