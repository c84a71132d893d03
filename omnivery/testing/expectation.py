"""Whether a call sent what a test expects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast


def agrees(expected: Any, actual: Any) -> bool:
    """Return whether a value that was sent is as expected.

    A pattern is searched for in a text. Of an object, the expected names alone are compared. A list agrees with a value
    that is no list if one of its items does.
    """
    if isinstance(expected, re.Pattern):
        matches = cast("re.Pattern[str]", expected).search
        return any(isinstance(each, str) and matches(each) is not None for each in _items(actual))
    if isinstance(expected, Mapping):
        wanted = cast("Mapping[str, Any]", expected)
        return any(isinstance(each, dict) and _contains(each, wanted) for each in _items(actual))
    if isinstance(expected, Sequence) and not isinstance(expected, str | bytes):
        return [*expected] == _items(actual)
    return expected == actual or (isinstance(actual, list) and expected in actual)


def _contains(actual: dict[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in actual and agrees(value, actual[name]) for name, value in wanted.items())


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
