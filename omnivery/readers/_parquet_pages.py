"""A look at a Parquet file's pages before polars decodes them.

Of a page that says it holds a negative number of values, polars asks for more memory than there is, which ends the
process: no exception comes out. The heads of pages stand in the file as Thrift's compact protocol:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from omnivery.errors import SourceError
from omnivery.readers._column_batches import listed
from omnivery.readers._parquet_schema import Compact, footer

_ROW_GROUPS, _COLUMNS, _META = 4, 1, 3
"""Fields of `FileMetaData`, `RowGroup` and `ColumnChunk`."""
_PATH, _VALUES, _DATA_AT, _DICTIONARY_AT = 3, 5, 9, 11
"""Fields of `ColumnMetaData`."""
_UNPACKED, _PACKED, _DATA, _DICTIONARY, _DATA_V2 = 2, 3, 5, 7, 8
"""Fields of `PageHeader`."""
_MOST = 2**31 - 1
"""What a size or a number of values is at most."""


def check_pages(path: Path) -> None:
    """Look at the head of each page.

    Raises:
        SourceError: one of them cannot be true.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        column: Mapping[int, Any] = {}
        try:
            for column in _columns(footer(data)):
                _check_column(data, column)
        except (ValueError, IndexError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise SourceError(f"the Parquet file is damaged or cut off{listed(_names(column))}") from error


def _columns(meta: Mapping[int, Any]) -> Iterator[Mapping[int, Any]]:
    for group in meta[_ROW_GROUPS]:
        # A column may lie in another file, which polars does not read.
        yield from (chunk[_META] for chunk in group[_COLUMNS] if _META in chunk)


def _names(column: Mapping[int, Any]) -> Sequence[str]:
    try:
        return (b".".join(column[_PATH]).decode(errors="replace"),)
    except (LookupError, TypeError, AttributeError):  # the damage may be here, too
        return ()


def _check_column(data: mmap, column: Mapping[int, Any]) -> None:
    left = column[_VALUES]
    _check(left, len(data) << 31)
    # Some writers have 0 for a dictionary that there is not.
    at = min(column.get(_DICTIONARY_AT) or column[_DATA_AT], column[_DATA_AT])
    while left > 0:
        _check(at, len(data))
        reader = Compact(data, at)
        head = reader.struct()
        _check(head[_UNPACKED], _MOST)
        _check(head[_PACKED], len(data) - reader.at)
        page = head.get(_DATA) or head.get(_DATA_V2)
        values = (page or head.get(_DICTIONARY) or {1: 0})[1]
        _check(values, left if page else _MOST)
        left -= values if page else 0
        at = reader.at + head[_PACKED]


def _check(number: int, most: int) -> None:
    if not 0 <= number <= most:
        raise ValueError(number)
