"""Members of structs and maps that are named by paths, as columns of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from omnivery.events.json_path import take_at
from omnivery.readers._column_types import ColumnType, Kind
from omnivery.readers._column_values import own_values


@frozen(kw_only=True)
class Member:
    """A member of a column's values."""

    path: str
    """As the caller has named it, with the name of the column."""
    place: int
    """Of the column."""
    steps: Sequence[str]
    """The names that lead to it within a value."""

    def of(self, values: list[Any], of: ColumnType) -> tuple[list[Any], ColumnType]:
        """Return the member of each value, and its type."""
        for name in self.steps:
            if of.kind is Kind.STRUCT:
                values = [value.get(name) if isinstance(value, dict) else None for value in values]
                of = of.parts[of.names.index(name)]
            else:
                values = [value.get(name) if isinstance(value, dict) else None for value in own_values(values, of)]
                of = ColumnType()
        return values, of


def members_at(paths: Iterable[str], names: Sequence[str], types: Sequence[ColumnType]) -> list[Member]:
    """Return the members at those of these paths that lead into a column, and are no column's name themselves."""
    found: list[Member] = []
    for path in paths:
        for place, name in enumerate(names):
            inside = path.removeprefix(f"{name}.") if name and path not in names else path
            if inside != path and (steps := _steps(inside, types[place])):
                found.append(Member(path=path, place=place, steps=steps))
                break
    return found


def _steps(path: str, of: ColumnType) -> Sequence[str]:
    """The names that a path has in values of a type; none if these have no such member."""
    if of.kind is Kind.MAP:
        return [path]
    if of.kind is not Kind.STRUCT:
        return []
    for name, part in zip(of.names, of.parts, strict=True):
        if path == name:
            return [name]
        # A name may have dots itself.
        if path.startswith(f"{name}.") and (steps := _steps(path[len(name) + 1 :], part)):
            return [name, *steps]
    return []


def has_others(of: ColumnType, members: Sequence[Member]) -> bool:
    """Whether values of a type have other members than these."""
    return not {*_paths(of)} <= {tuple(one.steps) for one in members}


def _paths(of: ColumnType, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if of.kind is not Kind.STRUCT:
        yield before
        return
    for name, part in zip(of.names, of.parts, strict=True):
        yield from _paths(part, (*before, name))


def without(values: list[Any], members: Sequence[Member]) -> list[Any]:
    """Return values in their JSON form without these members."""
    if not members:
        return values
    found = [{**value} if isinstance(value, Mapping) else value for value in values]
    for value in found:
        for member in members if isinstance(value, dict) else ():
            take_at(value, ".".join(member.steps))
    return found
