"""The target of a run: the settings that all its requests share."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, field, frozen


@frozen
class RunTarget:
    """The settings that all requests of a run share, by names of its kind of work. A journal belongs to one target."""

    values: Mapping[str, str] = field(repr=False)
    """Settings by name, in the order in which differences are reported."""
    secret: frozenset[str] = frozenset()
    """Names whose values appear in no message."""

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def replace(self, **values: str) -> RunTarget:
        """The same target with other values for some of its names."""
        return evolve(self, values={**self.values, **values})

    def difference(self, other: RunTarget) -> str | None:
        """Return the differences to another target, in words; None if there are none."""
        for name in {**self.values, **other.values}:
            own, its = self.values.get(name), other.values.get(name)
            if own != its and name in self.secret | other.secret:
                return f"another {name}"
            if own != its:
                return f"{name} {own}, not {its}"
        return None
