"""Values of Arrow's types that have no parts, in the form in which they are sent."""

from __future__ import annotations

import ctypes
import math
import struct
import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

from omnivery.readers._arrow_memory import CODES, Array, ArrowError, Read, bits, data, masked, numbers, valid
from omnivery.readers._column_values import bytes_text
from omnivery.readers._time_text import clock_text, date_text, duration_text, interval_text, moment_text

PER_SECOND = {"s": 1, "m": 1_000, "u": 1_000_000, "n": 1_000_000_000}


def leaf(form: str, *, times: bool) -> Read:
    """Return what reads the values of a type, by what Arrow calls it.

    Raises:
        ArrowError: the type is not known.
    """
    if form in _READS:
        return _READS[form]
    name, _, detail = form.partition(":")
    if name[:2] == "ts":
        per_second = PER_SECOND[name[2]]
        return partial(counted, "q", partial(_seconds if times else _moment, per_second, detail or None))
    if name in {"tdD", "tdm"}:
        return partial(_dates, name == "tdm", _date_seconds if times else _date)
    if name == "d":
        _, scale, *width = map(int, detail.split(","))
        return partial(fixed, (width[0] if width else 128) // 8, partial(_decimal, scale))
    raise ArrowError(f"values of the Arrow type {form!r} cannot be read")


def plain_numbers(code: str, array: Array, start: int, length: int) -> list[Any]:
    """Numbers as they are."""
    return masked(array, start, list(numbers(array, 1, code, array.offset + start, length)))


def counted(code: str, say: Callable[[Any], Any], array: Array, start: int, length: int) -> list[Any]:
    """Numbers, each in its form."""
    return [None if value is None else say(value) for value in plain_numbers(code, array, start, length)]


def fixed(size: int, say: Callable[[bytes], Any], array: Array, start: int, length: int) -> list[Any]:
    """Bytes of a fixed number, each in its form."""
    found = data(array, 1, (array.offset + start) * size, length * size)
    return masked(array, start, [say(found[place * size : (place + 1) * size]) for place in range(length)])


def _offsets(code: str, say: Callable[[bytes], str], array: Array, start: int, length: int) -> list[Any]:
    """Text or bytes, one behind the other."""
    if not length:
        return []
    offsets = numbers(array, 1, code, array.offset + start, length + 1)
    first = offsets[0]
    found = data(array, 2, first, offsets[-1] - first)
    if say is bytes_text and found.isascii():
        text = found.decode("ascii")
        return masked(array, start, [text[begin - first : end - first] for begin, end in pairwise(offsets)])
    return masked(array, start, [say(found[begin - first : end - first]) for begin, end in pairwise(offsets)])


_INLINE = 12
"""So many bytes stand in a view itself."""


def _views(say: Callable[[bytes], str], array: Array, start: int, length: int) -> list[Any]:
    """Text or bytes anywhere in several buffers."""
    views = data(array, 1, (array.offset + start) * 16, length * 16)
    places = struct.iter_unpack("=iiii", views)
    buffers = [array.buffers[place] for place in range(2, array.n_buffers - 1)]
    # What stands in the view of a null is not said.
    shown = valid(array, start, length) or "1" * length
    return [
        None
        if bit == "0"
        else say(views[at + 4 : at + 4 + size] if size <= _INLINE else ctypes.string_at(buffers[buffer] + offset, size))
        for at, bit, (size, _, buffer, offset) in zip(range(0, length * 16, 16), shown, places, strict=True)
    ]


BYTES: Mapping[str, Callable[[Callable[[bytes], str], Array, int, int], list[Any]]] = {
    "u": partial(_offsets, "i"),
    "z": partial(_offsets, "i"),
    "U": partial(_offsets, "q"),
    "Z": partial(_offsets, "q"),
    "vu": _views,
    "vz": _views,
}
"""What reads texts and bytes of any number."""


def _nulls(array: Array, start: int, length: int) -> list[Any]:  # noqa: ARG001  # as every other
    return [None] * length


def _truths(array: Array, start: int, length: int) -> list[Any]:
    return masked(array, start, [bit == "1" for bit in bits(array, 1, array.offset + start, length)])


def _float(value: float) -> float | None:
    return value if math.isfinite(value) else None


_EXACT = 2**53


def _short_float(code: str, digits: int, value: float) -> float | None:
    """The number that people wrote: with the fewest digits that tell it from its neighbours of that width."""
    if not math.isfinite(value):
        return None
    if value.is_integer() and abs(value) < _EXACT:
        return value
    packed = struct.pack(code, value)
    shorter = (float(f"{value:.{count}g}") for count in range(digits, digits + 3))
    return next((found for found in shorter if struct.pack(code, found) == packed), value)


def _decimal(scale: int, value: bytes) -> str:
    number = int.from_bytes(value, sys.byteorder, signed=True)
    if scale <= 0:
        return str(number * 10**-scale)
    digits = f"{abs(number):0{scale + 1}}"
    return f"{'-' if number < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"


# What PostgreSQL and DuckDB call the times that are the last of their numbers.
def _endless(count: int, bits_: int) -> str | None:
    last = (1 << bits_ - 1) - 1
    return None if -last < count < last else "infinity" if count > 0 else "-infinity"


def _moment(per_second: int, zone: str | None, count: int) -> str:
    return _endless(count, 64) or moment_text(count, per_second, zone)


def _seconds(per_second: int, _: str | None, count: int) -> int | None:
    return None if _endless(count, 64) else count // per_second


def _dates(milliseconds: bool, say: Callable[[int], Any], array: Array, start: int, length: int) -> list[Any]:  # noqa: FBT001  # bound by partial
    if milliseconds:
        return counted("q", lambda count: say(count // 86_400_000), array, start, length)
    return counted("i", say, array, start, length)


def _date(days: int) -> str:
    return _endless(days, 32) or date_text(days)


def _date_seconds(days: int) -> int | None:
    return None if _endless(days, 32) else days * 86_400


def _day_time(value: bytes) -> str:
    days, milliseconds = struct.unpack("ii", value)
    return interval_text(0, days, milliseconds * 1_000_000)


_READS: Mapping[str, Read] = {
    "n": _nulls,
    "b": _truths,
    **{form: partial(plain_numbers, code) for form, code in CODES.items()},
    "g": partial(counted, "d", _float),
    "f": partial(counted, "f", partial(_short_float, "f", 6)),
    "e": partial(counted, "e", partial(_short_float, "e", 3)),
    **{f"tt{unit}": partial(counted, "i", partial(clock_text, per_second=PER_SECOND[unit])) for unit in "sm"},
    **{f"tt{unit}": partial(counted, "q", partial(clock_text, per_second=PER_SECOND[unit])) for unit in "un"},
    **{f"tD{unit}": partial(counted, "q", partial(duration_text, per_second=PER_SECOND[unit])) for unit in "smun"},
    "tiM": partial(counted, "i", lambda months: interval_text(months, 0, 0)),
    "tiD": partial(fixed, 8, _day_time),
    "tin": partial(fixed, 16, lambda value: interval_text(*struct.unpack("iiq", value))),
    # Whole numbers of 128 bits, which Arrow does not have.
    "_pli128": partial(fixed, 16, partial(int.from_bytes, byteorder=sys.byteorder, signed=True)),
    "_plu128": partial(fixed, 16, partial(int.from_bytes, byteorder=sys.byteorder)),
}
