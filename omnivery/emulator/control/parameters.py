"""Parameters of the control API, in the query and in JSON bodies. Unknown ones are refused: they are misspelt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_type_hints

import attrs
from starlette.requests import Request

from omnivery.codec import loads
from omnivery.emulator.records.window import LIMIT, Window
from omnivery.emulator.refusal import Refusal

QueryT = TypeVar("QueryT")

MOST = 1000
"""Largest number of records of one response."""
WINDOW = ("before", "after", "limit")
"""Parameters that choose a window of a list."""


def read_window(values: Mapping[str, str]) -> Window:
    """Return the window that the query asks for.

    Raises:
        Refusal: a value is not a whole number, or out of range.
    """
    return Window(
        before=read_number(values, "before"),
        after=read_number(values, "after"),
        limit=read_number(values, "limit", least=1, most=MOST) or LIMIT,
    )


def read_query(values: Mapping[str, str], query: type[QueryT]) -> QueryT:
    """Return the filters that the query has.

    Raises:
        Refusal: a value is not one of those that a filter takes.
    """
    hints = get_type_hints(query)
    return query(**{name: _filter(values[name], hints[name], name) for name in filters_of(query) if name in values})


def filters_of(query: type[Any]) -> tuple[str, ...]:
    """Return the names of a list's filters."""
    return tuple(field.name for field in attrs.fields(query))


def check_names(values: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Refuse parameters that are not known.

    Raises:
        Refusal: there are some; the message lists those that are known.
    """
    if unknown := [name for name in values if name not in known]:
        raise Refusal(f"no parameter is named {unknown[0][:50]!r}; there are {', '.join(known) or 'none'}")


def read_number(
    values: Mapping[str, str], name: str, *, least: int = 0, most: int = 2**62, default: int | None = None
) -> int | None:
    """Return a whole number from the query; the default if it is left out.

    Raises:
        Refusal: it is not a whole number, or out of range.
    """
    text = values.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1  # noqa: PLR2004  # 64 bits
    if not least <= number <= most:
        raise Refusal(f"{name} must be a whole number from {least} to {most}")
    return number


def read_seconds(values: Mapping[str, str], name: str, *, default: float, most: float) -> float:
    """Return a number of seconds from the query.

    Raises:
        Refusal: it is not a number, or out of range.
    """
    try:
        seconds = float(values.get(name, default))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= most:
        raise Refusal(f"{name} must be a number of seconds from 0 to {most:g}")
    return seconds


async def read_object(request: Request, *known: str) -> dict[str, Any]:
    """Return the JSON object in a request's body; an empty one if there is no body.

    Raises:
        Refusal: it is something else, or has members that are not known.
    """
    body = await request.body()
    try:
        value = loads(body) if body.strip() else {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refusal("the body must be a JSON object")
    check_names(value, known)
    return value


def _filter(text: str, hint: Any, name: str) -> Any:
    kinds = get_args(hint)
    if bool in kinds:
        return _one_of(text, {"true": True, "false": False}, name)
    if int in kinds:
        return read_number({name: text}, name)
    words = [word for kind in kinds for word in get_args(kind)]
    return _one_of(text, {word: word for word in words}, name) if words else text


def _one_of(text: str, values: Mapping[str, Any], name: str) -> Any:
    if text not in values:
        raise Refusal(f"{name} must be one of {', '.join(values)}")
    return values[text]
