"""The types in a Parquet file that libraries read as others: UUIDs, bytes of a fixed number, intervals, dates, maps.

They stand in the file's footer, in Thrift's compact protocol:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from attrs import define, frozen

from omnivery.readers._column_types import ColumnType, Kind

_FIXED_LENGTH = 7
"""FIXED_LEN_BYTE_ARRAY, of the enumeration `Type`."""
_TYPE, _NAME, _CHILDREN, _CONVERTED, _LOGICAL = 1, 4, 5, 6, 10
"""Fields of `SchemaElement`."""
_MAP, _LIST, _DATE, _UUID = 2, 3, 6, 14
"""Fields of `LogicalType`; a date has the same number in the enumeration `ConvertedType`."""
_CONVERTED_MAP, _CONVERTED_ENTRIES, _CONVERTED_LIST, _CONVERTED_INTERVAL = 1, 2, 3, 21
"""Of `ConvertedType`, too."""
_REPETITION, _REPEATED = 3, 2
_SCHEMA = 2
"""The field of `FileMetaData`."""
_LARGEST = 64 * 1024 * 1024


def known_columns(path: Path) -> Mapping[str, ColumnType]:
    """Return what a file says of its columns, by their names; nothing if the footer cannot be read."""
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            elements = footer(data)[_SCHEMA]
        table = _Element.of(iter(elements))
        return {column.fields[_NAME].decode(): column.type() for column in table.children}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, StopIteration):
        return {}  # the library says what is wrong with it


def footer(data: mmap) -> dict[int, Any]:
    """Read what a file says of itself at its end, `FileMetaData`.

    Raises:
        ValueError, IndexError, TypeError, RecursionError: it is damaged.
    """
    length = int.from_bytes(data[-8:-4], "little")
    if length > min(len(data) - 8, _LARGEST):
        raise ValueError(length)
    return Compact(data[-8 - length : -8]).struct()


@frozen
class _Element:
    """A column, or a part of one."""

    fields: Mapping[int, Any]
    children: list[_Element]

    @classmethod
    def of(cls, elements: Iterator[Mapping[int, Any]]) -> _Element:
        """Each element is followed by its children."""
        fields = next(elements)
        return cls(fields, [cls.of(elements) for _ in range(fields.get(_CHILDREN) or 0)])

    def type(self) -> ColumnType:
        logical, converted = self.fields.get(_LOGICAL) or {}, self.fields.get(_CONVERTED)
        if self.children and (_MAP in logical or converted in {_CONVERTED_MAP, _CONVERTED_ENTRIES}):
            return ColumnType(kind=Kind.MAP, parts=self.children[0]._own().parts)
        if self.children and (_LIST in logical or converted == _CONVERTED_LIST):
            return ColumnType(kind=Kind.LIST, parts=(self.children[0]._item(),))
        own = self._own()
        return ColumnType(kind=Kind.LIST, parts=(own,)) if self.fields.get(_REPETITION) == _REPEATED else own

    def _item(self) -> ColumnType:
        """What is repeated in a list: in old files the items themselves, else a group around each."""
        grouped = len(self.children) == 1 and self.fields[_NAME] != b"array"
        return self.children[0].type() if grouped else self._own()

    def _own(self) -> ColumnType:
        if self.children:
            return ColumnType(kind=Kind.STRUCT, parts=tuple(child.type() for child in self.children))
        logical, converted = self.fields.get(_LOGICAL) or {}, self.fields.get(_CONVERTED)
        if self.fields.get(_TYPE) != _FIXED_LENGTH:
            return ColumnType(kind=Kind.DATE if _DATE in logical or converted == _DATE else Kind.OTHER)
        if _UUID in logical:
            return ColumnType(kind=Kind.UUID)
        if converted == _CONVERTED_INTERVAL:
            return ColumnType(kind=Kind.INTERVAL)
        # What is decimal is a number, and no library takes it for bytes.
        return ColumnType(kind=Kind.OTHER if logical or converted is not None else Kind.FIXED)


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
