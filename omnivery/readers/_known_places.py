"""The places that a journal knows, by how their files begin: of thousands of them, few can be places in one file."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import zip_longest
from typing import TypeAlias

from omnivery.bulk.source import ResumePoint
from omnivery.readers._place import DIGEST_BYTES, Place, Places, start_digest

Key: TypeAlias = tuple[int, int]
"""Where a place stands among all of them: the number of its source, and its own there."""


class KnownPlaces:
    """Places in any files."""

    def __init__(self, points: Sequence[ResumePoint] = ()) -> None:
        self._points: list[ResumePoint] = []
        self._numbers: dict[str, int] = {}
        self._by_start: dict[str, dict[Key, Place]] = {}
        self._by_head: dict[str, dict[Key, Place]] = {}
        self.update(points)

    def update(self, points: Sequence[ResumePoint]) -> None:
        """Know the places of these sources, and no others. One that is the same object as before is not looked at."""
        before, self._points = self._points, [*points]
        changed = [number for number, (old, new) in enumerate(zip_longest(before, points)) if old is not new]
        for number in changed:
            if number < len(before):
                self._forget(number, before[number])
        for number in changed:
            if number < len(points):
                self._add(number, points[number])

    def of_source(self, name: str) -> Places:
        """Return the places of the source with this name; none if it is not known."""
        number = self._numbers.get(name)
        return Places() if number is None else Places.of(self._points[number].position)

    def beginning(self, head: bytes) -> list[Place]:
        """Return the places that may be in a file with this beginning."""
        starts = {start_digest(head[: 1 << power]) for power in range(len(head).bit_length())}
        # An earlier release has not written how the file of a place starts.
        found = {key: place for start in (*starts, "") for key, place in self._by_start.get(start, {}).items()}
        return beginning_of(head, [found[key] for key in sorted(found)])

    def in_files_like(self, place: Place) -> list[Place]:
        """Return the places in files that begin as that of a place does."""
        found = self._by_head.get(place.head, {})
        return [found[key] for key in sorted(found) if found[key].is_of(place)]

    def _add(self, number: int, point: ResumePoint) -> None:
        self._numbers[point.name] = number
        for index, place in enumerate(Places.of(point.position).all):
            self._by_start.setdefault(place.start, {})[number, index] = place
            self._by_head.setdefault(place.head, {})[number, index] = place

    def _forget(self, number: int, point: ResumePoint) -> None:
        del self._numbers[point.name]
        for index, place in enumerate(Places.of(point.position).all):
            del self._by_start[place.start][number, index]
            del self._by_head[place.head][number, index]


def beginning_of(head: bytes, places: Sequence[Place]) -> list[Place]:
    """Return the places that may be in a file with this beginning, which is read once for all of them."""
    digests: dict[int, str] = {}
    state, at = blake2b(digest_size=DIGEST_BYTES), 0
    for length in sorted({place.head_bytes for place in places if 0 < place.head_bytes <= len(head)}):
        state.update(head[at:length])
        digests[length], at = state.hexdigest(), length
    return [place for place in places if digests.get(place.head_bytes) == place.head]
