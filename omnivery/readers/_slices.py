"""What a run takes of a file: many items at once, and lines of NDJSON as the text that they stand in."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from operator import length_hint
from typing import Any, TypeAlias, TypeVar

from attrs import define, field

from omnivery.bulk.source import Slices
from omnivery.events.encoded import LINE, CheckedBlock, LineBlock
from omnivery.events.sound_lines import ids_in_sound
from omnivery.readers._lines import Uncut

T = TypeVar("T")


@define(eq=False)
class UncutLines:
    """The lines of a block that are left to be taken."""

    lines: Uncut
    number: int
    """Of the next line."""
    _left: int = field(init=False)
    _text: BytesIO = field(init=False)
    """The lines, read up to the next one."""
    _at: int = field(init=False, default=0)
    """Where the next line begins in the text."""
    _marked_at: int = field(init=False, default=0)
    """The same in the marked text."""

    def __attrs_post_init__(self) -> None:
        self._left = len(self.lines)
        self._text = BytesIO(self.lines.text)

    def __len__(self) -> int:
        return self._left

    def take(self, count: int) -> Uncut:
        """Return up to `count` lines."""
        lines, start, marked_start = self.lines, self._at, self._marked_at
        count = min(count, self._left)
        self._at = self._end_of(count)
        self._marked_at += self._at - start + count * (len(lines.mark) - 1)
        self._left -= count
        self.number += count
        return Uncut(lines.text[start : self._at], lines.mark, lines.marked[marked_start : self._marked_at])

    def _end_of(self, count: int) -> int:
        if count == self._left:
            return len(self.lines.text)
        # To cut lines out of a `BytesIO` and drop them takes a quarter of the time of finding each line feed.
        deque(islice(self._text, count), maxlen=0)
        return self._text.tell()


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


Left: TypeAlias = Iterator[Any] | UncutLines | CheckedEvents
"""What is left to be taken of a portion. It tells its length, as the iterator of a list does."""


def left_of(items: Any) -> Left:
    """Return all items of a portion as what is left of it."""
    if isinstance(items, CheckedBlock):
        return CheckedEvents(items)
    return items if isinstance(items, UncutLines) else iter(items)


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
        if isinstance(self._left, UncutLines):
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
        assert isinstance(self._left, UncutLines)  # noqa: S101  # for type checkers
        first, mark, pieces, taken = self._left.number, self._left.lines.mark, list[Uncut](), 0
        while taken < count and self._has_more() and self._is_at(first + taken, mark):
            pieces.append(self._left.take(count - taken))
            taken = self._left.number - first
        text = b"".join([piece.text for piece in pieces])
        ids = ids_in_sound(b"".join([piece.marked for piece in pieces]), mark, taken)
        if ids is not None:
            return LineBlock(text=text, first=first, ids=[*ids])
        numbered = enumerate(text.split(b"\n")[:-1], first)
        items = [(LINE, line, number) for number, line in numbered if line and not line.isspace()]
        if blank := taken - len(items):
            self.skipped["blank"] += blank
        return items

    def _is_at(self, number: int, mark: bytes) -> bool:
        """Whether the next line is the one with a number in the file with a mark."""
        left = self._left
        return isinstance(left, UncutLines) and left.number == number and left.lines.mark == mark
