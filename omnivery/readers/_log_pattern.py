r"""Patterns of log lines, in the notation in which web servers are told how to log, and what they match.

Apache's notation has directives such as `%h` and `%{User-Agent}i`, nginx's has variables such as `$remote_addr`:
https://httpd.apache.org/docs/current/mod/mod_log_config.html#formats,
https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import cached_property
from operator import methodcaller
from typing import TypeAlias

from attrs import define, field, frozen

from omnivery.errors import ConfigError
from omnivery.readers._log_time import Clock, clf_seconds, iso_seconds, strptime_clock, unix_clock


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
_INSIDE = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
"""Text in quotes; servers escape the quotes in it."""
_HOST = r"(?!\[|\d{4}-|\d{1,3}\.\d{1,3}\.|[\da-fA-F]*:[\da-fA-F]*:)[^\s\",]++"
"""A virtual host, or its port. Not a time that a container wrote; not an address: which of two is the client's?"""
_REQUEST = r'[^\s"\\]++ ((?:[^\s"\\]++|\\.)++) HTTP/\d(?:\.\d)?'
"""A request line, with its URL as the group."""
_LIST = r'[^\s,"]++(?=\s)|"[^"\\]*+"|(?:[^\s,]++, ?+)*+\S++'
"""One address, or several as `X-Forwarded-For` has them."""
_USER = r'(?:-|""|(?!(?:[^"\\]|\\.){0,999}?[\da-fA-F:.]{7,45} - )(?:[^"\\]|\\.){0,999}?)'
"""A user name, with any characters; Apache logs an empty one as two quotes, and escapes those of any other.

An address in it that is followed by a dash is where another line begins: a server was stopped while it wrote this one.
"""
_USUAL_REQUEST = r'[^\s"]++ ([^\s"]++) HTTP/[\d.]++'
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


_CLIENT = Token("client", Role.CLIENT, _LIST, usual=r'[^\s,"]++')
_STATUS = Token("status", None, r"(?:\d{3}|-)", usual=r"\d\d\d")
_SIZE = Token("size", None, r"(?:\d++|-)", usual=r"\d++")
_APACHE: Mapping[str, Token] = {
    "h": _CLIENT,
    "a": _CLIENT,
    "l": Token("ident", None, _IDENT),
    "u": Token("user", None, _USER, usual=r'[^\s"]++'),
    "r": Token("request", Role.REQUEST),
    "v": Token("host", None, _HOST),
    **dict.fromkeys("s", _STATUS),
    **dict.fromkeys("bBIO", _SIZE),
    "U": Token("path", Role.URL),
    "q": Token("query", Role.QUERY),
}
_NGINX: Mapping[str, Token] = {
    "remote_addr": _CLIENT,
    "realip_remote_addr": _CLIENT,
    "remote_user": Token("user", None, _USER, usual=r'[^\s"]++'),
    "time_local": Token("time", Role.TIME, r"\S++ [+-]\d{4}", clf_seconds),
    "time_iso8601": Token("time", Role.TIME, None, iso_seconds),
    "msec": Token("time", Role.TIME, None, unix_clock()),
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
_TIMES: Mapping[str, Clock] = {
    "sec": unix_clock(),
    "msec": unix_clock(1_000),
    "usec": unix_clock(1_000_000),
    "iso8601": iso_seconds,
}
"""Formats of `%{…}t`; the last one is ours, for the formats of our own table."""
_STRFTIME = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d", "%R": "%H:%M", "%D": "%m/%d/%y", "%e": "%d", "%h": "%b"}
"""What `strftime` of C knows, and `strptime` of Python does not."""
_DIRECTIVE = re.compile(r"%[!\d,]*[<>]?(?:\{([^}]*)\})?(\^t[io]|[A-Za-z]|%)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def _apache(found: re.Match[str]) -> Iterator[Token | str]:
    argument, letter = found[1], found[2]
    if letter == "%":
        yield "%"
    elif letter == "t" and argument is None:
        yield from ("[", Token("time", Role.TIME, None, clf_seconds), "]")
    elif letter == "t":
        yield _time(argument)
    elif letter == "i" and argument:
        yield _header(argument)
    else:
        yield _APACHE.get(letter) or Token(f"%{letter}")


def _time(argument: str) -> Token:
    pattern = argument.removeprefix("begin:").removeprefix("end:")
    for directive, meaning in _STRFTIME.items():
        pattern = pattern.replace(directive, meaning)
    if pattern in {"msec_frac", "usec_frac"}:
        return Token("fraction of a second")
    if pattern in _TIMES:
        return Token("time", Role.TIME, None, _TIMES[pattern])
    try:
        return Token("time", Role.TIME, None, strptime_clock(pattern))
    except ValueError as error:
        raise ConfigError(f"format: %{{{argument}}}t cannot be read: {error}") from None


def _nginx(found: re.Match[str]) -> Iterator[Token | str]:
    name = found[1] or found[2]
    yield _header(name.removeprefix("http_")) if name.startswith("http_") else _NGINX.get(name) or Token(f"${name}")


def _parts(pattern: str) -> list[Token | str]:
    """The fields of a pattern and the text between them."""
    notation, read = (_DIRECTIVE, _apache) if "%" in pattern else (_VARIABLE, _nginx)
    # Within the quotes of a server's configuration, quotes are escaped.
    plain = pattern.replace(r"\"", '"').replace(r"\t", "\t")
    parts: list[Token | str] = []
    at = 0
    for found in notation.finditer(plain):
        parts += [plain[at : found.start()], *read(found)]
        at = found.end()
    return [part for part in [*parts, plain[at:]] if part]


@frozen
class _Piece:
    """One field of a pattern, or the text between two, as a regular expression."""

    regex: str
    label: str | None = None
    """What is cut off if a line ends inside of it; None for what has no mark at its end."""
    rest: str = ""
    """What matches the part of it that is there then."""
    role: Role | None = None
    usual: str | None = None
    """Matches less, and in half the time, in lines without a backslash. None if `regex` is as quick."""


def _pieces(parts: Sequence[Token | str]) -> Iterator[_Piece]:
    taken: set[Role | None] = {None}
    for before, part, after, beyond in zip(["", *parts], parts, [*parts[1:], ""], [*parts[2:], "", ""], strict=False):
        if isinstance(part, str):
            yield _Piece(re.escape(part), None, _beginning(part))
            continue
        role = None if part.role in taken else part.role
        taken.add(role)
        if isinstance(after, Token) and after.role is Role.QUERY:
            # A path and its query, with nothing between: it ends at a question mark, or where the query would.
            closing = beyond[:1] if isinstance(beyond, str) else ""
            yield _Piece(rf"([^\s?{re.escape(closing)}]*+)" if role else r"\S*?", None, "", role)
            continue
        yield _piece(part, role, before, after)


def _piece(token: Token, role: Role | None, before: Token | str, after: Token | str) -> _Piece:
    opening = before[-1:] if isinstance(before, str) else ""
    closing = after[:1] if isinstance(after, str) else ""
    usual: str | None
    if opening == closing == '"':
        # Servers escape the quotes in it.
        value, rest, usual = _INSIDE, _INSIDE + r"\\?", r'[^"]*+'
    elif closing not in {"", " "}:
        value = rest = rf"[^{re.escape(closing)}]{{0,9999}}+"
        usual = rf"[^{re.escape(closing)}]*+"
    else:
        value, rest, usual = token.value or _unmarked(after), "", token.usual
    label = token.label if rest else None
    if role is Role.REQUEST:
        value = f"(?:{_REQUEST}(?={re.escape(closing)})|{value})"
        return _Piece(value, label, rest, role, _USUAL_REQUEST)
    wrapped = "({})" if role else "{}"
    return _Piece(wrapped.format(value), label, rest, role, usual and wrapped.format(usual))


def _beginning(text: str) -> str:
    """What matches the first characters of a text, at least one."""
    return re.escape(text[0]) + (f"(?:{_beginning(text[1:])})?" if text[1:] else "")


Fields: TypeAlias = tuple[str, str, str | None, str, str, str]
"""Client, time, URL, query, user agent and forwarded client of a line. What the pattern does not have is empty; the URL
of a malformed request line is None."""


def _unmarked(after: Token | str) -> str:
    """What matches a value that ends at a blank, at the end of the line, or where the next field begins."""
    if isinstance(after, Token):
        return r"\S+?"
    return r"\S++" if after else r".*+"


def _compiled(regexes: Iterable[str]) -> Callable[[str], re.Match[str] | None]:
    # The last group is always empty. It stands for what the pattern does not have.
    return re.compile("".join(regexes) + r"(?!\S)()", re.DOTALL | re.ASCII).match


def _no_match(_text: str) -> None:
    """Where the URL is in two fields, no line is usual."""


@define(eq=False)
class LogPattern:
    """A pattern, compiled.

    Raises:
        ConfigError: it has no field for the user agent, or none for a client.
    """

    text: str
    described: str = "the given pattern"
    """What it is called in reasons."""
    clock: Clock = field(init=False)
    """Reads the time."""
    roles: frozenset[Role] = field(init=False)
    """What its fields are to an event."""
    match: Callable[[str], re.Match[str] | None] = field(init=False)
    """Matches a line that the pattern describes, with anything behind it."""
    match_usual: Callable[[str], re.Match[str] | None] = field(init=False)
    """The same for nearly all lines that have no backslash, in half the time; if it does not match, `match` may."""
    fields: Callable[[re.Match[str]], Fields] = field(init=False)
    """Takes the fields out of a match."""
    fields_usual: Callable[[re.Match[str]], tuple[str, str, str | None, str]] = field(init=False)
    """Takes the client, the time, the URL and the user agent out of a usual match."""
    _pieces: Sequence[_Piece] = field(init=False)

    def __attrs_post_init__(self) -> None:
        parts = _parts(self.text)
        self._pieces = list(_pieces(parts))
        clocks = [part.clock for part in parts if isinstance(part, Token) and part.clock]
        if len(clocks) > 1:
            raise ConfigError("format: the pattern has the time in more than one field; write it as one, %{…}t")
        self.clock = clocks[0] if clocks else lambda _: None
        order = [piece.role for piece in self._pieces if piece.role]
        self.roles = frozenset(order)
        if Role.AGENT not in self.roles:
            raise ConfigError("format: the pattern has no user agent, %{User-Agent}i, which every event needs")
        if self.roles.isdisjoint({Role.CLIENT, Role.FORWARDED}):
            raise ConfigError("format: the pattern has no client address, %h or %a")
        self.match = _compiled(piece.regex for piece in self._pieces)
        self.match_usual = _compiled(piece.usual or piece.regex for piece in self._pieces)
        places = {role: place for place, role in enumerate(order, 1)}
        url = Role.REQUEST if Role.REQUEST in places else Role.URL
        wanted = (Role.CLIENT, Role.TIME, url, Role.QUERY, Role.AGENT, Role.FORWARDED)
        nothing = len(order) + 1
        self.fields = methodcaller("group", *(places.get(role, nothing) for role in wanted))
        if Role.QUERY in places:
            self.match_usual = _no_match
        self.fields_usual = methodcaller(
            "group", *(places.get(role, nothing) for role in (Role.CLIENT, Role.TIME, url, Role.AGENT))
        )

    def fault(self, text: str) -> str:
        """Say why a line does not match, in words that hold nothing of it."""
        found = (reason for regex, reason in self._faults if regex.fullmatch(text))
        return next(found, f"not in {self.described}")

    @cached_property
    def _faults(self) -> Sequence[tuple[re.Pattern[str], str]]:
        """How much of a line may be there without its end, from the longest on, and what it means."""
        found: list[tuple[str, str]] = []
        before, requested = "", False
        for piece in self._pieces:
            if piece.label:
                found.append((before + piece.rest, f"cut off inside the {piece.label}"))
            elif requested:
                found.append((before + (piece.rest or piece.regex), _NO_AGENT))
            before += piece.regex
            requested = (requested or piece.role in _REQUESTS) and piece.role is not Role.AGENT
        return [(re.compile(regex + r"\s*", re.DOTALL | re.ASCII), reason) for regex, reason in reversed(found)]


_REQUESTS = frozenset({Role.REQUEST, Role.URL, Role.QUERY})
_NO_AGENT = "no user agent field: common rather than combined format?"
