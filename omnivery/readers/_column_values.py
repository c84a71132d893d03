"""Values of columns in the form in which they are sent, and Python's own objects in that form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from omnivery.events.ip_address import client_address
from omnivery.readers._time_text import duration_text
from omnivery.readers._times import unix_time


def text_values(values: list[Any]) -> list[Any]:
    """Values as text, which is what the event's fields are: a key that is a number in the table, for instance.

    Lists and structs stay what they are, for the run to reject.
    """
    return values if _TEXT.issuperset(map(type, values)) else [text(value) for value in values]


def ip_values(values: list[Any]) -> list[Any]:
    """IP addresses as they are sent. What is none is left as it is, for the run to reject."""
    return [client_address(one) or one if type(one) is str else one for one in text_values(values)]


def seconds_values(values: list[Any]) -> list[Any]:
    """Whole unix seconds. What is no time is left as it is, for the run to reject."""
    return [None if _is_missing(value) else value if (found := unix_time(value)) is None else found for value in values]


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
    return found if found is None or isinstance(found, str | list | dict) else str(found)


def plain(value: Any) -> Any:  # noqa: PLR0911  # one for each kind of value
    """One value in its JSON form."""
    if type(value) in _PLAIN:
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
    # pandas counts more than Python does.
    nanoseconds = value // timedelta(microseconds=1) * 1_000 + getattr(value, "nanoseconds", 0)
    return duration_text(nanoseconds, 1_000_000_000)


def _other(value: Any) -> Any:
    kind = type(value).__name__
    if kind == "datetime64":
        return None if value != value else str(value)  # noqa: PLR0124  # that is none equals nothing
    if hasattr(value, "tolist"):  # a value of numpy, or an array
        found = value.tolist()
        return plain(found) if found is not value else str(value)
    if kind in {"NAType", "NaTType"}:  # pandas' own words for None
        return None
    return str(value)
