"""The lines on which the own objects of a document in JSON begin: behind one that is torn, reading goes on there."""

from __future__ import annotations

import re

from attrs import define, field

_BEFORE_OBJECT = re.compile(rb"([ \t]*+)[\[\],} \t]*+")
_CHANGES = 100
"""How often the indentation may change, each time at the cost of another look at what is in hand."""
_INDENT = 256
"""The most bytes before an object on its line."""
NONE = -1


DEEPEST = 1_024
"""Brackets within one another that are read, as everywhere."""
ANY = b"?"
"""In place of an open bracket whose kind is unknown."""
OPENING = frozenset(b"{[")
OPENED_BY = {ord("}"): frozenset(b"{" + ANY), ord("]"): frozenset(b"[" + ANY)}
LISTS = frozenset(b"[" + ANY)
END_OF_LIST = ord("]")


@define(eq=False)
class Level:
    """Where, in what is in hand, the next line begins an object as those of the document do."""

    _indent: bytes | None = field(init=False, default=None)
    _pattern: re.Pattern[bytes] | None = field(init=False, default=None)
    _before: bytes = field(init=False, default=b"")
    """What stands on its line before what is in hand, or the end of it."""
    _reach: int = field(init=False, default=0)
    """How far before a place a line may begin whose object is behind it."""
    _changes: int = field(init=False, default=0)
    _next: int | None = field(init=False, default=None)
    """The place that was found last; `NONE` if there is none up to the end; None if it was not looked for."""

    def renew(self, text: bytes, at: int) -> None:
        """Say that a text was read up to a place, and another one comes, which begins there."""
        start = text.rfind(b"\n", 0, at) + 1
        before = text[start:at] if start else self._before + text[:at]
        self._before, self._next = before[-_INDENT - 1 :], None

    def leave(self) -> None:
        """Say that what follows is on another level."""
        self._indent = self._pattern = self._next = None

    def learn(self, text: bytes, at: int) -> None:
        """Learn from an object how the line is indented on which it begins."""
        start = text.rfind(b"\n", max(0, at - _INDENT), at) + 1
        before = text[start:at] if start else self._before + text[: min(at, _INDENT)]
        found = _BEFORE_OBJECT.fullmatch(before) if start or at <= _INDENT else None
        if found is None or found[1] == self._indent or self._changes > _CHANGES:
            return
        self._indent, self._next, self._reach = found[1], None, len(found[1]) + 8
        self._pattern = re.compile(rb"\n" + found[1] + rb"(?:\}?[ \t]*+,[ \t]*+)?\{")
        self._changes += 1

    def after(self, text: bytes, at: int) -> int:
        """Return the place of the next such object behind a place; `NONE` if there is none."""
        if self._pattern is None:
            return NONE
        if self._next is None or NONE < self._next <= at:
            # The line may begin before the place.
            found = self._pattern.search(text, max(0, at - self._reach))
            while found is not None and found.end() - 1 <= at:
                found = self._pattern.search(text, found.end() - 1)
            self._next = NONE if found is None else found.end() - 1
        return self._next
