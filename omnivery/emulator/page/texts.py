"""Numbers, sizes, times and URLs as the page shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

STEPS = ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600))
"""For ages below the first number of seconds: the unit to show them in, and its length in seconds."""
DAY = 86_400


def number(value: float) -> str:
    """Format a whole number with thousands separators."""
    return f"{value:,.0f}"


def share(part: float, whole: float) -> str:
    """Format a part of a whole as a percentage; a dash if there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else "–"  # noqa: RUF001  # an en dash stands for no value


def size(octets: int) -> str:
    """Format a number of bytes in powers of ten."""
    if octets < 1000:  # noqa: PLR2004  # the next unit
        return f"{octets} B"
    kilobytes = octets / 1000
    return f"{kilobytes:.1f} kB" if kilobytes < 1000 else f"{kilobytes / 1000:.1f} MB"  # noqa: PLR2004


def exact(moment: datetime) -> str:
    """Format a time in UTC, to the millisecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def age(moment: datetime, now: datetime) -> str:
    """Format how long ago a time was. The script of the page does the same while the page is open."""
    seconds = max(0, int((now - moment).total_seconds()))
    for limit, unit, step in STEPS:
        if seconds < limit:
            return "now" if seconds < 1 else f"{seconds // step} {unit}"
    return f"{seconds // DAY} d"


def masked(url: str) -> str:
    """Return a URL with its password, if it has one, replaced by asterisks."""
    try:
        parts = urlsplit(url)
        if parts.password is None:
            return url
    except ValueError:
        return url
    user, host = parts.username or "", parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:***@{host}"))
