"""W3C's extended log format, whose `#Fields` line names the columns: IIS, CloudFront and others."""

# https://www.w3.org/TR/WD-logfile.html
# https://learn.microsoft.com/windows/win32/http/w3c-logging
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import MAXYEAR, MINYEAR, date, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from attrs import define, field

from omnivery.events.event import UnreadableLine
from omnivery.readers._log_time import iso_seconds
from omnivery.readers._request import Request, RequestReader
from omnivery.readers._text_log import decoded
from omnivery.readers._times import unix_time
from omnivery.readers._w3c_columns import DELIMITER, columns_of

_AGENTS = ("cs(user-agent)", "cs-user-agent")
_MOMENTS = frozenset({"timestamp", "timestamp(ms)"})
"""Fields of CloudFront with the time and the day in one."""
_FORWARDED = ("x-forwarded-for", "cs(x-forwarded-for)")


@define(eq=False, kw_only=True)
class W3CLogReader(RequestReader):
    """Reads lines whose columns a `#Fields` line above them names, or that have those of a server by default."""

    columns: Sequence[str] = ()
    """Those of lines that have no `#Fields` line above them, if the caller names them."""
    _looked_at: tuple[Mapping[str, Any] | None, Sequence[str]] | None = field(init=False, default=None)
    """The state that was looked at last, and the columns."""
    _fault: str | None = field(init=False, default=None)
    """Why lines cannot be read with it."""
    _is_cloudfront: bool = field(init=False, default=False)
    """Whether the columns are CloudFront's."""

    def request(self, line: bytes, number: int) -> Request | UnreadableLine | None:
        """Return the request of a line; None for a directive, which holds for the lines below it."""
        text = decoded(line)
        if text.startswith("#") or (not self.state and _names_columns(text)):
            self._direct(text if text.startswith("#") else f"#Fields: {text}")
            return None
        state = self.state or _NO_STATE
        names: Sequence[str] = state["fields"] or self.columns or columns_of(text)
        if (self.state, names) != self._looked_at:
            self._looked_at, self._fault = (self.state, names), self._fault_of_columns(names, state["date"])
            self._is_cloudfront = any(name.startswith("x-edge-") for name in names)
        if self._fault:
            return UnreadableLine(line=number, reason=self._fault)
        cells = text.split("\t") if "\t" in text else text.split(" ")
        header = plain_header if self._is_cloudfront or "\t" in text else _spaced_header
        if len(cells) != len(names) and '"' in text:
            # The draft has texts in quotes, with two for each in them; Tomcat writes them, IIS and CloudFront do not.
            cells = _QUOTED.findall(text)
        if len(cells) != len(names):
            # CloudFront takes another delimiter, if it is told one.
            cells = next((text.split(other) for other in ",;|" if text.count(other) == len(names) - 1), cells)
            header = plain_header
        if len(cells) != len(names):
            return UnreadableLine(
                line=number, reason=f"{len(cells)} fields where #Fields names {len(names)}: cut off, or another format"
            )
        return self._request(dict(zip(names, cells, strict=True)), header)

    def _direct(self, text: str) -> None:
        name, _, value = text[1:].partition(":")
        # A new value each time: what was read before keeps the one that it was read with.
        known: Mapping[str, Any] = self.state or _NO_STATE
        if name.strip().lower() == "fields":
            self.state = {**known, "fields": columns_in(value)}
        elif name.strip().lower() in {"date", "start-date"}:
            words = value.split()
            self.state = {**known, "date": words[0] if words else "", "since": _bucket(words[1:])}

    def _fault_of_columns(self, names: Sequence[str], date: str) -> str | None:
        """Why lines with these columns cannot be read, below a #Date or none."""
        if not names:
            return "no #Fields line before it names the columns: give them as the format, format='#Fields: date time …'"
        if missing := [
            name
            for name, spelled in (("c-ip", ("c-ip",)), ("cs(User-Agent)", _AGENTS))
            if not set(spelled).intersection(names)
        ]:
            return f"the log's #Fields lack {missing[0]}, which every event needs: switch it on in the server"
        is_dated = not _MOMENTS.isdisjoint(names)
        if "time" not in names and not is_dated:
            return "the log's #Fields lack time: switch it on in the server"
        if "date" not in names and not is_dated and not date:
            return "nobody knows its day: the log's #Fields lack date, and no #Date line stands before it"
        if self.forwarded is not None and not set(_FORWARDED).intersection(names):
            return "the log's #Fields lack X-Forwarded-For, which client_ip='forwarded' needs"
        return None

    def _request(self, cells: Mapping[str, str], header: Callable[[str], str]) -> Request:
        stem, query = cells.get("cs-uri-stem", cells.get("cs-uri", "-")), cells.get("cs-uri-query", "-")
        return Request(
            client=cells["c-ip"],
            forwarded=next((header(cells[name]) for name in _FORWARDED if name in cells), ""),
            agent=header(next(cells[name] for name in _AGENTS if name in cells)),
            ts=self._seconds(cells),
            # Real-time logs of CloudFront have the query in the stem, too.
            url=None if stem == "-" else stem if query == "-" or "?" in stem else f"{stem}?{query}",
            id=cells.get("x-edge-request-id"),
        )

    def _seconds(self, cells: Mapping[str, str]) -> int | None:
        day, time = cells.get("date"), cells.get("time")
        if day and time:
            return iso_seconds(f"{day}T{time}Z")
        if (moment := next((cells[name] for name in _MOMENTS if name in cells), None)) is not None:
            return unix_time(moment)
        return iso_seconds(f"{self._day_of(time)}T{time}Z") if time else None

    def _day_of(self, time: str) -> str:
        """The day of a line that does not tell it: that of the last #Date, or a later one if midnight has passed."""
        known: Mapping[str, Any] = self.state
        second, since = _second(time), known.get("since")
        if second is None or not (day := _day(known["date"])):
            return str(known["date"])
        # 1. The first line below #Date, or a later time of the same day, as nearly all are.
        # 2. The clock was set back, by so much that it can only be the next day's.
        # 3. A request that took long, and was logged late: midnight has passed meanwhile.
        if since is not None and since - second > _LATE:
            day, since = day + timedelta(days=1), None
        elif since is not None and second - since > _DAY - _LATE:
            return (day - timedelta(days=1)).isoformat()
        if since is None or second - since >= _BUCKET:
            # Not each time: for each value, a journal has to keep items apart.
            self.state = {**known, "date": day.isoformat(), "since": second - second % _BUCKET}
        return day.isoformat()


def _names_columns(text: str) -> bool:
    """Whether a line has the names alone, as CloudFront's plain form has them."""
    names = {*columns_in(text)}
    return "c-ip" in names and not names.isdisjoint(_AGENTS)


def columns_in(text: str) -> list[str]:
    """Return the names of columns in a list of them."""
    return DELIMITER.split(text.strip().lower())


_NO_STATE: Mapping[str, Any] = {"fields": (), "date": "", "since": None}


_LATE = 3_600
"""Seconds by which a line may be later than those behind it, because its request took so long."""
_BUCKET = 600
_DAY = 86_400
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(?:\.\d*+)?)?", re.ASCII)


def _second(time: str) -> int | None:
    """How many seconds of the day have passed."""
    found = _TIME.fullmatch(time)
    return None if found is None else int(found[1]) * 3_600 + int(found[2]) * 60 + int(found[3] or 0)


def _bucket(times: Sequence[str]) -> int | None:
    second = _second(times[0]) if times else None
    return None if second is None else second - second % _BUCKET


@lru_cache(maxsize=16)
def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if MINYEAR < found.year < MAXYEAR else None  # the day before it and the next one are wanted, too


_QUOTED = re.compile(r'"(?:[^"]|"")*+"(?!\S)|\S+')


def plain_header(text: str) -> str:
    """Return the text of a header in CloudFront's logs, which percent-encode blanks, in older files twice."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return _unquoted(text)


def _spaced_header(text: str) -> str:
    """Return the text of a header in the logs of IIS, which has a plus for each blank, and of others.

    IIS writes all else as it was sent: a plus, which stands behind a blank or a parenthesis in the user agents of many
    bots, `Bot/1.0+(+https://…)`, and `%20`, which many apps on iOS have in theirs.
    """
    if (text[:1] == '"' and text[-1:] == '"') or ("%2" in text and not _BLANK.search(text)):
        return plain_header(text)
    return _PLUS.sub(" ", text)


_PLUS = re.compile(r"(?<![+(])\+")
_BLANK = re.compile(r"(?<![+(])\+(?!http)")


def _unquoted(text: str) -> str:
    once = unquote(text, errors="backslashreplace")
    return unquote(once, errors="backslashreplace") if "%20" in once and " " not in once else once
