"""Checks of the options of `Emulator`: an unknown word would be another emulator than the one that was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from attrs import Attribute

from omnivery.errors import ConfigError


def one_of(value: object, *choices: str, option: str) -> None:
    """Check an option that is one of several words.

    Raises:
        ConfigError: it is another one.
    """
    if value not in choices:
        raise ConfigError(f"{option} must be {' or '.join(map(repr, choices))}, not {value!r}")


def word(*choices: str) -> Callable[[object, Attribute[Any], object], None]:
    """Return a validator of an option that is one of several words."""
    return lambda _, attribute, value: one_of(value, *choices, option=attribute.name)


def key(_: object, attribute: Attribute[Any], value: object) -> None:
    """Check a key."""
    if not isinstance(value, str):
        # Its type alone: it may be a key of another kind.
        raise ConfigError(f"{attribute.name} must be text, not {type(value).__name__}")


def seconds(_: object, attribute: Attribute[Any], value: object) -> None:
    """Check a number of seconds, or several."""
    each = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(one, int | float) and 0 <= one < math.inf for one in each):
        raise ConfigError(f"{attribute.name} must be in seconds, none below 0, not {value!r}")


def count(_: object, attribute: Attribute[Any], value: object) -> None:
    """Check a whole number that is at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{attribute.name} must be a whole number from 1, not {value!r}")
