"""Arrow data in memory, as every library hands it over: streams, arrays and the numbers in their buffers.

Read by the C data interface, and so by no library: what a value is must not hang on what is installed.
https://arrow.apache.org/docs/format/CDataInterface.html, https://arrow.apache.org/docs/format/CStreamInterface.html,
https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from attrs import frozen


class Schema(ctypes.Structure):
    """The type of an array: `struct ArrowSchema`."""


class Array(ctypes.Structure):
    """Values of one type: `struct ArrowArray`."""


class _Stream(ctypes.Structure):
    """Arrays of one type, one after the other: `struct ArrowArrayStream`."""


Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(Schema))),
    ("dictionary", ctypes.POINTER(Schema)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Schema))),
    ("private_data", ctypes.c_void_p),
]
Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Array))),
    ("dictionary", ctypes.POINTER(Array)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Array))),
    ("private_data", ctypes.c_void_p),
]
_Stream._fields_ = [
    ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(Schema))),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(Array))),
    ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(_Stream))),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))),
    ("private_data", ctypes.c_void_p),
]


Read: TypeAlias = Callable[[Array, int, int], list[Any]]
"""Returns values of an array: from a place on, so many."""
CODES = {"c": "b", "C": "B", "s": "h", "S": "H", "i": "i", "I": "I", "l": "q", "L": "Q"}
"""Whole numbers of Arrow, as `struct` calls them."""


class ArrowError(Exception):
    """A library cannot hand over its data, or they have a type that is not known here."""


@frozen
class ArrayStream:
    """A stream of a frame. It is released with the capsule."""

    capsule: object

    @contextmanager
    def schema(self) -> Iterator[Schema]:
        """Lend the type.

        Raises:
            ArrowError: the library cannot say it.
        """
        found = Schema()
        stream = self._stream()
        self._check(stream, stream.get_schema(ctypes.byref(stream), ctypes.byref(found)))
        try:
            yield found
        finally:
            found.release(ctypes.byref(found))

    def arrays(self) -> Iterator[Array]:
        """Yield the arrays, each of which is gone when the next one is asked for.

        Raises:
            ArrowError: the library cannot read on.
        """
        stream = self._stream()
        while True:
            found = Array()
            self._check(stream, stream.get_next(ctypes.byref(stream), ctypes.byref(found)))
            if not found.release:
                return
            try:
                yield found
            finally:
                found.release(ctypes.byref(found))

    def _stream(self) -> _Stream:
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        return _Stream.from_address(pointer(self.capsule, b"arrow_array_stream"))

    @staticmethod
    def _check(stream: _Stream, code: int) -> None:
        if code:
            said = stream.get_last_error(ctypes.byref(stream))
            raise ArrowError(said.decode(errors="replace") if said else f"error {code}")


def children(of: Any) -> list[Any]:
    """The children of a schema or of an array."""
    return [of.children[place].contents for place in range(of.n_children)]


def metadata(schema: Schema) -> Mapping[bytes, bytes]:
    """What a schema says beyond its format: pairs of a name and a value, each with its length in front."""
    at = schema.metadata
    found: dict[bytes, bytes] = {}
    if not at:
        return found

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


def data(array: Array, buffer: int, start: int, length: int) -> bytes:
    """Return a part of a buffer, in bytes."""
    return ctypes.string_at(array.buffers[buffer] + start, length) if length > 0 else b""


def numbers(array: Array, buffer: int, code: str, start: int, length: int) -> Sequence[Any]:
    """Return numbers in a buffer.

    Args:
        array: the array.
        buffer: the place of the buffer.
        code: their type, as `struct` calls it.
        start: the place of the first, whatever the array's offset is.
        length: how many there are.
    """
    size = struct.calcsize(code)
    return struct.unpack(f"{length}{code}", data(array, buffer, start * size, length * size))


def bits(array: Array, buffer: int, start: int, length: int) -> str:
    """Return bits in a buffer, each as `1` or `0`."""
    first, last = start // 8, (start + length + 7) // 8
    number = int.from_bytes(data(array, buffer, first, last - first), "little") >> start % 8
    return f"{number & (1 << length) - 1:0{length}b}"[::-1] if length else ""


def valid(array: Array, start: int, length: int) -> str | None:
    """Return for each value `1`, or `0` if it is null; None if none is."""
    has_nulls = array.null_count and length and array.buffers[0]
    return bits(array, 0, array.offset + start, length) if has_nulls else None


def masked(array: Array, start: int, values: list[Any]) -> list[Any]:
    """Return values with None where the array has nulls, from a place in it on."""
    found = valid(array, start, len(values))
    if found is None:
        return values
    return [value if bit == "1" else None for value, bit in zip(values, found, strict=True)]
