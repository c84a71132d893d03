"""Values of columns in the form in which they are sent: one form for each, whichever library has read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, auto
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from attrs import frozen

from omnivery.events.ip_address import client_address
from omnivery.readers._times import unix_time


class Kind(Enum):
    """What has to be known of a column's type to write its values."""

    TIMESTAMP = auto()
    DATE = auto()
    DURATION = auto()
    UUID = auto()
    FIXED = auto()
    """Bytes of a fixed number: keys and digests."""
    MAP = auto()
    OTHER = auto()
    """Whatever the library makes of it."""


@frozen
class ColumnType:
    """The type of a column."""

    kind: Kind = Kind.OTHER
    per_second: int = 1
    """How many units of a timestamp or a duration are a second."""
    zone: str | None = None
    """The time zone of a timestamp."""

    @property
    def counted(self) -> bool:
        """Whether the values are wanted as whole numbers of units: no library has a Python object for each of them."""
        return self.kind in {Kind.TIMESTAMP, Kind.DATE, Kind.DURATION}


PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def own_values(values: list[Any], of: ColumnType) -> list[Any]:
    """Values in their JSON form; see `arrow()` for what becomes of those that have none."""
    if of.kind is Kind.OTHER:
        return values if _PLAIN.issuperset(map(type, values)) else [plain(value) for value in values]
    return [None if value is None else _typed(value, of) for value in values]


def text_values(values: list[Any], of: ColumnType) -> list[Any]:
    """Values as text, which is what the event's fields are: a key that is a number in the table, for instance.

    Lists and structs stay what they are, for the run to reject.
    """
    if of.kind is Kind.OTHER:
        return values if _TEXT.issuperset(map(type, values)) else [text(value) for value in values]
    return own_values(values, of)


def ip_values(values: list[Any], of: ColumnType) -> list[Any]:
    """IP addresses as they are sent. What is none is left as it is, for the run to reject."""
    return [client_address(one) or one if type(one) is str else one for one in text_values(values, of)]


def seconds_values(values: list[Any], of: ColumnType) -> list[Any]:
    """Whole unix seconds. What is no time is left as it is, for the run to reject."""
    if of.kind is Kind.TIMESTAMP:
        return [None if count is None or abs(count) >= _INFINITE else count // of.per_second for count in values]
    if of.kind is Kind.DATE:
        return [None if days is None else days * _DAY for days in values]
    return [None if _is_missing(value) else value if (found := unix_time(value)) is None else found for value in values]


_PLAIN = frozenset({str, int, bool, type(None)})
_TEXT = frozenset({str, type(None)})
_DAY = 86_400
_INFINITE = 2**63 - 1
"""What databases write for a time without end."""


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
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        # pandas has a time that is none; it equals nothing.
        return value.isoformat() if value == value else None  # noqa: PLR0124
    if isinstance(value, timedelta):
        return _duration(value // timedelta(microseconds=1)) if value == value else None  # noqa: PLR0124
    if isinstance(value, bytes | bytearray):
        return _decoded(bytes(value))
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else None
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        if value and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):  # noqa: PLR2004  # of a map
            return {str(name): plain(part) for name, part in value}
        return [plain(part) for part in value]
    return _other(value)


def _other(value: Any) -> Any:
    if hasattr(value, "tolist"):  # a value of numpy, or an array
        found = value.tolist()
        return plain(found) if found is not value else str(value)
    if type(value).__name__ in {"NAType", "NaTType"}:  # pandas' own words for None
        return None
    return str(value)


def _typed(value: Any, of: ColumnType) -> Any:  # noqa: PLR0911  # one for each kind
    try:
        match of.kind:
            case Kind.TIMESTAMP:
                moment = _EPOCH + timedelta(microseconds=value * 1_000_000 // of.per_second)
                return (
                    moment.replace(tzinfo=None) if of.zone is None else moment.astimezone(_zone(of.zone))
                ).isoformat()
            case Kind.DATE:
                return (_EPOCH.date() + timedelta(days=value)).isoformat()
            case Kind.DURATION:
                return _duration(value * 1_000_000 // of.per_second)
            case Kind.UUID:
                return str(UUID(bytes=bytes(value)))
            case Kind.MAP:
                return plain(dict(value))
            case _:
                return bytes(value).hex()
    except (OverflowError, ValueError, TypeError):  # Python has no such date; a UUID of another length
        return None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if name[:1] in {"+", "-"}:
        return timezone(datetime.fromisoformat(f"1970-01-01T00:00{name}").utcoffset() or timedelta(0))
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # not known here: the moment is the same in UTC
        return UTC


def _duration(microseconds: int) -> str:
    """ISO 8601, in seconds alone: a day may have more hours than another."""
    whole, rest = divmod(abs(microseconds), 1_000_000)
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return f"{'-' if microseconds < 0 else ''}PT{whole}{fraction}S"


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()
