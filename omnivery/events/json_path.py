"""Paths into parsed JSON: names with dots between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any


def value_at(value: Any, path: str) -> Any:
    """Return the value at a path such as `request.headers.User-Agent` or `records.0.ip`; None if there is none.

    A member whose name contains dots is found by that name, too. In a list of pairs, `{"name": "Host", "value": "…"}`,
    as headers are written in some logs, a name in any case leads to the values of the pairs that have it.
    """
    if type(value) is dict or isinstance(value, Mapping):
        found = value.get(path)
        if found is not None or "." not in path:
            return found
        for name, rest in _splits(path):
            if name in value and (found := value_at(value[name], rest)) is not None:
                return found
        return None
    if isinstance(value, list):
        name, _, rest = path.partition(".")
        if not name.isdecimal():
            return _paired(value, path)
        item = value[int(name)] if len(name) < _DIGITS and int(name) < len(value) else None
        return value_at(item, rest) if rest else item
    return None


_DIGITS = 10


def _paired(pairs: Sequence[Any], name: str) -> Any:
    """The value of the pair with a name, or a list if there are several; None if there is none."""
    found = [
        pair["value"]
        for pair in pairs
        if isinstance(pair, dict) and pair.keys() == _PAIR and str(pair["name"]).lower() == name.lower()
    ]
    return found if len(found) > 1 else next(iter(found), None)


_PAIR = {"name", "value"}


# A log asks for the same few paths in every line.
@lru_cache(maxsize=256)
def _splits(path: str) -> list[tuple[str, str]]:
    dots = [at for at, char in enumerate(path) if char == "."]
    return [(path[:at], path[at + 1 :]) for at in dots]


# The same few paths are looked for in every object.
@lru_cache(maxsize=64)
def members_of(paths: Sequence[str]) -> frozenset[str]:
    """Return the names of members without any of which an object has no value at these paths."""
    return frozenset(paths).union(name for path in paths for name, _ in _splits(path))


def take_at(value: dict[str, Any], path: str) -> Any:
    """Remove the value at a path from an object and return it; None if there is none.

    Objects that become empty are removed with it. A value in a list is returned and stays there, because removing it
    would change the paths of the items behind it.
    """
    if path in value:
        return value.pop(path)
    for name, rest in _splits(path):
        inside = value.get(name)
        found = take_at(inside, rest) if isinstance(inside, dict) else value_at(inside, rest)
        if found is not None:
            if inside == {}:
                del value[name]
            return found
    return None
