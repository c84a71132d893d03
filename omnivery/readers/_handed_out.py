"""How far the files of a source were handed out, while their items are."""

from __future__ import annotations

from collections.abc import Iterator
from operator import length_hint
from typing import Any, TypeAlias

from attrs import define, evolve, field

from omnivery.bulk.files import FileStart
from omnivery.readers._format import Placed
from omnivery.readers._place import Places
from omnivery.readers._reading import Reading
from omnivery.readers._slices import Left, left_of

Portion: TypeAlias = tuple[Reading, Placed[Any]]
"""Items that were read at once, and the pass over a file that they come from."""

END: Placed[Any] = Placed((), ())
"""In place of items: behind the last ones of a file that lay under its name before."""


@define(eq=False)
class HandedOut:
    """The portions of files, one after the other, and where reading stands in these files."""

    places: Places = field(init=False, factory=Places)
    """How far each file was handed out, but for the portion in hand until `keep_place`."""
    files: list[FileStart] = field(init=False, factory=list[FileStart])
    """The files of the items that were taken last, by their places among these."""
    _reading: Reading | None = field(init=False, default=None)
    _placed: Placed[Any] = field(init=False, default=Placed((), ()))
    """The items that are being handed out, and the pass that they come from."""
    _left: Left = field(init=False, factory=lambda: iter(()))
    """What was not handed out yet of these."""

    def begin(self, portion: Portion) -> Any:
        """Begin to hand out a portion, and return what is left of it: by that it is known where reading stands."""
        reading, placed = portion
        if placed is END:
            return self._end(reading)
        if reading is not self._reading:
            self.keep_place()
            self._begin_file(reading)
        reading.forget_before(placed.ends[0])
        self._placed, self._left = placed, left_of(placed.items)
        return self._left

    def note_file(self, place: int) -> None:
        """Note in `files` which file the next items are from.

        Args:
            place: of the first of them among those that are taken together. At 0 the notes begin anew.
        """
        if self._reading is None:
            return
        if not place:
            self.files = [(0, self._reading.origin.whole_path)]
        elif self._reading.origin.whole_path != self.files[-1][1]:
            self.files.append((place, self._reading.origin.whole_path))

    def keep_place(self) -> None:
        """Note in `places` how far the file in hand was handed out."""
        if self._reading is None:
            return
        end = self._placed.ends[-1 - length_hint(self._left)]
        place = self._reading.place_of(end, self._placed.state)
        if self._reading.past is None:
            self.places.keep(self._reading.origin.key, place)
        else:
            pending = self.places.past[self._reading.past].pending
            self.places.keep_past(self._reading.past, evolve(place, pending=pending))

    def _begin_file(self, reading: Reading) -> None:
        """Of a file that takes another one's place under a name, that one is kept among the past ones."""
        self._reading = reading
        if reading.past is not None:
            return
        before = self.places.drop(reading.origin.key)
        if before is not None and before != reading.place:
            self.places.add_past([before])
        if reading.place is not None:
            self.places.drop_past(reading.place)

    def _end(self, reading: Reading) -> Iterator[Any]:
        self.keep_place()
        self._reading = None
        assert reading.past is not None  # noqa: S101  # it is one of the past files that ends
        self.places.keep_past(reading.past, evolve(self.places.past[reading.past], pending=False))
        self._left = iter(())
        return self._left
