"""Times as people's systems write them, in whole unix seconds."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from omnivery.readers._log_time import SECONDS_UNTIL, clf_seconds, whole_number
from omnivery.readers._named_months import iso_text


def unix_time(value: object) -> int | None:  # noqa: PLR0911  # one for each kind of value
    """Return a time in whole unix seconds, without its fraction of a second; None if the value is no time.

    Numbers, also as text and with an exponent, are seconds, or else milliseconds, microseconds or nanoseconds if as
    seconds they would lie beyond the year 5138; digits that are a date, `20260517100503`, are that date, and a
    day of a spreadsheet with its fraction, `46159.42`, is no time. Other texts are in ISO 8601, as of BigQuery
    (`2026-05-17 10:05:03 UTC`), Snowflake and Trino, in the common log format, as in an e-mail's `Date`, or with
    the name of a month as reports have it. A time without a zone is in UTC.
    """
    if isinstance(value, str):
        if value.isdecimal() and value.isascii() and len(value) < len(str(SECONDS_UNTIL)) and len(value) != _DATE:
            return int(value)
        if value[4:5] == value[7:8] == "-" and value[:4].isdecimal():  # most are, and no number is
            return _of_text(value.strip())
        text = value.strip()
        number = whole_number(text)
        return _of_text(text) if number is None else _in_seconds(number, whole=not _FRACTION.search(text))
    if isinstance(value, datetime):
        return _seconds(value)
    if isinstance(value, date):
        return _seconds(datetime.combine(value, time()))
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    # A whole number of hundreds of digits is no float.
    is_whole = isinstance(value, int)
    return _in_seconds(math.floor(value), whole=is_whole) if is_whole or math.isfinite(value) else None


_DATE = len("20260517")
_WITH_TIME = len("20260517100503")
_DIGITS = frozenset({_DATE, _WITH_TIME, _WITH_TIME + 3, _WITH_TIME + 6})
_DATES = range(19_700_101, 20_991_232)
"""Digits that are a date, alone or with a time of day and its fraction. As unix time, these numbers are in August 1970
or the 27th century."""
_LONG = range(10 ** (_WITH_TIME - 1), 10 ** max(_DIGITS))
_SERIAL = range(20_000, 80_000)
"""Days as spreadsheets count them, for a century. Programs differ in the first one."""
_FRACTION = re.compile(r"[.,]")


def _in_seconds(number: int, *, whole: bool) -> int | None:
    if not whole and number in _SERIAL:
        return None
    if (
        (number in _DATES or number in _LONG)
        and len(digits := str(number)) in _DIGITS
        and int(digits[:_DATE]) in _DATES
    ):
        found = _of_iso(f"{digits[:_DATE]}T{digits[_DATE:_WITH_TIME] or '000000'}")
        if found is not None:
            return found
    # Four units, each for the same span of years.
    for _ in ("s", "ms", "us", "ns"):
        if -SECONDS_UNTIL < number < SECONDS_UNTIL:
            return number
        number //= 1_000
    return None


def log_seconds(text: str) -> int | None:
    """Read what a log has in brackets: common log format in nearly all of them, or another time that tells its zone."""
    found = clf_seconds(text)
    if found is not None or not _TELLS_ZONE.fullmatch(text):
        return found
    return unix_time(text)


_TELLS_ZONE = re.compile(
    r"\d{9,20}(?:\.\d*)?|\d(?:\.\d*)?[eE]\+?\d{1,2}|\s?(?:[A-Z][a-z]{2}, )?\d{1,4}.{14,32}(?:Z|UTC|GMT|[+-]\d\d:?\d\d)",
    re.ASCII,
)
"""Unix time, or a time with a zone. A server's clock may be in any zone, and nobody knows in which."""


def _of_text(text: str) -> int | None:
    text = text.upper() if text.endswith("z") else text
    if text[4:5] == "-" or text[8:9] == "T":
        return _of_iso(text)
    if text[4:5] == text[7:8] == "/":
        return _of_iso(text.replace("/", "-", 2))
    if "/" in text[1:3]:
        found = _CLF.fullmatch(text)
        return clf_seconds(f"{found[1]:0>2}{found[2]} {(found[3] or '+0000').replace(':', '')}") if found else None
    if found := _DAY_FIRST.fullmatch(text):
        day, month, year, hour, time, zone = found.groups()
        return _of_iso(f"{year}-{month:0>2}-{day:0>2} {hour or '00':0>2}{time or ':00'}{zone or ''}")
    if (seconds := _of_mail(text)) is not None:
        return seconds
    named = iso_text(text)
    return None if named is None else _of_iso(named)


def _of_mail(text: str) -> int | None:
    if found := _DAY_OF_WEEK.fullmatch(text):
        month, day, before, time, zone, after = found.groups()
        text = f"{day} {month} {before or after} {time} {zone or '+0000'}" if before or after else text
    if not _MAIL_DATE.fullmatch(text):
        return None
    try:
        return _seconds(parsedate_to_datetime(text))
    except ValueError:  # no such day
        return None


_DAY_FIRST = re.compile(
    r"(\d{1,2})\.(\d{1,2})\.(\d{4})"
    r"(?:,? (\d{1,2})(:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)( ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?)?",
    re.ASCII,
)
"""As it is written where dates have dots: the day comes first there, and nowhere else."""
_CLF = re.compile(
    r"(\d{1,2})(/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d)(?:[.,]\d{1,9})?(?: (?:Z|UTC|GMT|([+-]\d\d:?\d\d)))?", re.ASCII
)
"""Common log format, also with a fraction of a second as some servers write it, or without a zone."""
_DAY_OF_WEEK = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2})(?: (\d{4}))? (\d\d:\d\d:\d\d)"
    r"(?: (?:UTC|(?:GMT)?([+-]\d{4})|GMT))?(?: (\d{4}))?(?: \([^()]{1,64}\))?",
    re.ASCII,
)
"""C's `ctime`, Java's `Date` in UTC, and JavaScript's: `Sun May 17 2026 12:05:03 GMT+0200 (Central European …)`."""
_MAIL_DATE = re.compile(
    r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|GMT|UTC)", re.ASCII
)
"""RFC 5322, section 3.3."""


def _of_iso(text: str) -> int | None:
    try:
        return _seconds(datetime.fromisoformat(text))
    except ValueError:  # most are read before the pattern is looked at
        pass
    if found := _SUFFIXED.fullmatch(text):
        return _of_iso(found[1])
    found = _ZONED.fullmatch(text)
    if found is None:
        return None
    try:
        moment, zone = datetime.fromisoformat(found[1]), found[2]
        if zone[0] in "+-":
            return _seconds(datetime.fromisoformat(found[1] + zone))
        return _seconds(moment.replace(tzinfo=UTC if zone in {"UTC", "GMT", "Z"} else ZoneInfo(zone)))
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        return None


_ZONED = re.compile(
    r"(\S+[ T]\S+) ?(UTC|GMT|(?<= )Z|(?<= )[+-]\d\d(?::?\d\d)?|(?<= )[A-Za-z]+/[A-Za-z_/+-]+)"
    r"(?:(?<=[+-]\d{4}) [A-Z]{1,5}(?: m=[+-][\d.]+)?)?",
    re.ASCII,
)
"""A time with its zone set apart, or named, or both as Go writes it: in ISO 8601 it has neither."""
_SUFFIXED = re.compile(r"(\S+(?:Z|[+-]\d\d:\d\d))\[[\w/+-]{1,64}\]", re.ASCII)
"""RFC 9557, and Java's `ZonedDateTime`: the name of the zone behind the offset, which tells the moment by itself."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _seconds(moment: datetime) -> int:
    # Not timestamp(), which is a float: it cannot tell the last microseconds of a second from the next one.
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return since.days * 86_400 + since.seconds
