"""A payload's fields, taken out one by one. What nobody took, or what was of another type, is left over as `extra`.

A webhook call that is refused for its form is lost for good: so no field of one can make reading fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


class Fields:
    """The fields of one JSON object, or of something else in its place, which then has none."""

    def __init__(self, data: object) -> None:
        self.rest: dict[str, Any] = dict(cast("Mapping[str, Any]", data)) if isinstance(data, Mapping) else {}

    def text(self, name: str) -> str | None:
        """A text."""
        return cast("str | None", self._take(name, str))

    def whole(self, name: str) -> int | None:
        """A whole number, or its decimal digits as text."""
        value = self.rest.get(name)
        # At most 15 digits: int() gives up on huge texts.
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:  # noqa: PLR2004
            self.rest[name] = int(value)
        return cast("int | None", self._take(name, int))

    def number(self, name: str) -> float | None:
        """A number, with or without a fraction."""
        return cast("float | None", self._take(name, int, float))

    def flag(self, name: str) -> bool | None:
        """A truth value; never a text or a number that looks like one."""
        return cast("bool | None", self._take(name, bool))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; one text stands for a list of one."""
        value = self.rest.get(name)
        if isinstance(value, list) and not all(isinstance(item, str) for item in cast("list[object]", value)):
            return ()
        found = self._take(name, list, str)
        return (found,) if isinstance(found, str) else tuple(found or ())

    def items(self, name: str) -> tuple[Any, ...]:
        """A list of anything."""
        return tuple(self._take(name, list) or ())

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object as it came. An empty list stands for an empty one, as PHP writes it."""
        value = self.rest.get(name)
        if not (isinstance(value, Mapping) or value is None or value == []):
            return {}
        return cast("Mapping[str, Any]", self.rest.pop(name, None) or {})

    def part(self, name: str) -> Fields:
        """The fields of an object within."""
        return Fields(self.mapping(name))

    def left(self, **parts: Mapping[str, Any]) -> dict[str, Any]:
        """What nobody took, with what nobody took of the given parts."""
        return self.rest | {name: rest for name, rest in parts.items() if rest}

    def _take(self, name: str, *types: type) -> Any:
        # The exact type: Python's True is an int, JSON's true is no number.
        if self.rest.get(name) is None or type(self.rest[name]) in types:
            return self.rest.pop(name, None)
        return None
