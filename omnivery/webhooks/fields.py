"""Lenient access to a payload's fields. Unknown fields, and those of another type, are left over as `extra`.

The service does not retry a call that is refused for its form, so no field of one may make reading fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


class Fields:
    """The fields of one JSON object; of any other value, no fields."""

    def __init__(self, data: object) -> None:
        self.rest: dict[str, Any] = dict(cast("Mapping[str, Any]", data)) if isinstance(data, Mapping) else {}

    def text(self, name: str) -> str | None:
        """Text."""
        return cast("str | None", self._take(name, str))

    def whole(self, name: str) -> int | None:
        """A whole number, or text of its decimal digits."""
        value = self.rest.get(name)
        # At most 15 digits: int() gives up on huge texts.
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:  # noqa: PLR2004
            self.rest[name] = int(value)
        return cast("int | None", self._take(name, int))

    def number(self, name: str) -> float | None:
        """A number, with or without a fraction."""
        return cast("float | None", self._take(name, int, float))

    def flag(self, name: str) -> bool | None:
        """A boolean; never text or a number that looks like one."""
        return cast("bool | None", self._take(name, bool))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; a single text counts as a list of one."""
        value = self.rest.get(name)
        if isinstance(value, list) and not all(isinstance(item, str) for item in cast("list[object]", value)):
            return ()
        found = self._take(name, list, str)
        return (found,) if isinstance(found, str) else tuple(found or ())

    def items(self, name: str) -> tuple[Any, ...]:
        """A list of anything."""
        return tuple(self._take(name, list) or ())

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object as received. An empty list counts as an empty object: PHP encodes one as `[]`."""
        value = self.rest.get(name)
        if not (isinstance(value, Mapping) or value is None or value == []):
            return {}
        return cast("Mapping[str, Any]", self.rest.pop(name, None) or {})

    def part(self, name: str) -> Fields:
        """The fields of a nested object."""
        return Fields(self.mapping(name))

    def left(self, **parts: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that were not read, with those of the given nested objects."""
        return self.rest | {name: rest for name, rest in parts.items() if rest}

    def _take(self, name: str, *types: type) -> Any:
        # The exact type: Python's True is an int, but JSON's true is not a number.
        if self.rest.get(name) is None or type(self.rest[name]) in types:
            return self.rest.pop(name, None)
        return None
