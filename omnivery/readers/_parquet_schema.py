"""The types in a Parquet file that polars reads as others: UUIDs, and bytes of a fixed number.

They stand in the file's footer, in Thrift's compact protocol:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from attrs import define

from omnivery.readers._column_values import ColumnType, Kind

_FIXED_LENGTH = 7
"""FIXED_LEN_BYTE_ARRAY, of the enumeration `Type`."""
_TYPE, _NAME, _CHILDREN, _CONVERTED, _LOGICAL = 1, 4, 5, 6, 10
"""Fields of `SchemaElement`."""
_UUID = 14
"""The logical type's field."""
_SCHEMA = 2
"""The field of `FileMetaData`."""
_LARGEST = 64 * 1024 * 1024


def parquet_types(path: Path) -> Mapping[str, ColumnType]:
    """Return those types of a file by the names of their columns; none if the footer cannot be read."""
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            elements = footer(data).get(_SCHEMA)
        return dict(_columns(elements if isinstance(elements, list) else []))
    except (ValueError, IndexError, TypeError, RecursionError):  # the library says what is wrong with it
        return {}


def footer(data: mmap) -> dict[int, Any]:
    """Read what a file says of itself at its end, `FileMetaData`.

    Raises:
        ValueError, IndexError, TypeError, RecursionError: it is damaged.
    """
    length = int.from_bytes(data[-8:-4], "little")
    if length > min(len(data) - 8, _LARGEST):
        raise ValueError(length)
    return Compact(data[-8 - length : -8]).struct()


def _columns(elements: list[Any]) -> list[tuple[str, ColumnType]]:
    """The columns at the top: each element is followed by its children."""
    found: list[tuple[str, ColumnType]] = []
    place = 1  # the first element is the table
    while place < len(elements):
        element = elements[place]
        if element.get(_TYPE) == _FIXED_LENGTH and not element.get(_CHILDREN):
            logical = element.get(_LOGICAL) or {}
            # What is decimal or an interval is a number, and no library takes it for bytes.
            if _UUID in logical:
                found.append((element[_NAME].decode(), ColumnType(Kind.UUID)))
            elif not logical and _CONVERTED not in element:
                found.append((element[_NAME].decode(), ColumnType(Kind.FIXED)))
        place = _after(elements, place)
    return found


def _after(elements: list[Any], place: int) -> int:
    """The place behind an element and all that belong to it."""
    open_ = 1
    while open_:
        open_ += (elements[place].get(_CHILDREN) or 0) - 1
        place += 1
    return place


class _Kind(IntEnum):
    """Types of the compact protocol."""

    TRUE = 1
    FALSE = 2
    BYTE = 3
    I16 = 4
    I32 = 5
    I64 = 6
    DOUBLE = 7
    BINARY = 8
    LIST = 9
    SET = 10
    STRUCT = 12


_LONG = 15
"""A list's length in the head from which on it stands behind it."""


@define
class Compact:
    """Reads Thrift's compact protocol; a struct becomes a mapping by the numbers of its fields."""

    data: bytes | mmap
    at: int = 0

    def struct(self) -> dict[int, Any]:
        """Read a struct."""
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = self._value(_Kind(head & 15))
        return fields

    def _value(self, kind: _Kind) -> Any:  # noqa: PLR0911  # one for each kind
        match kind:
            case _Kind.TRUE | _Kind.FALSE:
                return kind is _Kind.TRUE
            case _Kind.BYTE:
                return self._byte()
            case _Kind.I16 | _Kind.I32 | _Kind.I64:
                return self._zigzag()
            case _Kind.DOUBLE:
                return self._bytes(8)
            case _Kind.BINARY:
                return self._bytes(self._varint())
            case _Kind.LIST | _Kind.SET:
                return self._list()
            case _Kind.STRUCT:
                return self.struct()

    def _list(self) -> list[Any]:
        head = self._byte()
        size = self._varint() if head >> 4 == _LONG else head >> 4
        kind = _Kind(head & 15)
        # In a list, a truth value is a byte of its own.
        one = self._byte if kind in {_Kind.TRUE, _Kind.FALSE} else partial(self._value, kind)
        return [one() for _ in range(size)]

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _bytes(self, length: int) -> bytes:
        self.at += length
        return self.data[self.at - length : self.at]

    def _varint(self) -> int:
        found = shift = 0
        while (byte := self._byte()) & 0x80:
            found |= (byte & 0x7F) << shift
            shift += 7
        return found | byte << shift

    def _zigzag(self) -> int:
        found = self._varint()
        return found >> 1 ^ -(found & 1)
