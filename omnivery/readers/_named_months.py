"""Times with the name of a month, as people read them: of Kibana, Oracle, SQL Server and reports."""

from __future__ import annotations

import re

_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_WRITTEN = re.compile(
    r"(?:[A-Za-z]{3,9},? )?"
    r"(?:(?P<month>[A-Za-z]{3,9})\.? +(?P<day>\d{1,2})(?:st|nd|rd|th)?,? +(?P<year>\d{4})"
    r"|(?P<first_day>\d{1,2})(?P<sign>[ -])(?P<second_month>[A-Za-z]{3,9})\.?,?(?P=sign)(?P<last_year>\d{4}|\d\d))"
    r"(?:(?:,| @| at)? +(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]\d{1,9})?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d))?)?",
    re.ASCII,
)
"""`May 17, 2026 @ 10:05:03.000`, `May 17, 2026, 10:05 AM`, `17-MAY-26 10.05.03.000000 AM`, `17 May 2026 10:05`."""
_CENTURY = 50
"""Of two digits, Oracle takes those below it for years of this century: `RR`."""


def iso_text(text: str) -> str | None:
    """Return such a time in ISO 8601, without its fraction of a second; None if the text is none."""
    found = _WRITTEN.fullmatch(text.replace("\u202f", " "))  # ICU has a narrow blank before `AM`
    if found is None:
        return None
    month = _number_of(found["month"] or found["second_month"])
    year, hour = found["year"] or found["last_year"], _hour(found["hour"] or "0", found["half"])
    if month is None or hour is None:
        return None
    if len(year) == 2:  # noqa: PLR2004  # without its century
        year = f"{20 if int(year) < _CENTURY else 19}{year}"
    day = found["day"] or found["first_day"]
    time = f"{hour:02}:{found['minute'] or '00'}:{found['second'] or '00'}"
    zone = (found["zone"] or "Z").replace("UTC", "Z").replace("GMT", "Z")
    return f"{year}-{month:02}-{day:0>2}T{time}{zone}"


def _number_of(name: str) -> int | None:
    lowered = name.lower()
    written = (number for number, month in enumerate(_MONTHS, 1) if lowered in {month, month[:3], month[:4]})
    return next(written, None)


def _hour(text: str, half: str | None) -> int | None:
    hour = int(text)
    if half is None:
        return hour
    if not 1 <= hour <= 12:  # noqa: PLR2004  # as on the face of a clock
        return None
    return hour % 12 + (12 if half in "Pp" else 0)
