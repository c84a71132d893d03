"""Web-server logs in the combined format of Apache and nginx: every request is a click."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache

from attrs import define, field

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.ids import event_id_for
from omnivery.events.ip_address import is_address
from omnivery.readers._file_events import file_events, items_of
from omnivery.readers._format import EachLine
from omnivery.readers._lines import blocks
from omnivery.readers._opening import FileSource


def access_log(source: FileSource) -> Iterator[BotEvent | UnreadableLine]:
    r"""Read events from a web server's log in combined format, as Apache and nginx write it.

    Each line becomes a click with `ip`, `uas`, `ts`, `event_id` and, as own attributes, `url` (as requested; left
    out where the request line is malformed) and `line` (the line's number). Fields after the user agent are
    ignored. The servers' escapes (`\"`, `\\`, `\n`, `\xhh`) are undone; bytes that are no UTF-8 stay readable as
    `\xhh`. A user agent logged as `-` travels as `-`.

    The `event_id` is derived from address, user agent, time, URL and line number, so reading the log again yields
    the same ids. The line number is what tells equal lines apart, for they are different interactions: it needs no
    memory of what was read before, and stays when the log grows, is renamed or compressed. Ids do change when lines
    before an event are removed: submit a log as the server wrote it.

    Blank lines are skipped, and count in the line numbers. Every other line that holds no event comes out as an
    `UnreadableLine`.

    Args:
        source: a path, `"-"` for standard input, or a file open in binary mode, which stays open. Gzip is known by
            its first bytes.

    Raises:
        ConfigError: the source is neither a path nor a file in binary mode.
        OSError: it cannot be opened; or, while iterating, it cannot be read. `gzip.BadGzipFile` where compressed
            data is damaged or cut off; every whole line before that place has come out by then.

    Source: https://httpd.apache.org/docs/current/logs.html#combined
    """
    return file_events(source, lambda _: LogReader()) or items_of(LogReader(), blocks(source))


@define(eq=False)
class LogReader(EachLine[BotEvent]):
    """Reads lines of a log in combined format."""

    # Lines of one second stand together. The cache lives as long as this one reading.
    _seconds: Callable[[bytes], int | None] = field(init=False, factory=lambda: lru_cache(maxsize=64)(_seconds))

    def item(self, line: bytes, number: int) -> BotEvent | UnreadableLine:
        """Return the click of a line."""
        return _event(line, number, self._seconds)


# Possessive quantifiers: no line, however hostile, makes these patterns try twice.
_INSIDE = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_UP_TO_REQUEST = rb'(\S++) \S++ [^"]*? \[([^\]]{1,40})\] "'
_UP_TO_SIZE = _UP_TO_REQUEST + rb"(" + _INSIDE + rb')" (?:\d{3}|-) (?:\d++|-)'
_UP_TO_REFERRER = _UP_TO_SIZE + rb' "' + _INSIDE + rb'"'
_COMBINED = re.compile(_UP_TO_REFERRER + rb' "(' + _INSIDE + rb')"(?!\S)', re.DOTALL)

_FAULTS = tuple(
    (re.compile(pattern + rb"\s*", re.DOTALL), reason)
    for pattern, reason in (
        (_UP_TO_REFERRER + rb' "' + _INSIDE + rb"\\?", "cut off inside the user agent"),
        (_UP_TO_SIZE + rb' "' + _INSIDE + rb"\\?", "cut off inside the referrer"),
        (
            _UP_TO_SIZE + rb"(?:" + rb' "' + _INSIDE + rb'")?',
            "no user agent field: common rather than combined format?",
        ),
        (_UP_TO_REQUEST + _INSIDE + rb"\\?", "cut off inside the request"),
    )
)

_REQUEST = re.compile(rb"\S+ (\S+) HTTP/\d(?:\.\d)?")
_TIME = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60) ([+-])([01]\d)([0-5]\d)")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_EPOCH = date(1970, 1, 1).toordinal()

_ESCAPE = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|([bnrtv"\\]))')
_ESCAPED = {b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b'"': b'"', b"\\": b"\\"}


def _event(line: bytes, number: int, seconds: Callable[[bytes], int | None]) -> BotEvent | UnreadableLine:
    match = _COMBINED.match(line)
    if match is None:
        return UnreadableLine(line=number, reason=_fault(line))
    host, time, request, agent = match.groups()
    ts = seconds(time)
    if ts is None:
        return UnreadableLine(line=number, reason="time stamp is no date")
    ip = _text(host)
    if not is_address(ip):
        return UnreadableLine(line=number, reason="the client is not an IP address (HostnameLookups is on?)")
    uas = _text(agent) or "-"
    asked = _REQUEST.fullmatch(request)
    url = _text(asked[1]) if asked else None
    return BotEvent(
        ip=ip,
        uas=uas,
        event_id=event_id_for(ip=ip, uas=uas, ts=ts, url=url, position=number),
        action="click",
        ts=ts,
        attributes={"line": number} if url is None else {"url": url, "line": number},
    )


def _fault(line: bytes) -> str:
    found = (reason for pattern, reason in _FAULTS if pattern.fullmatch(line))
    return next(found, "not in combined log format")


def _seconds(stamp: bytes) -> int | None:
    """Read `17/May/2015:10:05:03 +0000`. `strptime` would be slower, and read month names by the locale."""
    match = _TIME.fullmatch(stamp)
    if match is None:
        return None
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
    try:
        days = date(int(year), _MONTHS.index(month) + 1, int(day)).toordinal() - _EPOCH
    except ValueError:  # no such month, or no such day in it
        return None
    ahead = int(zone_hours) * 3600 + int(zone_minutes) * 60
    # A leap second, 23:59:60, counts as the first of the next day, as it does in POSIX time.
    local = days * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    return local - ahead if sign == b"+" else local + ahead


def _text(field: bytes) -> str:
    if b"\\" in field:
        field = _ESCAPE.sub(_unescaped, field)
    return field.decode("utf-8", "backslashreplace")


def _unescaped(match: re.Match[bytes]) -> bytes:
    code, letter = match.groups()
    return bytes.fromhex(code.decode()) if code else _ESCAPED[letter]
