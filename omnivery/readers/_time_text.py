"""Times, dates, durations and intervals of columns as text in ISO 8601, also those that Python has no object for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = 86_400
_NANO = 1_000_000_000
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999, in unix seconds."""
_CYCLE, _CYCLE_DAYS = 400, 146_097
"""Years after which the calendar begins anew."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_text(count: int, per_second: int, zone: str | None) -> str:
    """Return a timestamp as text, with its offset from UTC if it has a zone."""
    seconds, rest = divmod(count, per_second)
    fraction = _fraction(rest * (_NANO // per_second))
    if _FIRST <= seconds <= _LAST:
        moment = _EPOCH + timedelta(seconds=seconds)
        try:
            text = (moment if zone is None else moment.astimezone(_zone(zone))).isoformat()
            return text[:19] + fraction + ("" if zone is None else text[19:])
        except OverflowError:  # in its zone, it lies in another year
            pass
    days, of_day = divmod(seconds, _DAY)
    return f"{date_text(days)}T{clock_text(of_day, 1)}{fraction}{'' if zone is None else '+00:00'}"


def date_text(days: int) -> str:
    """Return a date as text: years beyond 9999 and before 0 have more digits and a sign in ISO 8601."""
    cycles, rest = divmod(days, _CYCLE_DAYS)
    day = (_EPOCH + timedelta(days=rest)).date()
    year = day.year + cycles * _CYCLE
    return f"{year:04}{day:-%m-%d}" if 0 <= year <= 9_999 else f"{year:+05}{day:-%m-%d}"  # noqa: PLR2004


def clock_text(count: int, per_second: int) -> str:
    """Return a time of the day as text."""
    seconds, rest = divmod(abs(count), per_second)
    minutes, second = divmod(seconds, 60)
    sign = "-" if count < 0 else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{second:02}{_fraction(rest * (_NANO // per_second))}"


def duration_text(count: int, per_second: int) -> str:
    """Return a duration as text, in seconds alone: a day may have more hours than another."""
    return interval_text(0, 0, count * (_NANO // per_second))


def interval_text(months: int, days: int, nanoseconds: int) -> str:
    """Return an interval as text. Its parts do not make up for each other, so each has its sign if these differ."""
    negative = max(months, days, nanoseconds) <= 0 > min(months, days, nanoseconds)
    months, days, nanoseconds = (-part if negative else part for part in (months, days, nanoseconds))
    whole, rest = divmod(abs(nanoseconds), _NANO)
    point = f".{rest:09}".rstrip("0") if rest else ""
    date = (f"{months}M" if months else "") + (f"{days}D" if days else "")
    seconds = f"T{'-' if nanoseconds < 0 else ''}{whole}{point}S" if nanoseconds or not date else ""
    return f"{'-' if negative else ''}P{date}{seconds}"


def _fraction(nanoseconds: int) -> str:
    """Of a second, as Python writes it; with three more digits where they say something."""
    if not nanoseconds:
        return ""
    micro, nano = divmod(nanoseconds, 1_000)
    return f".{micro:06}{nano:03}" if nano else f".{micro:06}"


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    try:
        if name[:1] in {"+", "-"}:
            return timezone(datetime.fromisoformat(f"1970-01-01T00:00{name}").utcoffset() or timedelta(0))
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # not known here: the moment is the same in UTC
        return UTC
