"""Files that lay under a source's names before: what is left of them is read before what lies there now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import define, evolve, field

from omnivery.readers._identity import start_of_file
from omnivery.readers._known_places import KnownPlaces
from omnivery.readers._local_file import LocalFile
from omnivery.readers._origin import Origin
from omnivery.readers._place import Place, Places
from omnivery.readers._rotation import ReadAnyway, between, named_like, recognized, rest_of, rotated_since

_RECENT = 2
"""Files that were replaced last: a writer may have gone on with them for a while, so each run looks at them again."""


@define(kw_only=True, eq=False)
class PastFiles:
    """Finds where the files lie now that lay under the names of a source."""

    origins: Sequence[Origin]
    """What lies there now."""
    note: Callable[[str], object]
    """Told what is lost."""
    _anyway: ReadAnyway = field(init=False, factory=ReadAnyway)

    def look(self) -> None:
        """Look which files lie under the names now, which is known until the next look."""
        self._anyway = ReadAnyway(self.origins)

    def replaced(self, origin: Origin, before: Place, everywhere: KnownPlaces) -> list[Place]:
        """Return the place in a file that is not under its name any more, and those in files rotated after it."""
        rest = rest_of(before, self._anyway)
        if rest is not None:
            own = self._recognized(rest, everywhere) or before
            return [evolve(own, pending=True), *self._begun(between(rest, origin), everywhere)]
        later = self._begun(rotated_since([before], origin), everywhere)
        # Of a file that is empty, the journal gets no place: what is said of it now would be said at each run.
        is_told_later = origin.size == 0 and not later
        if not is_told_later and not any(place.path != before.path for place in everywhere.in_files_like(before)):
            since = f". What was rotated since then is read: {_listed(later)}" if later else ""
            self.note(f"{origin.name} {_WRITTEN_ANEW if before.is_whole else _ANOTHER}{since}")
        return [before, *later]

    def passed_over(self, origin: Origin, past: Sequence[Place], everywhere: KnownPlaces) -> list[Place]:
        """Return starts of files that lay under a name for a while, but no run came to them: earlier ones took long."""
        # Each of thousands of files may be a new one.
        named = named_like(past, origin)
        for place in reversed(named):
            if (rest := rest_of(place, self._anyway)) is not None:
                return self._begun(between(rest, origin), everywhere)
        later = self._begun(rotated_since(named, origin), everywhere)
        if named and (later or origin.size):
            self.note(
                f"None of the files that were read under the name {origin.name} is there any more: what was rotated "
                "away since the last run was not read"
            )
        return later

    def rests(self, places: Places) -> Iterator[tuple[int, LocalFile]]:
        """Yield the files of which something may be left, in the order in which they were written.

        Each comes with its serial number among the past ones. One that is gone is told once.
        """
        self.look()
        serials = list(places.past)
        for index, place in self._unsure([*places.past.values()]):
            rest = rest_of(place, self._anyway)
            if rest is not None:
                yield serials[index], rest
            elif place.pending and place not in places.files.values():
                places.keep_past(serials[index], evolve(place, pending=False))
                if rest_of(place, ReadAnyway()) is None:  # none of those that are read anyway
                    self.note(_gone(place))

    def furthest(self, past: Sequence[Place], everywhere: KnownPlaces) -> list[Place]:
        """Return the past places, each as far as any source of the journal has come in its file."""
        found = [*past]
        for index, place in self._unsure(past):
            rest = rest_of(place, self._anyway)
            other = None if rest is None else self._recognized(rest, everywhere)
            if other is not None and other.rank > place.rank:
                found[index] = evolve(other, pending=place.pending)
        return found

    def _unsure(self, past: Sequence[Place]) -> list[tuple[int, Place]]:
        """Those of which something may be left."""
        recent = len(past) - _RECENT
        return [(index, place) for index, place in enumerate(past) if place.pending or index >= recent]

    def _begun(self, files: Sequence[LocalFile], everywhere: KnownPlaces) -> list[Place]:
        starts = (start_of_file(one) for one in files if not self._is_known(one, everywhere))
        return [evolve(start, pending=True) for start in starts if start is not None]

    def _is_known(self, file: LocalFile, places: KnownPlaces) -> bool:
        """Whether a file is read anyway, or was read before."""
        return self._anyway.has(file.path) or self._recognized(file, places) is not None

    def _recognized(self, file: LocalFile, places: KnownPlaces) -> Place | None:
        try:
            return recognized(file, places)
        except OSError:
            return None  # to read it fails as well, and says so


_IF_A_COPY = "If you have a copy, submit it with the same journal: it is read on from there"
_ANOTHER = (
    "is another file than the one that was read before, and is read from its start. That one was not found beside it: "
    f"what was written to it after the last run was not read. {_IF_A_COPY}"
)
_WRITTEN_ANEW = (
    "is not as it was when it was read before, and is read from its start: those of its events that were sent before "
    "are sent again. To send only new ones, put these into a file of their own, or write NDJSON, which is read on from "
    "where it was left"
)


def _listed(places: Sequence[Place]) -> str:
    return ", ".join(place.path for place in places)


def _gone(place: Place) -> str:
    where = f"up to line {place.line + place.skip - 1:,}" if place.skip or place.line > 1 else "not at all"
    return (
        f"The file that lay at {place.path} was read {where} by runs that did not come to its end, and is gone: the "
        f"rest of it was not read. {_IF_A_COPY}"
    )
