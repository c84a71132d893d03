"""What a run takes of a file: many items at once, and lines of NDJSON as the text that they stand in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import length_hint
from typing import Any, TypeAlias, TypeVar

from attrs import define, field

from omnivery.bulk.source import Slices
from omnivery.events.encoded import LINE, CheckedBlock, LineBlock
from omnivery.events.sound_lines import ids_of_sound

T = TypeVar("T")


@define(eq=False)
class LinesLeft:
    """The lines of a block that are left to be taken."""

    lines: Sequence[bytes]
    """All lines of the block, each with its line feed."""
    number: int
    """Of the next line."""
    reader: object
    """What has read them. Each file has a reader of its own."""
    _at: int = field(init=False, default=0)

    def __len__(self) -> int:
        return len(self.lines) - self._at

    def take(self, count: int) -> Sequence[bytes]:
        """Return up to `count` lines."""
        taken = self.lines[self._at : self._at + count]
        self._at += len(taken)
        self.number += len(taken)
        return taken


@define(eq=False)
class CheckedEvents:
    """The events of a block that are left to be taken."""

    block: CheckedBlock
    _at: int = field(init=False, default=0)

    def __len__(self) -> int:
        return len(self.block) - self._at

    def take(self, count: int) -> CheckedBlock:
        """Return up to `count` events."""
        start, self._at = self._at, self._at + min(count, len(self))
        return self.block[start : self._at]


Left: TypeAlias = Iterator[Any] | LinesLeft | CheckedEvents
"""What is left to be taken of a portion. It tells its length, as the iterator of a list does."""


def left_of(items: Any) -> Left:
    """Return all items of a portion as what is left of it."""
    if isinstance(items, CheckedBlock):
        return CheckedEvents(items)
    return items if isinstance(items, LinesLeft) else iter(items)


@define(eq=False, kw_only=True)
class FileSlices(Slices[T]):
    """Items of files, by portions that are read one after the other."""

    portions: Iterator[Any]
    begin: Callable[[Any], Left]
    """Begins to hand out a portion."""
    note_file: Callable[[int], None]
    """Notes that items of the portion in hand follow, at a place among those that are taken together."""
    skipped: Counter[str]
    """Counts blank lines."""
    _left: Left = field(init=False, factory=lambda: iter(()))
    """Of the portion in hand."""
    _failure: Exception | None = field(init=False, default=None)
    """What reading raised. It comes out behind what was read before it."""

    def take(self, count: int) -> Sequence[T]:
        """Return the next items.

        Raises:
            Exception: what reading raised.
        """
        taken: Sequence[T] = ()
        while len(taken) < count and (more := self._next(count - len(taken), len(taken))):
            taken = [*taken, *more] if taken else more
        if self._failure is not None and not taken:
            failure, self._failure = self._failure, None
            raise failure
        return taken

    def _next(self, count: int, place: int) -> Sequence[T]:
        """Up to `count` items of one kind, to follow those before a place; none at the end."""
        while self._has_more():
            self.note_file(place)
            if found := self._of_left(count, place):
                return found
        return ()

    def _has_more(self) -> bool:
        while not length_hint(self._left):
            try:
                self._left = self.begin(next(self.portions))
            except StopIteration:
                return False
            except Exception as error:  # noqa: BLE001  # it comes out where items are taken
                self._failure = error
                return False
        return True

    def _of_left(self, count: int, place: int) -> Sequence[Any]:
        if isinstance(self._left, LinesLeft):
            return self._of_lines(count)
        if isinstance(self._left, CheckedEvents):
            return self._of_checked(count, place)
        return [*islice(self._left, count)]

    def _of_checked(self, count: int, place: int) -> CheckedBlock:
        texts, ids = list[str](), list[str]()
        while len(ids) < count and self._has_more() and isinstance(self._left, CheckedEvents):
            self.note_file(place + len(ids))
            more = self._left.take(count - len(ids))
            texts += more.texts
            ids += more.ids
        return CheckedBlock(texts=texts, ids=ids)

    def _of_lines(self, count: int) -> Sequence[Any]:
        """Events from up to `count` lines that follow one another."""
        assert isinstance(self._left, LinesLeft)  # noqa: S101  # for type checkers
        first, reader, lines = self._left.number, self._left.reader, list[bytes]()
        while len(lines) < count and self._has_more() and self._is_at(first + len(lines), reader):
            lines += self._left.take(count - len(lines))
        text = b"".join(lines)
        ids = ids_of_sound(lines, text)
        if ids is not None:
            return LineBlock(text=text, first=first, ids=[*ids])
        numbered = enumerate([line[:-1] for line in lines], first)
        items = [(LINE, line, number) for number, line in numbered if line and not line.isspace()]
        if blank := len(lines) - len(items):
            self.skipped["blank"] += blank
        return items

    def _is_at(self, number: int, reader: object) -> bool:
        """Whether the next line is the one with a number in the file of a reader."""
        left = self._left
        return isinstance(left, LinesLeft) and left.number == number and left.reader is reader
