"""Files of rows: NDJSON and CSV, each written in bounded memory, and in place only when it is whole."""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TextIO, TypeAlias

from omnivery import codec
from omnivery.cli.output import printable
from omnivery.errors import ConfigError

Rows: TypeAlias = Iterable[dict[str, Any]]
Kinds: TypeAlias = Mapping[str, type]

FORMATS = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet"}
"""The format of a file, by the end of its name."""
_SQLITE = b"SQLite format 3\0"
"""What each file of SQLite begins with: verdict stores and journals are such files."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")
"""What a cell begins with that spreadsheets take for a formula (OWASP, CSV Injection), and the mark against that."""


def format_of(output: Path | None, formats: Collection[str]) -> str:
    """Return the format that a file's name says; NDJSON if there is no file, or its name has no ending.

    Args:
        output: the file.
        formats: the formats that can be written.

    Raises:
        ConfigError: the ending says nothing, or another format.
    """
    if output is None or not output.suffix:
        return "ndjson"
    found = FORMATS.get(output.suffix.lower())
    if found is None or found not in formats:
        endings = ", ".join(ending for ending, form in FORMATS.items() if form in formats)
        raise ConfigError(
            f"--output: what ends in {printable(output.suffix)} has no format here; {endings} have, and --format says "
            "another one. Nothing was written."
        )
    return found


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
    if isinstance(value, datetime):
        return value.isoformat()
    return codec.dumps(value).decode() if isinstance(value, dict | list) else value


def without_mark(cell: str) -> str:
    """Return the text of a cell that `write_csv` wrote."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write to, which takes the place of another at the end of the block; if that fails, nothing changes.

    It is its owner's alone (mode 0600): events hold ip addresses.

    Raises:
        ConfigError: at that place is something else than a file, or a database, which is never replaced.
        OSError: it cannot be written.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise ConfigError(f"--output: {path} is no file")
    if _is_database(target):
        raise ConfigError(f"--output: {path} is a store, a journal or another SQLite file: name another one")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        # It would name a file that nobody has heard of.
        raise OSError(error.errno, error.strerror, str(path)) from error
    os.close(handle)
    written = Path(name)
    try:
        yield written
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(target)
    finally:
        written.unlink(missing_ok=True)


def _is_database(target: Path) -> bool:
    # The files beside one that is open (-wal, -shm) are a part of it.
    database = target.with_name(target.name.removesuffix("-wal").removesuffix("-shm").removesuffix("-journal"))
    for one in {target, database}:
        if one.is_file():
            with one.open("rb") as file:
                if file.read(len(_SQLITE)) == _SQLITE:
                    return True
    return False


@contextmanager
def open_output(output: Path | None) -> Iterator[BinaryIO]:
    """Open a file that takes its place at the end of the block, or standard output if there is none.

    Raises:
        ConfigError: it cannot be replaced, or standard output is closed.
        OSError: it cannot be written.
    """
    if output is None:
        with standard_output() as file:
            yield file
    else:
        with replacing(output) as path, path.open("wb") as file:
            yield file


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Standard output in bytes; on a terminal without control characters, which would steer it.

    Raises:
        ConfigError: it is closed.
    """
    if sys.stdout is None:
        raise ConfigError("standard output is closed: name a file with --output")
    yield _Terminal(sys.stdout) if sys.stdout.isatty() else sys.stdout.buffer  # type: ignore[misc]  # it writes, which is all
    sys.stdout.flush()


class _Terminal(io.BufferedIOBase):
    """Standard output, as far as it can be read.

    Args:
        stream: standard output as it is now: a progress bar takes its place for a time.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any, /) -> int:
        """Write text that was encoded."""
        lines = bytes(data).decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        text = "\n".join(map(printable, lines)).encode(self._stream.encoding, "replace")
        self._stream.buffer.write(text)
        return len(data)
