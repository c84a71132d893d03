"""The standard library's json, limited to what orjson reads and writes: an installed extra changes only the speed.

How deeply json can recurse depends on the version of Python and on the caller's stack. The limit here does not: where
json raises RecursionError, a loop reads or writes the document.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from enum import Enum
from functools import partial
from itertools import accumulate
from operator import itemgetter
from typing import Any
from uuid import UUID

DEPTH = 1024
"""Deepest nesting of arrays and objects; orjson's own limit."""
_TOO_DEEP = "nested too deeply"

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PIECES = re.compile(rf'{_STRING}|[\[\]{{}}]|[^"\[\]{{}}]++|"', re.DOTALL)
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_NO_BRACKETS = re.compile(r"[^\[\]{}]++")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}

_SURROGATES = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""Escapes: a pair of surrogates, half of a pair (the group), or another one."""


def loads(data: bytes | str, *, limited: bool = True) -> Any:
    """Parse one JSON document.

    Args:
        data: the document.
        limited: whether numbers out of range and deep nesting are refused; else such numbers become infinities.

    Raises:
        ValueError: it is not JSON, not UTF-8, or nested more deeply than 1,024 levels.
    """
    # json accepts more than JSON: other encodings, NaN, numbers out of range, halves of surrogate pairs.
    text = data if isinstance(data, str) else data.decode()
    if isinstance(data, str) and not text.isascii():
        text.encode()
    try:
        value = _parse(text, _not_json, limited=limited)
    except RecursionError:
        return _parse_deep(text, limited=limited)
    if limited and _may_be_deep(text) and _is_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def _parse(text: str, constant: Callable[[str], Any], *, limited: bool) -> Any:
    real = _finite if limited else float
    value = json.loads(text, parse_constant=constant, parse_float=real, parse_int=partial(_integer, real=real))
    if ("\\ud" in text or "\\uD" in text) and any(escape[1] for escape in _SURROGATES.finditer(text)):
        raise ValueError("half of a surrogate pair is not Unicode")
    return value


def _parse_deep(text: str, *, limited: bool = True) -> Any:
    """Parse a document from the inside out, one container at a time.

    In the text of a container the name NaN, which JSON does not have, takes the place of each container inside it.
    """
    stack: list[tuple[list[str], list[Any]]] = [([], [])]
    for piece in map(itemgetter(0), _PIECES.finditer(text)):
        if piece in {"[", "{"}:
            stack.append(([], []))
            if limited and len(stack) > DEPTH + 1:
                raise ValueError(_TOO_DEEP)
        elif piece == '"':
            raise ValueError("a string has no end")
        elif piece[0] != '"' and ("N" in piece or "I" in piece):
            _not_json(piece.strip())
        stack[-1][0].append(piece)
        if piece in {"]", "}"} and len(stack) > 1:
            value = _join(*stack.pop(), limited=limited)
            stack[-1][0].append("NaN")
            stack[-1][1].append(value)
    if len(stack) > 1:
        raise ValueError("the document is incomplete")
    return _join(*stack.pop(), limited=limited)


def _join(pieces: list[str], inner: list[Any], *, limited: bool) -> Any:
    values = iter(inner)
    return _parse("".join(pieces), lambda _: next(values), limited=limited)


def _may_be_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > DEPTH


def _is_deep(value: Any) -> bool:
    """Whether a parsed document, an array or object, is nested more deeply than the limit."""
    level = [value]
    for _ in range(DEPTH):
        inside = [each.values() if type(each) is dict else each for each in level]
        level = [item for items in inside for item in items if type(item) in _CONTAINERS]
        if not level:
            return False
    return True


_CONTAINERS = frozenset((dict, list))


def _not_json(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _not_json("a number out of range")


def _integer(text: str, *, real: Callable[[str], float]) -> int | float:
    # Count the digits first: int() refuses thousands of digits with an error about a setting of the interpreter.
    number = int(text) if len(text) <= _LONGEST_INTEGER else math.inf
    return int(number) if -(2**63) <= number < 2**64 else real(text)


_LONGEST_INTEGER = len(str(-(2**63)))


def dumps(value: object, hook: Callable[[Any], Any]) -> bytes:
    """Serialise a value as one JSON document.

    Raises:
        TypeError: a part of the value has no JSON form.
        ValueError: it contains text that is not Unicode, contains itself, or is nested more deeply than 1,024 levels.
    """
    hook = _widened(hook)
    try:
        text = json.dumps(value, allow_nan=False, default=hook, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        text = "".join(_write(value, hook))
    except ValueError as error:
        if "Out of range float" not in str(error):
            raise
        text = "".join(_write(value, hook))
    else:
        if _may_be_deep(text) and _is_deep_text(text):
            raise ValueError(_TOO_DEEP)
    return text.encode()


def _is_deep_text(text: str) -> bool:
    """The same for a serialised document. Its value may contain objects that only the hook can convert."""
    without_strings = "".join(_ESCAPE.sub("", text).split('"')[::2])
    brackets = _NO_BRACKETS.sub("", without_strings)
    return max(accumulate(map(_STEP.__getitem__, brackets))) > DEPTH


def _widened(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a hook that also converts the types that orjson knows without a hook."""

    def known(item: Any) -> Any:
        if isinstance(item, datetime | date | time):
            return item.isoformat()
        if isinstance(item, UUID):
            return str(item)
        return item.value if isinstance(item, Enum) else hook(item)

    return known


def _write(value: Any, hook: Callable[[Any], Any]) -> Iterator[str]:
    """Yield the pieces of a document, with null for NaN and the infinities."""
    stack: list[tuple[int, str, Any]] = [(1, "", value)]
    while stack:
        depth, text, item = stack.pop()
        yield text
        if item is _END:
            continue
        item = _plain(item, hook)
        if item is None or isinstance(item, str | int | float):
            yield "null" if isinstance(item, float) and not math.isfinite(item) else _scalar(item)
        elif depth > DEPTH:
            raise ValueError(_TOO_DEEP)
        elif isinstance(item, dict):
            stack.append((depth, "}", _END))
            members = [(depth + 1, f",{_key(key)}:", member) for key, member in item.items()]
            stack += _opened("{", members)
        else:
            stack.append((depth, "]", _END))
            stack += _opened("[", [(depth + 1, ",", member) for member in item])


_END: Any = object()


def _plain(item: Any, hook: Callable[[Any], Any]) -> Any:
    """Apply the hook until the result has a type that JSON knows."""
    for _ in range(DEPTH):
        if item is None or isinstance(item, str | int | float | dict | list | tuple):
            return item
        item = hook(item)
    raise ValueError(_TOO_DEEP)


def _opened(bracket: str, members: list[tuple[int, str, Any]]) -> list[tuple[int, str, Any]]:
    """Return members in reverse order, for a stack. The first member follows the opening bracket instead of a comma."""
    if not members:
        return [(0, bracket, _END)]
    depth, text, first = members[0]
    members[0] = depth, bracket + text[1:], first
    return members[::-1]


def _scalar(item: object) -> str:
    return json.dumps(item, ensure_ascii=False)


def _key(key: object) -> str:
    """Return a member's name as json writes it: numbers, booleans and None become text."""
    return json.dumps({key: 0}, allow_nan=False, ensure_ascii=False)[1:-4]
