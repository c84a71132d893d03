"""The standard library's json, held to what orjson reads and writes: an installed extra changes the speed alone."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date, datetime, time
from enum import Enum
from typing import Any
from uuid import UUID


def loads(data: bytes | str) -> Any:
    """Parse one JSON document.

    Raises:
        ValueError: it is not JSON, not UTF-8, or nested too deeply.
    """
    # json takes more than JSON is: other encodings, NaN, numbers without end, halves of surrogate pairs.
    text = data if isinstance(data, str) else data.decode()
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite, parse_int=_integer)
        if "\\u" in text or isinstance(data, str):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number("a number beyond all bounds")


def _integer(text: str) -> int | float:
    # Digits first: int() refuses thousands of them, with an error that names a setting of the interpreter.
    number = int(text) if len(text) <= _LONGEST_INTEGER else math.inf
    return int(number) if -(2**63) <= number < 2**64 else _finite(text)


_LONGEST_INTEGER = len(str(-(2**63)))


def dumps(value: object, hook: Callable[[Any], Any]) -> bytes:
    """Write one JSON document.

    Raises:
        TypeError: something in it has no JSON form.
        ValueError: it holds text that is not Unicode, contains itself, or is nested too deeply.
    """
    options: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False, "default": _widened(hook)}
    try:
        try:
            return json.dumps(value, allow_nan=False, **options).encode()
        except ValueError as error:
            if "Out of range float" not in str(error):
                raise
        return json.dumps(_without_nan(value, options["default"]), **options).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _widened(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A hook that also knows what orjson knows by itself."""

    def known(item: Any) -> Any:
        if isinstance(item, datetime | date | time):
            return item.isoformat()
        if isinstance(item, UUID):
            return str(item)
        return item.value if isinstance(item, Enum) else hook(item)

    return known


def _without_nan(value: Any, hook: Callable[[Any], Any]) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item, hook) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item, hook) for item in value]
    return value if value is None or isinstance(value, str | int) else _without_nan(hook(value), hook)
