"""Patterns of log lines, compiled: what matches a line, and what is missing from one that was cut off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from operator import itemgetter, methodcaller
from typing import Any, TypeAlias

from attrs import define, field, frozen

from omnivery.errors import ConfigError
from omnivery.readers._log_notation import (
    INSIDE,
    NOT_IN_URL,
    QUICK_REQUEST,
    REQUEST,
    USUAL_REQUEST,
    Role,
    Token,
    parts_of,
)
from omnivery.readers._log_time import PART, Clock


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
    """Matches less, and in half the time, in lines without a backslash; a match may go on into the next line, where a
    quote is never closed. None if `regex` is as quick."""


def _pieces(parts: Sequence[Token | str]) -> Iterator[_Piece]:
    chosen = _chosen(parts)
    for before, part, after, beyond in zip(["", *parts], parts, [*parts[1:], ""], [*parts[2:], "", ""], strict=False):
        if isinstance(part, str):
            yield _Piece(re.escape(part), None, _beginning(part))
            continue
        role = part.role if part in chosen else None
        chosen.discard(part)
        if isinstance(after, Token) and after.role is Role.QUERY:
            # A path and its query, with nothing between: it ends at a question mark, or where the query would.
            closing = beyond[:1] if isinstance(beyond, str) else ""
            yield _Piece(rf"([^\s?{re.escape(closing)}]*+)" if role else r"\S*?", None, "", role)
            continue
        yield _piece(part, role, before, after)


def _chosen(parts: Iterable[Token | str]) -> set[Token]:
    """Of all fields for one thing, the one that is read."""
    best: dict[Role, Token] = {}
    for part in parts:
        if isinstance(part, Token) and part.role and (part.role not in best or part.rank > best[part.role].rank):
            best[part.role] = part
    return {*best.values()}


def _piece(token: Token, role: Role | None, before: Token | str, after: Token | str) -> _Piece:
    opening = before[-1:] if isinstance(before, str) else ""
    closing = after[:1] if isinstance(after, str) else ""
    usual: str | None
    if opening == closing == '"':
        # Servers escape the quotes in it.
        value, rest, usual = INSIDE, INSIDE + r"\\?", r'[^"]*+'
    elif closing not in {"", " "}:
        value = rest = rf"[^{re.escape(closing)}]{{0,9999}}+"
        usual = rf"[^{re.escape(closing)}]*+"
    else:
        value, rest, usual = token.value or _unmarked(after), "", token.usual
    label = token.label if rest else None
    if role is Role.REQUEST:
        value = f"(?:{REQUEST}(?={re.escape(closing)})|{value})"
        return _Piece(value, label, rest, role, USUAL_REQUEST)
    wrapped = "({})" if role else "(?:{})"
    return _Piece(wrapped.format(value) + token.after, label, rest, role, usual and wrapped.format(usual))


def _beginning(text: str) -> str:
    """What matches the first characters of a text, at least one."""
    return re.escape(text[0]) + (f"(?:{_beginning(text[1:])})?" if text[1:] else "")


Fields: TypeAlias = tuple[str, str, str | None, str, str, str]
"""Client, time, URL, query, user agent and forwarded client of a line. What the pattern does not have is empty; the URL
of a malformed request line is None."""

UsualFields: TypeAlias = tuple[str, str, str, str, str]
"""Client, time, URL, user agent and forwarded client of a line that is like nearly all lines."""


def _unmarked(after: Token | str) -> str:
    """What matches a value that ends at a blank, at the end of the line, or where the next field begins."""
    if isinstance(after, Token):
        return r"\S+?"
    return r"\S++" if after else r".*+"


def _complete(regexes: Iterable[str]) -> str:
    # The last group is always empty. It stands for what the pattern does not have.
    return "".join(regexes) + r"(?!\S)()"


def _with_bitmaps(regex: str) -> str:
    """The same with no category in a set of characters, which makes it a bitmap: an eighth of the time of a match."""
    return regex.replace(r"[^\s", r"[^\t-\r ").replace(r"[\d", "[0-9")


def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.DOTALL | re.ASCII)


def _usual_line(regexes: Iterable[str]) -> re.Pattern[str]:
    """Return what finds the fields of each line; empty ones where a line does not match."""
    return _compiled(f"(?m:^)(?:{_complete(regexes)})?+")


def _are_urls(texts: Iterable[str]) -> bool:
    """Whether no text has a character that a usual URL does not have; looked for in all at once."""
    text = "".join(texts).encode()
    return len(text.translate(None, NOT_IN_URL)) == len(text)


def _nothing(_lines: str) -> list[tuple[str, ...]]:
    return []


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
    fields: Callable[[re.Match[str]], Fields] = field(init=False)
    """Takes the fields out of a match."""
    _find_usual: Callable[[str], list[tuple[str, ...]]] = field(init=False)
    """Finds the usual fields in a block, but for URLs that only seem to be some."""
    _url_of: Callable[[tuple[str, ...]], str] | None = field(init=False, default=None)
    """Takes the URL out of what was found; None if it is always one."""
    _pick_usual: Callable[[tuple[str, ...]], UsualFields] | None = field(init=False)
    """Takes the usual fields out of what was found; None if they are all of it, in this order."""
    _pieces: Sequence[_Piece] = field(init=False)

    def __attrs_post_init__(self) -> None:
        parts = parts_of(self.text)
        self._pieces = list(_pieces(parts))
        self.clock = _clock_of([part for part in parts if isinstance(part, Token) and part.clock])
        order = [piece.role for piece in self._pieces if piece.role]
        self.roles = frozenset(order)
        if Role.AGENT not in self.roles:
            raise ConfigError("format: the pattern has no user agent, %{User-Agent}i, which every event needs")
        if self.roles.isdisjoint({Role.CLIENT, Role.FORWARDED}):
            raise ConfigError("format: the pattern has no client address, %h or %a")
        # Behind a carriage return stands a line of another file, which was joined to this one.
        self.match = _compiled(r"(?![^\r]*+\r\S)" + _complete(piece.regex for piece in self._pieces)).match
        places = {role: place for place, role in enumerate(order, 1)}
        url = Role.REQUEST if Role.REQUEST in places else Role.URL
        wanted = (Role.CLIENT, Role.TIME, url, Role.QUERY, Role.AGENT, Role.FORWARDED)
        nothing = len(order) + 1
        self.fields = methodcaller("group", *(places.get(role, nothing) for role in wanted))
        # Where the URL is in two fields, no line is usual.
        self._find_usual = _nothing if Role.QUERY in places else _usual_line(self._usual(QUICK_REQUEST)).findall
        if Role.REQUEST in places:
            self._url_of = itemgetter(places[Role.REQUEST] - 1)
        chosen = [places.get(role, nothing) - 1 for role in wanted if role is not Role.QUERY]
        self._pick_usual = None if chosen == list(range(nothing)) else itemgetter(*chosen)

    def usual_fields(self, lines: str, count: int) -> list[UsualFields] | None:
        """Return the fields of so many lines in a block, in half the time of one line after the other.

        They are all empty where a line is unusual: `match` may find some. None if the block is, as one with a carriage
        return. No line may have a backslash.
        """
        if "\r" in lines:
            return None
        found: list[Any] = self._find_usual(lines)
        if self._url_of and not _are_urls(map(self._url_of, found)):
            found = self._exactly.findall(lines)
        # Each start of a line is found, but for those inside a match that went on into the next line.
        if found and len(found) != count:
            found = self._around_damage(lines)
        if len(found) != count:
            return None
        return found if self._pick_usual is None else list(map(self._pick_usual, found))

    def _usual(self, request: str) -> Iterator[str]:
        # One piece after the other: joined, a bracket that a pattern has before a field would seem to begin a set.
        for piece in self._pieces:
            yield _with_bitmaps(request if piece.role is Role.REQUEST else piece.usual or piece.regex)

    @cached_property
    def _exactly(self) -> re.Pattern[str]:
        return _usual_line(self._usual(USUAL_REQUEST))

    def _around_damage(self, lines: str) -> list[tuple[str, ...]]:
        """The fields of each line; empty ones where a match goes on into other lines, since a quote never closes."""
        found: list[tuple[str, ...]] = []
        for match in self._exactly.finditer(lines):
            over = match[0].count("\n")
            found += [("",) * self._exactly.groups] * (over + 1) if over else [match.groups("")]
        return found

    def fault(self, text: str) -> str:
        """Say why a line does not match, in words that hold nothing of it."""
        if "\r" in text.strip():
            return _TWO_LINES
        found = (reason for regex, reason in self._faults if regex.fullmatch(text))
        return next(found, self.no_match)

    @property
    def no_match(self) -> str:
        """The reason of a line that is nothing like the pattern."""
        return f"not in {self.described}"

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


def _clock_of(times: Sequence[Token]) -> Clock:
    """Return what reads the time.

    Raises:
        ConfigError: no field tells all of it.
    """
    if len(times) > 1 and any(token.rank == PART for token in times):
        raise ConfigError("format: the pattern has the time in more than one field; write it as one, %{…}t")
    if times and times[0].rank == PART:
        raise ConfigError(
            "format: the pattern's time, in the notation of strftime, does not tell both day and time of day"
        )
    best = max(times, key=lambda token: token.rank, default=None)
    return best.clock if best and best.clock else lambda _: None


_REQUESTS = frozenset({Role.REQUEST, Role.URL, Role.QUERY})
_TWO_LINES = "two lines or more with a carriage return between them, in a file whose lines end with a line feed"
_NO_AGENT = "no user agent field: common rather than combined format?"
