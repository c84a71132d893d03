"""Times as web servers log them, in whole unix seconds."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from math import floor
from typing import TypeAlias

Clock: TypeAlias = Callable[[str], int | None]
"""Turns a time as it was logged into whole unix seconds; None if it is no time."""

NO_TIME = "time stamp is no date"
"""Why a line cannot be read whose time is none."""


def clf_seconds(text: str) -> int | None:
    """Read `17/May/2015:10:05:03 +0000`. `strptime` would be slower, and would read month names by the locale."""
    second = _SECONDS.get(text[17:20])
    start = _minute(text[:17], text[20:]) if second is not None else None
    return None if start is None or second is None else start + second


@lru_cache(maxsize=1_024)
def _minute(minute: str, zone: str) -> int | None:
    # Lines of one minute stand together: what follows takes ten times as long as the look-up.
    found = _MINUTE.fullmatch(minute + zone)
    if found is None:
        return None
    day, month, year, hour, of_hour, sign, zone_hours, zone_minutes = found.groups()
    try:
        days = date(int(year), _MONTHS.index(month) + 1, int(day)).toordinal() - _EPOCH
    except ValueError:  # no such month, or no such day in it
        return None
    ahead = int(zone_hours) * 3600 + int(zone_minutes) * 60
    local = days * 86_400 + int(hour) * 3600 + int(of_hour) * 60
    return local - ahead if sign == "+" else local + ahead


# A leap second, 23:59:60, counts as the first of the next day, as it does in POSIX time.
_SECONDS = {f":{second:02}": second for second in range(61)}
_MINUTE = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):([01]\d|2[0-3]):([0-5]\d) ([+-])([01]\d)([0-5]\d)", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = date(1970, 1, 1).toordinal()


def iso_seconds(text: str) -> int | None:
    """Read a time in ISO 8601, which is in UTC unless it has a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 1)


def unix_clock(per_second: int = 1) -> Clock:
    """Return what reads unix time in a unit of which a second has so many; a fraction is cut off."""

    def seconds(text: str) -> int | None:
        number = whole_number(text)
        return None if number is None or not 0 <= number // per_second < SECONDS_UNTIL else number // per_second

    return seconds


SECONDS_UNTIL = 100_000_000_000
"""A number that is not below it is no unix time in seconds: it would lie beyond the year 5138."""


def whole_number(text: str) -> int | None:
    """Read a number as people's systems write it, without its fraction; None if the text is none.

    It may have an exponent (`1.7605E+12`), as programs write large floats and spreadsheets large numbers. Where these
    have a comma for a point, so may a number; not one that may be of thousands.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    whole, rest = found.groups()
    return int(whole) if not rest else floor(Decimal(text.replace(",", ".")))


_NUMBER = re.compile(r"([+-]?\d{1,20})(?:|(\.\d*+|(?<=\d{9}),\d++|(?:[.,]\d*+)?[eE][+-]?\d{1,2}))", re.ASCII)


def strptime_clock(pattern: str) -> Clock:
    """Return what reads a time in the notation of `strptime`; it is in UTC unless it has a zone.

    Raises:
        ValueError: it has a directive that `strptime` does not know.
    """
    datetime.strptime(datetime.now(UTC).strftime(pattern), pattern)  # noqa: DTZ007  # it is of no interest here

    def seconds(text: str) -> int | None:
        try:
            moment = datetime.strptime(text, pattern)  # noqa: DTZ007  # the zone is looked at below
        except ValueError:
            return None
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 1)

    return lru_cache(maxsize=64)(seconds)


def told_by(pattern: str) -> int:
    """Return what a time in the notation of `strptime` tells: `ZONED`, `WHOLE`, or `PART` of a day and its time."""
    try:
        read = datetime.strptime(_PROBE.strftime(pattern), pattern)  # noqa: DTZ007  # the zone is what is asked for
    except ValueError:
        return PART
    if read.replace(second=0, microsecond=0, tzinfo=UTC) != _PROBE:
        return PART
    return WHOLE if read.tzinfo is None else ZONED


PART, WHOLE, ZONED = range(3)
"""How much a field tells of a time: less than a day and a time of it, both, or both and the zone."""
_PROBE = datetime(2023, 11, 29, 21, 47, tzinfo=UTC)
