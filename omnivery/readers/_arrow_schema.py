"""The types of an Arrow table's columns, with what each library does not say of them: UUIDs, fixed bytes, parts.

The table's own schema is read, by the C data interface: https://arrow.apache.org/docs/format/CDataInterface.html,
https://arrow.apache.org/docs/format/CStreamInterface.html.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from omnivery.readers._column_types import ColumnType, Kind


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


def stream_types(frame: Any) -> tuple[Sequence[ColumnType], Opened]:
    """Return the types of a frame's columns, and the frame's stream.

    Raises:
        ValueError: it says none; the reader meets the same error, and can say what it is.
    """
    capsule = frame.__arrow_c_stream__(None)
    address = _pointer(capsule, b"arrow_array_stream")
    schema = _Schema()
    if ctypes.cast(address, ctypes.POINTER(_Stream)).contents.get_schema(address, ctypes.byref(schema)) != 0:
        raise ValueError("the stream does not say its types")
    try:
        return _type_of(schema).parts, Opened(capsule)
    finally:
        schema.release(ctypes.byref(schema))


def schema_types(schema: Any) -> Sequence[ColumnType]:
    """Return the types of the columns of a library's schema."""
    capsule = schema.__arrow_c_schema__()
    return _type_of(_Schema.from_address(_pointer(capsule, b"arrow_schema"))).parts


def _pointer(capsule: object, name: bytes) -> int:
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, name))


def _type_of(schema: _Schema) -> ColumnType:
    """The type of values. A dictionary and runs hold those of their values, and are no types of their own here."""
    if schema.dictionary:
        return _type_of(schema.dictionary.contents)
    children = [schema.children[place].contents for place in range(schema.n_children)]
    form = schema.format.decode()
    if form == "+r":
        return evolve(_type_of(children[1]), rewritten=True)
    more = _metadata(schema.metadata)
    extension = more.get(b"ARROW:extension:name", b"").decode(errors="replace")
    name, _, detail = form.partition(":")
    kind = _EXTENSIONS.get(extension) or _KINDS.get(name) or _KINDS.get(name[:2]) or Kind.OTHER
    # What has no name here, such as a union, is left to the library.
    parts = [_type_of(child) for child in children] if kind in _NESTED else []
    return ColumnType(
        kind=kind,
        per_second=_PER_SECOND[name[2]] if kind in _COUNTED else 1,
        zone=detail or None if kind is Kind.TIMESTAMP else None,
        form=form,
        extension=extension,
        detail=more.get(b"ARROW:extension:metadata", b"").decode(errors="replace"),
        names=tuple((child.name or b"").decode() for child in children),
        parts=parts[0].parts if kind is Kind.MAP else tuple(parts),
        rewritten=name[:2] == "+v",
    )


_EXTENSIONS = {"arrow.uuid": Kind.UUID, "arrow.bool8": Kind.TRUTH, "pandas.period": Kind.PERIOD}
_KINDS = {
    **dict.fromkeys(("+l", "+L", "+vl", "+vL", "+w"), Kind.LIST),
    "+s": Kind.STRUCT,
    "+m": Kind.MAP,
    "ts": Kind.TIMESTAMP,
    "tt": Kind.TIME,
    "tD": Kind.DURATION,
    "tdD": Kind.DATE,
    "tdm": Kind.MILLISECOND_DATE,
    "ti": Kind.INTERVAL,
    "w": Kind.FIXED,
    "f": Kind.FLOAT32,
    "e": Kind.FLOAT16,
}
_NESTED = frozenset({Kind.LIST, Kind.STRUCT, Kind.MAP})
_COUNTED = frozenset({Kind.TIMESTAMP, Kind.TIME, Kind.DURATION})
_PER_SECOND = {"s": 1, "m": 1_000, "u": 1_000_000, "n": 1_000_000_000}


def _metadata(address: int | None) -> Mapping[bytes, bytes]:
    """Pairs of a name and a value, each with its length in front."""
    found: dict[bytes, bytes] = {}
    if not address:
        return found
    at = address

    def take(length: int) -> bytes:
        nonlocal at
        at += length
        return ctypes.string_at(at - length, length)

    def number() -> int:
        return int.from_bytes(take(4), sys.byteorder, signed=True)

    for _ in range(number()):
        name = take(number())
        found[name] = take(number())
    return found
