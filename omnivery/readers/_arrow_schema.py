"""The types in an Arrow stream that polars reads as others: UUIDs, bytes of a fixed number, dates in milliseconds.

The stream's own schema is read, by the C data interface: https://arrow.apache.org/docs/format/CDataInterface.html,
https://arrow.apache.org/docs/format/CStreamInterface.html.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from omnivery.readers._column_values import ColumnType, Kind


class _Schema(ctypes.Structure):
    pass


_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))
_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.POINTER(_Schema)),
    ("release", _RELEASE),
    ("private_data", ctypes.c_void_p),
]


class _Stream(ctypes.Structure):
    _fields_ = (("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_Schema))),)


@frozen
class Opened:
    """A stream that was looked at, to be read once."""

    capsule: object

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the stream."""
        return self.capsule


def arrow_types(frame: Any) -> tuple[Mapping[str, ColumnType], Opened]:
    """Return those of a frame's types by the names of their columns, and the frame's stream.

    Raises:
        ValueError: a column has a type that polars reads wrongly from a stream.
    """
    capsule = frame.__arrow_c_stream__(None)
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer(capsule, b"arrow_array_stream")
    schema = _Schema()
    if ctypes.cast(address, ctypes.POINTER(_Stream)).contents.get_schema(address, ctypes.byref(schema)) != 0:
        return {}, Opened(capsule)  # the reader meets the same error, and can say what it is
    try:
        children = [schema.children[place].contents for place in range(schema.n_children)]
        types = {child.name.decode(): found for child in children if (found := _type_of(child)) is not None}
    finally:
        schema.release(ctypes.byref(schema))
    return types, Opened(capsule)


def _type_of(column: _Schema) -> ColumnType | None:
    if dict(_metadata(column.metadata)).get(b"ARROW:extension:name") == b"arrow.uuid":
        return ColumnType(Kind.UUID)
    if column.format.startswith(b"w:"):
        return ColumnType(Kind.FIXED)
    if _NARROW_DECIMAL.match(column.format):
        raise ValueError("polars reads other numbers from decimals of 32 and 64 bits")
    return ColumnType(Kind.DATE) if column.format == b"tdm" else None


_NARROW_DECIMAL = re.compile(rb"d:-?\d+,-?\d+,(?:32|64)$")


def _metadata(address: int | None) -> Iterator[tuple[bytes, bytes]]:
    """Pairs of a name and a value, each with its length in front."""
    if not address:
        return
    at = address

    def number() -> int:
        nonlocal at
        at += 4
        return int.from_bytes(ctypes.string_at(at - 4, 4), sys.byteorder, signed=True)

    def text() -> bytes:
        nonlocal at
        length = number()
        at += length
        return ctypes.string_at(at - length, length)

    for _ in range(number()):
        name = text()
        yield name, text()
