"""What has changed in the position of a source, where all of it would be too much to write with each batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

EntryKey: TypeAlias = tuple[str, str]
"""The member of a position that an entry belongs to, and the entry's name in it."""


@frozen(kw_only=True)
class PositionDelta:
    """A position, or what has changed in it since the last one of the same run.

    A position is a JSON object. Members of it that are objects with thousands of entries are handed on entry by entry:
    `{"files": {"a.log": …, "b.log": …}}` has the entries `("files", "a.log")` and `("files", "b.log")`.
    """

    rest: Mapping[str, Any]
    """The members that are written as a whole."""
    entries: Mapping[EntryKey, Mapping[str, Any] | None] = field(factory=dict[EntryKey, Mapping[str, Any] | None])
    """The entries that have changed; None for one that is gone."""
    count: int | None = None
    """How many entries the position has; None if `rest` is all of it."""
    is_whole: bool = True
    """Whether there are no others than these entries."""
