"""Values of Arrow's types that have parts, from the values of these: lists, structs, maps, runs, unions."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from omnivery.readers._arrow_memory import CODES, Array, Read, masked, numbers, valid
from omnivery.readers._column_values import object_of

_FEW = 8_000
"""Values of a dictionary that are read at once, though some may not be wanted."""


def taken(form: str, read: Read, array: Array, start: int, length: int) -> list[Any]:
    """Values of a dictionary."""
    places = numbers(array, 1, CODES[form], array.offset + start, length)
    shown = valid(array, start, length) or "1" * length
    wanted = {place for place, bit in zip(places, shown, strict=True) if bit == "1"}
    if not wanted:
        return [None] * length
    of = array.dictionary.contents
    first, last = min(wanted), max(wanted)
    if last - first < _FEW:
        found = dict(enumerate(read(of, first, last - first + 1), first))
    else:
        found = {place: read(of, place, 1)[0] for place in wanted}
    return [found[place] if bit == "1" else None for place, bit in zip(places, shown, strict=True)]


_ENDS = {"s": ctypes.c_int16, "i": ctypes.c_int32, "l": ctypes.c_int64}


def runs(form: str, read: Read, array: Array, start: int, length: int) -> list[Any]:
    """Values that stand for several rows each."""
    if not length:
        return []
    last_rows, of = array.children[0].contents, array.children[1].contents
    kind: Any = _ENDS[form]
    ends = (kind * last_rows.length).from_address(last_rows.buffers[1] + last_rows.offset * ctypes.sizeof(kind))
    at, stop = array.offset + start, array.offset + start + length
    first, last = bisect_right(ends, at), bisect_right(ends, stop - 1)
    found: list[Any] = []
    for place, value in enumerate(read(of, first, last - first + 1), first):
        found += [value] * (min(ends[place], stop) - at - len(found))
    return found


def lists(code: str, read: Read, array: Array, start: int, length: int) -> list[Any]:
    """Lists, one behind the other."""
    if not length:
        return []
    offsets = numbers(array, 1, code, array.offset + start, length + 1)
    first = offsets[0]
    found = read(array.children[0].contents, first, offsets[-1] - first)
    return masked(array, start, [found[begin - first : end - first] for begin, end in pairwise(offsets)])


def list_views(code: str, read: Read, array: Array, start: int, length: int) -> list[Any]:
    """Lists anywhere in their values."""
    begins = numbers(array, 1, code, array.offset + start, length)
    sizes = numbers(array, 2, code, array.offset + start, length)
    shown = valid(array, start, length) or "1" * length
    of = array.children[0].contents
    return [
        read(of, begin, size) if bit == "1" else None for begin, size, bit in zip(begins, sizes, shown, strict=True)
    ]


def fixed_lists(size: int, read: Read, array: Array, start: int, length: int) -> list[Any]:
    """Lists that are equally long."""
    found = read(array.children[0].contents, (array.offset + start) * size, length * size)
    return masked(array, start, [found[place * size : (place + 1) * size] for place in range(length)])


def structs(names: Sequence[str], parts: Sequence[Read], array: Array, start: int, length: int) -> list[Any]:
    """Structs, as objects."""
    columns = [read(array.children[place].contents, array.offset + start, length) for place, read in enumerate(parts)]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] if parts else [{}] * length
    return masked(array, start, rows)


def pairs(read_key: Read, read_value: Read, array: Array, start: int, length: int) -> list[Any]:
    """The entries of maps."""
    keys, values = array.children[0].contents, array.children[1].contents
    at = array.offset + start
    return list(zip(read_key(keys, at, length), read_value(values, at, length), strict=True))


def maps(code: str, entries: Read, array: Array, start: int, length: int) -> list[Any]:
    """Maps, as objects."""
    return [None if found is None else object_of(found) for found in lists(code, entries, array, start, length)]


def unions(dense: bool, parts: Mapping[int, Read], array: Array, start: int, length: int) -> list[Any]:  # noqa: FBT001  # bound by partial
    """Values each of which has one of several types."""
    at = array.offset + start
    codes = numbers(array, 0, "b", at, length)
    places = numbers(array, 1, "i", at, length) if dense else range(at, at + length)
    of = {code: array.children[place].contents for place, code in enumerate(parts)}
    return [parts[code](of[code], place, 1)[0] for code, place in zip(codes, places, strict=True)]
