"""Values of a table's columns as JSON knows them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from omnivery.readers._columns import unix_seconds

_PLAIN = frozenset({str, int, bool, type(None)})


def plain_column(values: list[Any]) -> list[Any]:
    """Values in their JSON form; see `arrow()` for what becomes of those that have none."""
    return values if _PLAIN.issuperset(map(type, values)) else [_plain(value) for value in values]


def text_column(values: list[Any]) -> list[Any]:
    """Values as text, which is what the event's fields are: a key that is a number in the table, for instance."""
    return values if _TEXT.issuperset(map(type, values)) else [_text(value) for value in values]


def seconds_column(values: list[Any]) -> list[Any]:
    """Whole unix seconds, from numbers and from text. What is neither is left as it is, for the run to reject."""
    return values if _WHOLE.issuperset(map(type, values)) else [_seconds(value) for value in values]


_TEXT = frozenset({str, type(None)})
_WHOLE = frozenset({int, type(None)})


def _plain(value: Any) -> Any:  # noqa: PLR0911  # one for each kind of value
    if type(value) in _PLAIN:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return str(value)


def _text(value: Any) -> Any:
    # A column of whole numbers with a gap in it is one of floats in pandas.
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    plain = _plain(whole)
    return plain if plain is None else str(plain)


def _seconds(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return unix_seconds(value) if isinstance(value, str) else value
    except (ValueError, OverflowError):
        return value


def _duration(value: timedelta) -> str:
    """ISO 8601, in seconds alone: a day may have more hours than another."""
    microseconds = abs(value) // timedelta(microseconds=1)
    whole, rest = divmod(microseconds, 1_000_000)
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return f"{'-' if value < timedelta(0) else ''}PT{whole}{fraction}S"


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()
