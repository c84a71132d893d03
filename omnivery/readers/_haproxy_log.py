"""HAProxy's log of HTTP requests: it has a user agent where the header is captured.

https://docs.haproxy.org/3.0/configuration.html#8.2.3, and for captured headers #8.8: in braces, with bars between them,
those of the request first; their names are not logged. Characters that could be mistaken are written as `#` and two
hexadecimal digits (#8.6).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from attrs import define, field, frozen

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.ip_address import client_address
from omnivery.readers._log_notation import REQUEST
from omnivery.readers._log_time import clf_seconds
from omnivery.readers._request import Request, RequestReader, is_plausible
from omnivery.readers._text_log import decoded

NO_AGENT = (
    "looks like HAProxy's log, which has no user agent here: add `capture request header User-Agent len 256` to the "
    "frontend"
)
_NOT_HAPROXY = "not HAProxy's log of HTTP requests"
_NUMBER = r"[+-]?\d++"
_FIVE = rf"{_NUMBER}(?:/{_NUMBER}){{4}}"
_LINE = re.compile(
    rf"(?:haproxy[^\s:]*+: )?(\S+):\d{{1,5}} \[(\d\d/[A-Z][a-z]{{2}}/\d{{4}}:\d\d:\d\d:\d\d)(?:\.\d{{1,6}})?\] "
    rf"\S++ \S++ {_FIVE} {_NUMBER} {_NUMBER} \S++ \S++ \S{{4}} {_FIVE} {_NUMBER}/{_NUMBER} "
    r'(?:\{([^{}"]*+)\} )?+(?:\{[^{}"]*+\} )?+"([^"]*+)("?)',
    re.ASCII,
)
_CLF_LINE = re.compile(
    r'(?:haproxy[^\s:]*+: )?(\S+) - - \[([^\]"]{20,32})\] "([^"]*+)" \d++ \d++ "" "" \d++ \d++ '
    rf'"[^"]*+" "[^"]*+" "[^"]*+" (?:{_NUMBER} ){{5}}\S++ (?:{_NUMBER} ){{7}}(.*+)',
    re.ASCII | re.DOTALL,
)
"""The same with `option httplog clf`: referrer and user agent are always empty there, captured headers at the end."""
_QUOTED = re.compile(r'"([^"]*+)"')
_REQUEST = re.compile(REQUEST)
_AGENT = re.compile(r"(?!\S*://)(?:Mozilla\b|[A-Za-z][\w.+ -]{1,63}+/\d)")
"""What begins most user agents: a product with its version."""
_SERVER = re.compile(
    r"(?:nginx|openresty|Apache|Microsoft-(?:IIS|HTTPAPI)|LiteSpeed|lighttpd|Caddy|cloudflare|gunicorn|Kestrel|Jetty|"
    r"Tomcat|Varnish|Werkzeug|envoy)\b",
    re.IGNORECASE,
)
"""What a captured header of the response may be: of a single pair of braces, nobody knows whose they are."""
_ENCODED = re.compile(rb"#([0-9A-Fa-f]{2})")
_ISO = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)")
_QUARTER = 900
_ZONES = 14 * 3600
"""Seconds that a zone is ahead of or behind UTC at most."""


@define(eq=False, kw_only=True)
class HaproxyLogReader(RequestReader):
    """Reads lines of `option httplog`, also with `clf`, and of `option httpslog`, which has more behind the request."""

    _agents: dict[int, int] = field(init=False, factory=dict[int, int])
    """Which of so many captured headers is the user agent."""
    _clients: dict[int, int] = field(init=False, factory=dict[int, int])
    """Which is the client that a proxy has forwarded."""
    _ahead: int = field(init=False, default=0)
    """Seconds by which the line's clock is ahead of UTC."""

    def learn(self, sample: Sequence[bytes]) -> None:
        """Find out by the first lines which of the captured headers is which."""
        captured = [found.headers for line in sample if (found := _fields(line))]
        self._agents = _places(captured, _is_agent)
        self._clients = _places(captured, _is_client)

    def item(self, line: bytes, number: int, position: int | None = None) -> BotEvent | UnreadableLine | None:
        """Return the click of a line. Its time has no zone; that of syslog in front may tell it."""
        self._ahead = _seconds_ahead(line)
        return super().item(line, number, position)

    def reads(self, line: bytes) -> bool:
        """Whether it is a line of this log, with a user agent or without."""
        found = _fields(line)
        return found is not None and is_plausible(found.client, "")

    def request(self, line: bytes, number: int) -> Request | UnreadableLine:
        """Return the request of a line."""
        found = _fields(line)
        if found is None:
            return UnreadableLine(line=number, reason=_NOT_HAPROXY)
        headers = found.headers
        agent = self._agent(headers)
        if agent is None:
            return UnreadableLine(line=number, reason=NO_AGENT)
        place, seconds = self._clients.get(len(headers)), clf_seconds(found.time)
        url = _REQUEST.fullmatch(found.request) if found.is_whole else None
        return Request(
            client="unix:" if found.client == "unix" else found.client,
            forwarded="" if place is None else headers[place],
            agent=agent,
            ts=None if seconds is None else seconds - (0 if found.tells_zone else self._ahead),
            url=_unescaped(url[1]) if url else None,
        )

    def _agent(self, headers: Sequence[str]) -> str | None:
        place = self._agents.get(len(headers))
        return headers[place] if place is not None else next(filter(_is_agent, headers), None)


@frozen(kw_only=True)
class _Fields:
    """What is read of a line."""

    client: str
    time: str
    tells_zone: bool
    headers: Sequence[str]
    """Those that were captured."""
    request: str
    is_whole: bool
    """Whether the request is: syslog cuts long lines off."""


def _fields(line: bytes) -> _Fields | None:
    text = decoded(line)
    if found := _LINE.match(text):
        client, time, captured, request, closing = found.groups()
        headers = _headers(captured)
        return _Fields(
            client=client,
            time=f"{time} +0000",
            tells_zone=False,
            headers=headers,
            request=request,
            is_whole=bool(closing),
        )
    if found := _CLF_LINE.match(text):
        client, time, request, rest = found.groups()
        headers = [_unescaped(one) for one in _QUOTED.findall(rest)]
        return _Fields(client=client, time=time, tells_zone=True, headers=headers, request=request, is_whole=True)
    return None


def _headers(captured: str | None) -> list[str]:
    return [] if captured is None else [_unescaped(one) for one in captured.split("|")]


def _unescaped(text: str) -> str:
    if "#" not in text:
        return text
    return _ENCODED.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode()).decode(
        "utf-8", "backslashreplace"
    )


def _is_agent(header: str) -> bool:
    return _AGENT.match(header) is not None and _SERVER.match(header) is None


def _is_client(header: str) -> bool:
    return client_address(header.partition(",")[0]) is not None


def _places(captured: Iterable[Sequence[str]], is_one: Callable[[str], bool]) -> dict[int, int]:
    """For each number of headers, the place of those that are mostly one of these."""
    lines, counts = Counter[int](), Counter[tuple[int, int]]()
    for headers in captured:
        lines[len(headers)] += any(headers)
        counts.update((len(headers), place) for place, one in enumerate(headers) if is_one(one))
    return {count: place for (count, place), found in reversed(counts.most_common()) if 2 * found > lines[count]}


def _seconds_ahead(line: bytes) -> int:
    """By how much the time in brackets is ahead of the one that a daemon has written in front, which has a zone."""
    start, bracket, rest = line[:512].partition(b" [")
    found = _ISO.search(start)
    local = clf_seconds(f"{rest[:20].decode('ascii', 'replace')} +0000") if bracket and found else None
    if found is None or local is None:
        return 0
    try:
        written = datetime.fromisoformat(found[0].decode()).timestamp()
    except ValueError:
        return 0
    # A request takes some time before it is logged.
    ahead = round((local - written) / _QUARTER) * _QUARTER
    return ahead if abs(ahead) <= _ZONES else 0
