"""Values of columns in the form in which they are sent: one form for each, whichever library has read them."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from typing import Any
from uuid import UUID

from omnivery.events.ip_address import are_addresses, client_address
from omnivery.readers._column_types import COUNTED, ColumnType, Kind
from omnivery.readers._time_text import clock_text, date_text, duration_text, interval_text, moment_text
from omnivery.readers._times import unix_time


class Unreadable:
    """Stands for a value that no library can say. It has no JSON form, so a run rejects its event, and says why."""


UNREADABLE = Unreadable()


def own_values(values: list[Any], of: ColumnType) -> list[Any]:
    """Values in their JSON form; see `arrow()` for what becomes of those that have none."""
    if of.special:
        return list(map(form_of(of), values))
    return values if _PLAIN.issuperset(map(type, values)) else [plain(value) for value in values]


def text_values(values: list[Any], of: ColumnType) -> list[Any]:
    """Values as text, which is what the event's fields are: a key that is a number in the table, for instance.

    Lists and structs stay what they are, for the run to reject.
    """
    if not of.special and _TEXT.issuperset(map(type, values)):
        return values
    return [text(value) for value in own_values(values, of)]


def ip_values(values: list[Any], of: ColumnType) -> list[Any]:
    """IP addresses as they are sent. What is none is left as it is, for the run to reject."""
    texts = text_values(values, of)
    try:
        if are_addresses([one for one in texts if one is not None]):
            return texts
    except (OSError, TypeError, ValueError):  # one of them is none, or has a port
        pass
    return [client_address(one) or one if type(one) is str else one for one in texts]


def seconds_values(values: list[Any], of: ColumnType) -> list[Any]:
    """Whole unix seconds. What is no time is left as it is, for the run to reject."""
    if (of.kind in _PER_DAY or of.kind is Kind.TIMESTAMP) and _COUNTS.issuperset(map(type, values)):
        last = _last(of.kind)
        units, seconds = (of.per_second, 1) if of.kind is Kind.TIMESTAMP else (_PER_DAY[of.kind], 86_400)
        if values and None not in values and -last < min(values) and max(values) < last:
            return [count // units * seconds for count in values]
        return [count // units * seconds if count is not None and -last < count < last else None for count in values]
    if of.special:
        values = own_values(values, of)
    return [None if _is_missing(value) else value if (found := _seconds(value)) is None else found for value in values]


def _seconds(value: Any) -> int | None:
    # A text of which the table does not say that it is one, as older writers of Parquet have it.
    return unix_time(bytes_text(value) if isinstance(value, bytes) else value)


_COUNTS = frozenset({int, type(None)})
_PER_DAY = {Kind.DATE: 1, Kind.MILLISECOND_DATE: 86_400_000}


@lru_cache(maxsize=256)
def form_of(of: ColumnType) -> Callable[[Any], Any]:
    """Return what gives the values of a type their JSON form."""
    if not of.special:
        return plain
    form, stored = _form(of), _STORED[of.kind]
    # What a library could not rewrite has an object of its own.
    return lambda value: form(value) if isinstance(value, stored) else plain(value)


_STORED: Mapping[Kind, type | tuple[type, ...]] = {
    **dict.fromkeys(COUNTED, int),
    **dict.fromkeys((Kind.FLOAT32, Kind.FLOAT16), float),
    **dict.fromkeys((Kind.UUID, Kind.FIXED), bytes),
    **dict.fromkeys((Kind.TRUTH, Kind.PERIOD), int),
    Kind.INTERVAL: (str, tuple, bytes),
    Kind.LIST: list,
    Kind.STRUCT: dict,
    Kind.MAP: (list, dict),
}


def _form(of: ColumnType) -> Callable[[Any], Any]:  # noqa: C901, PLR0911  # one for each kind
    parts = list(map(form_of, of.parts))
    match of.kind:
        case Kind.LIST:
            return lambda value: list(map(parts[0], value))
        case Kind.STRUCT:
            members = list(zip(of.names, parts, strict=True))
            return lambda value: {name: form(value.get(name)) for name, form in members}
        case Kind.MAP:
            return lambda value: _map(value, parts)
        case Kind.TIMESTAMP:
            return lambda value: _endless(value, of.kind) or moment_text(value, of.per_second, of.zone)
        case Kind.DATE | Kind.MILLISECOND_DATE:
            return lambda value: _endless(value, of.kind) or date_text(value // _PER_DAY[of.kind])
        case Kind.TIME:
            return lambda value: clock_text(value, of.per_second)
        case Kind.DURATION:
            return lambda value: duration_text(value, of.per_second)
        case Kind.UUID:
            return lambda value: str(UUID(bytes=value)) if len(value) == 16 else value.hex()  # noqa: PLR2004  # as long as one is
        case Kind.PERIOD:
            return lambda value: _period(value, of.detail)
        case Kind.FLOAT32 | Kind.FLOAT16:
            code, digits = _FLOATS[of.kind]
            return lambda value: _short_float(value, code, digits)
    return _FORMS[of.kind]


def _map(value: Any, parts: Sequence[Callable[[Any], Any]]) -> Any:
    # Its entries: pairs, or structs of two where the library knows no maps.
    if isinstance(value, dict):
        value = list(value.items())
    pairs = [tuple(entry.values()) if isinstance(entry, dict) else entry for entry in value]
    if len(parts) != 2 or any(len(pair) != 2 for pair in pairs):  # noqa: PLR2004  # a name and a value
        return plain(value)
    key, item = parts
    return object_of([(key(name), item(one)) for name, one in pairs])


@lru_cache(maxsize=1_024)  # pandas takes its time, and a period has many events
def _period(ordinal: int, detail: str) -> Any:
    """What pandas writes: it alone knows its periods."""
    try:
        return str(import_module("pandas").Period(ordinal=ordinal, freq=json.loads(detail)["freq"]))
    except (ValueError, LookupError, TypeError, OverflowError):
        return UNREADABLE


def _endless(count: int, kind: Kind) -> str | None:
    """What PostgreSQL and DuckDB call the times that are the last of their numbers."""
    last = _last(kind)
    return None if -last < count < last else "infinity" if count > 0 else "-infinity"


def _last(kind: Kind) -> int:
    return 2**31 - 1 if kind is Kind.DATE else 2**63 - 1


_FLOATS = {Kind.FLOAT32: ("f", 6), Kind.FLOAT16: ("e", 3)}
_EXACT = 2**53


def _short_float(value: float, code: str, digits: int) -> float | None:
    """The number that people wrote: with the fewest digits that tell it from its neighbours of that width."""
    if not math.isfinite(value):
        return None
    if value.is_integer() and abs(value) < _EXACT:
        return value
    packed = struct.pack(code, value)
    for count in range(digits, digits + 3):
        if struct.pack(code, found := float(f"{value:.{count}g}")) == packed:
            return found
    return value


def _interval(value: Any) -> str:
    if isinstance(value, tuple):
        return interval_text(*value)
    if isinstance(value, bytes):  # as Parquet has it
        months, days, milliseconds = struct.unpack("<III", value)
        return interval_text(months, days, milliseconds * 1_000_000)
    found = dict.fromkeys(_NANOSECONDS, Decimal(0))
    found |= {unit: Decimal(number) for number, unit in _PARTS.findall(value)}
    nanoseconds = sum(found[unit] * size for unit, size in _NANOSECONDS.items())
    return interval_text(int(found["mons"]), int(found["days"]), int(nanoseconds))


_PARTS = re.compile(r"(-?[\d.]+) (\w+)")
"""As arro3 writes an interval: `14 mons 2 days -1 hours 3.500000000 secs`."""
_NANOSECONDS = {"mons": 0, "days": 0, "hours": 3_600 * 10**9, "mins": 60 * 10**9, "secs": 10**9}


_FORMS: Mapping[Kind, Callable[[Any], Any]] = {Kind.INTERVAL: _interval, Kind.FIXED: bytes.hex, Kind.TRUTH: bool}
_PLAIN = frozenset({str, int, bool, type(None)})
_TEXT = frozenset({str, type(None)})


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def text(value: Any) -> Any:
    """One value as text; None, lists and mappings as they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    # A column of whole numbers with a gap in it is one of floats in pandas.
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    found = plain(whole)
    return found if found is None or isinstance(found, str | list | dict | Unreadable) else str(found)


def plain(value: Any) -> Any:  # noqa: PLR0911  # one for each kind of value
    """One value in its JSON form."""
    if type(value) in _PLAIN or value is UNREADABLE:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        # pandas has a time that is none; it equals nothing.
        return value.isoformat() if value == value else None  # noqa: PLR0124
    if isinstance(value, timedelta):
        return _duration(value) if value == value else None  # noqa: PLR0124
    if isinstance(value, bytes | bytearray):
        return bytes_text(bytes(value))
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else None
    if isinstance(value, Mapping):
        return object_of([(name, plain(part)) for name, part in value.items()])
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return _other(value)


def object_of(pairs: list[tuple[Any, Any]]) -> dict[str, Any] | list[list[Any]]:
    """The JSON form of a map; its pairs, if two have one name: an object would hold one of them."""
    found = {name if isinstance(name, str) else str(text(name)): value for name, value in pairs}
    return found if len(found) == len(pairs) else [list(pair) for pair in pairs]


def bytes_text(value: bytes) -> str:
    """The text that bytes are in UTF-8, or else their hexadecimal digits."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _duration(value: timedelta) -> str:
    # Those of pandas have nanoseconds, too.
    nanoseconds = value // timedelta(microseconds=1) * 1_000 + getattr(value, "nanoseconds", 0)
    return duration_text(nanoseconds, 1_000_000_000)


def _other(value: Any) -> Any:
    kind = type(value).__name__
    if kind == "datetime64":
        return None if value != value else str(value)  # noqa: PLR0124  # that is none equals nothing
    if kind in {"float16", "float32"}:
        return plain(float(str(value)))  # the digits that were written
    if hasattr(value, "tolist"):  # a value of numpy, or an array
        found = value.tolist()
        return plain(found) if found is not value else str(value)
    if kind in {"NAType", "NaTType"}:  # pandas' own words for None
        return None
    return str(value)
