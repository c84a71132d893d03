"""The places that a journal knows, by how their files begin: of thousands of them, few can be places in one file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from omnivery.readers._place import DIGEST_BYTES, Place, start_digest


class KnownPlaces:
    """Places in any files."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = [*places]
        self._by_start: dict[str, list[int]] = {}
        self._by_head: dict[str, list[Place]] = {}
        for index, place in enumerate(self._places):
            self._by_start.setdefault(place.start, []).append(index)
            self._by_head.setdefault(place.head, []).append(place)

    def beginning(self, head: bytes) -> list[Place]:
        """Return the places that may be in a file with this beginning."""
        starts = {start_digest(head[: 1 << power]) for power in range(len(head).bit_length())}
        # An earlier release has not written how the file of a place starts.
        found = sorted(index for start in (*starts, "") for index in self._by_start.get(start, ()))
        return beginning_of(head, [self._places[index] for index in found])

    def in_files_like(self, place: Place) -> list[Place]:
        """Return the places in files that begin as that of a place does."""
        return [one for one in self._by_head.get(place.head, ()) if one.is_of(place)]


def beginning_of(head: bytes, places: Sequence[Place]) -> list[Place]:
    """Return the places that may be in a file with this beginning, which is read once for all of them."""
    digests: dict[int, str] = {}
    state, at = blake2b(digest_size=DIGEST_BYTES), 0
    for length in sorted({place.head_bytes for place in places if 0 < place.head_bytes <= len(head)}):
        state.update(head[at:length])
        digests[length], at = state.hexdigest(), length
    return [place for place in places if digests.get(place.head_bytes) == place.head]
