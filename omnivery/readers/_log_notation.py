"""The notations in which web servers are told how to log: the fields of a pattern, and what matches each.

Apache's notation has directives such as `%h` and `%{User-Agent}i`, nginx's has variables such as `$remote_addr`:
https://httpd.apache.org/docs/current/mod/mod_log_config.html#formats,
https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto

from attrs import evolve, frozen

from omnivery.errors import ConfigError
from omnivery.readers._log_time import ZONED, Clock, clf_seconds, iso_seconds, strptime_clock, told_by, unix_clock
from omnivery.readers._times import log_seconds


class Role(Enum):
    """What a field of a line is to an event."""

    CLIENT = auto()
    FORWARDED = auto()
    TIME = auto()
    REQUEST = auto()
    URL = auto()
    QUERY = auto()
    AGENT = auto()


# Possessive quantifiers: no line, however hostile, makes these patterns try twice.
INSIDE = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
"""Text in quotes; servers escape the quotes in it."""
_SERVER_PORT = r"(?:\[[\da-fA-F:]++\]|\d{1,3}(?:\.\d{1,3}){3}):(?:80|443|8080|8443)(?=\s)"
_VHOST = (
    rf"(?:{_SERVER_PORT}|(?!\[|\d{{4}}-|\d{{1,3}}\.\d{{1,3}}\.|[\da-fA-F]*:[\da-fA-F]*:)"
    r'[^\s",:]++(?::\d{1,5})?+(?=\s))'
)
"""A virtual host, or its port. Not a time that a container wrote; an address only with a port that servers have, as
Apache logs it where the host has no name: of two addresses, which is the client's?"""
_WORD = r'(?:[^\s"\\]++|\\.)'
REQUEST = (
    rf'[^\s"\\]++ ((?:{_WORD}++|/(?:{_WORD}| (?!HTTP/\d))*+)(?= HTTP/\d)|(?:/|https?://){_WORD}*+)'
    r"(?: HTTP/\d(?:\.\d)?)?+"
)
"""A request line, with its URL as the group. A path may have blanks, which a client should have encoded; HTTP/0.9 names
no version."""
_LIST = r'[^\s,"]++(?=\s)|"[^"\\]*+"|(?:[^\s,]++, ?+)*+\S++'
"""One address, or several as `X-Forwarded-For` has them."""
_USER = r'(?:-|"(?:[^"\\]|\\.){0,999}+"|(?!(?:[^"\\]|\\.){0,999}?[\da-fA-F:.]{7,45} - )(?:[^"\\]|\\.){0,999}?)'
"""A user name, with any characters; Apache logs an empty one as two quotes, others put all in quotes.

An address in it that is followed by a dash is where another line begins: a server was stopped while it wrote this one.
"""
USUAL_REQUEST = r'[^\s"]++ ([^\x00-\x20"]++) HTTP/[\d.]++'
QUICK_REQUEST = r'[^\s"]++ ([^ ]++) HTTP/[\d.]++'
"""Matches what `USUAL_REQUEST` does, and besides it URLs with some of `NOT_IN_URL`: a run of all but one character is
found in a third of the time of a run of all but some."""
NOT_IN_URL = bytes(range(0x20)) + b'"'
_IDENT = r"[^\s.:]++"
"""RFC 1413's user. It has no dots and colons, or the name of a host could be taken for the client before it."""


@frozen
class Token:
    """One field of a pattern."""

    label: str
    """What it is, for reasons: `user agent`."""
    role: Role | None = None
    value: str | None = None
    """What matches it where it stands between blanks; anything but a blank, if None."""
    clock: Clock | None = None
    """What reads it if it is the time."""
    usual: str | None = None
    """What matches it there in nearly all lines, if that is quicker."""
    after: str = ""
    """What matches the rest of the field, which is of no interest."""
    rank: int = 0
    """Of several fields for one thing, the one with the highest rank is read; of these the first."""


FORWARDING_HEADERS = frozenset(
    {
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "cf-connecting-ip",
        "true-client-ip",
        "x-client-ip",
        "fastly-client-ip",
    }
)
"""Names of headers in which proxies forward the client's address, in lower case."""


def _header(name: str) -> Token:
    lowered = name.lower().replace("_", "-")
    if lowered == "user-agent":
        return Token("user agent", Role.AGENT)
    if lowered in FORWARDING_HEADERS:
        return Token("forwarded client", Role.FORWARDED, _LIST)
    return Token("referrer" if lowered in {"referer", "referrer"} else f"header {name}")


_CLIENT = Token("client", Role.CLIENT, _LIST, usual=r'[^\s,"]++', rank=1)
_ADDRESS = evolve(_CLIENT, rank=2)
"""Where a log has `%h` too, that may be a name."""
_PEER = evolve(_CLIENT, rank=0)
"""The connection's other end, where a module of the server has found the client behind it."""
_STATUS = Token("status", None, r"(?:\d{3}|-)", usual=r"\d\d\d")
_SIZE = Token("size", None, r"(?:\d++|-)")
_APACHE: Mapping[str, Token] = {
    "h": _CLIENT,
    "a": _ADDRESS,
    "l": Token("ident", None, _IDENT),
    "u": Token("user", None, _USER, usual=r'[^\s"]++'),
    "r": Token("request", Role.REQUEST),
    "v": Token("host"),
    **dict.fromkeys("s", _STATUS),
    **dict.fromkeys("bBO", _SIZE),
    "U": Token("path", Role.URL),
    "q": Token("query", Role.QUERY, r"\S*+"),
}
_NGINX: Mapping[str, Token] = {
    "remote_addr": _CLIENT,
    "realip_remote_addr": _PEER,
    "proxy_protocol_addr": Token("forwarded client", Role.FORWARDED, _LIST),
    "remote_user": Token("user", None, _USER, usual=r'[^\s"]++'),
    "time_local": Token("time", Role.TIME, r"\S++ [+-]\d{4}", clf_seconds, rank=ZONED),
    "time_iso8601": Token("time", Role.TIME, None, iso_seconds, rank=ZONED),
    "msec": Token("time", Role.TIME, None, unix_clock(), rank=ZONED),
    "request": Token("request", Role.REQUEST),
    "status": _STATUS,
    "body_bytes_sent": _SIZE,
    "bytes_sent": _SIZE,
    "request_uri": Token("url", Role.URL),
    "uri": Token("path", Role.URL),
    "args": Token("query", Role.QUERY),
    "query_string": Token("query", Role.QUERY),
    "proxy_add_x_forwarded_for": Token("forwarded client", Role.FORWARDED, _LIST),
}
_OWN: Mapping[str, Token] = {
    "vhost": Token("host", None, _VHOST),
    "host": Token("host", None, r"(?=[^\s]*[A-Za-z])[\w.-]++(?::\d{1,5})?+"),
    # The port is always there, so it can be told from the last group of an IPv6 address without brackets.
    "client:port": Token("client", Role.CLIENT, r"(?:\S+(?=:\d{1,5}\s)|\S++)", after=r"(?::\d{1,5})?"),
}
"""Directives `%{…}x` of ours, for the formats of our own table."""
_TIMES: Mapping[str, Clock] = {
    "%s": unix_clock(),
    "sec": unix_clock(),
    "msec": unix_clock(1_000),
    "usec": unix_clock(1_000_000),
    "iso8601": iso_seconds,
}
"""Formats of `%{…}t`; the last one is ours, for the formats of our own table."""
_STRFTIME = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d", "%R": "%H:%M", "%D": "%m/%d/%y", "%e": "%d", "%h": "%b"}
"""What `strftime` of C knows, and `strptime` of Python does not."""
_DIRECTIVE = re.compile(r"%[!\d,]*[<>]?(?:\{([^}]*)\})?(\^(?:t[io]|F[BU])|[A-Za-z]|%)")
_QUOTED = r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+\""""
_STRING = re.compile(_QUOTED, re.DOTALL)
_CONFIGURED = re.compile(
    r"\s*(?:LogFormat|CustomLog\s+\S+|log_format\s+\S+(?:\s+escape=\w+)?)"
    rf"\s+((?:{_QUOTED})(?:\s+(?:{_QUOTED}))*)(?:\s+[\w-]+)?\s*;?\s*",
    re.DOTALL,
)
"""A whole directive of the server's configuration; in nginx's, the pattern may be in several strings."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def _apache(found: re.Match[str]) -> Iterator[Token | str]:
    argument, letter = found[1], found[2]
    if letter == "%":
        yield "%"
    elif letter == "t" and argument is None:
        yield from ("[", Token("time", Role.TIME, None, log_seconds, rank=ZONED), "]")
    elif letter == "t":
        yield _time(argument)
    elif letter == "i" and argument:
        yield _header(argument)
    elif letter == "x" and argument in _OWN:
        yield _OWN[argument]
    elif letter in {"a", "h"} and argument == "c":
        yield _PEER
    else:
        yield _APACHE.get(letter) or Token(f"%{letter}")


def _time(argument: str) -> Token:
    pattern = _bare(argument)
    for directive, meaning in _STRFTIME.items():
        pattern = pattern.replace(directive, meaning)
    if pattern in {"msec_frac", "usec_frac"}:
        return Token("fraction of a second")
    if pattern in _TIMES:
        return Token("time", Role.TIME, None, _TIMES[pattern], rank=ZONED)
    value = r"\S+" + r" +\S+" * len(pattern.split()[1:]) if " " in pattern else None
    try:
        return Token("time", Role.TIME, value, strptime_clock(pattern), rank=told_by(pattern))
    except ValueError as error:
        raise ConfigError(f"format: %{{{argument}}}t cannot be read: {error}") from None


def _bare(argument: str) -> str:
    return argument.removeprefix("begin:").removeprefix("end:")


def _joined(found: re.Match[str]) -> str:
    """Two parts of a time, such as a fraction of its second behind it, as one."""
    parts = [_FRACTIONS.get(part := _bare(argument), part) for argument in (found[1], found[3])]
    return found[0] if _TIMES.keys() & parts else f"%{{{parts[0]}{found[2]}{parts[1]}}}t"


_FRACTIONS = {"msec_frac": "%f", "usec_frac": "%f"}
_TWO_TIMES = re.compile(r"%\{([^}]*)\}t([.,:TZ ]?)%\{([^}]*)\}t")


def _nginx(found: re.Match[str]) -> Iterator[Token | str]:
    name = found[1] or found[2]
    yield _header(name.removeprefix("http_")) if name.startswith("http_") else _NGINX.get(name) or Token(f"${name}")


def parts_of(pattern: str) -> list[Token | str]:
    """The fields of a pattern and the text between them."""
    notation, read = (_DIRECTIVE, _apache) if "%" in pattern else (_VARIABLE, _nginx)
    if configured := _CONFIGURED.fullmatch(pattern):
        pattern = "".join(one[1:-1] for one in _STRING.findall(configured[1]))
    # Within the quotes of a server's configuration, quotes are escaped.
    plain = pattern.replace(r"\"", '"').replace(r"\t", "\t")
    # As Apache's own documentation has it: %{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t
    while (joined := _TWO_TIMES.sub(_joined, plain)) != plain:
        plain = joined
    parts: list[Token | str] = []
    at = 0
    for found in notation.finditer(plain):
        parts += [plain[at : found.start()], *read(found)]
        at = found.end()
    return [part for part in [*parts, plain[at:]] if part]
