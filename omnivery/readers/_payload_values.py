"""Values of webhook payloads, in which nothing is required: what is missing, or of another type, is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omnivery.events.json_path import value_at
from omnivery.readers._times import unix_time


def listed(value: Any) -> Sequence[Any]:
    """Return a list as it is, and anything else as a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def first(value: Any, *paths: str) -> Any:
    """Return the value at the first of these paths that has one; None if none has."""
    return next((found for path in paths if (found := value_at(value, path)) is not None), None)


def text(value: Any) -> str | None:
    """Return a text, or a number as one; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts in a list, or a single one."""
    return tuple(found for one in listed(value) if (found := text(one)))


def is_single(value: Any) -> bool:
    """Whether a value is a list of one."""
    return isinstance(value, list) and len(value) == 1


def when(value: Any) -> dict[str, Any]:
    """Return the fields of an interaction that tell its time: as it was written, and in seconds."""
    return {"moment": text(value), "ts": unix_time(value)}
