"""One pass over one file: its format is chosen, its items come out, and each tells where reading stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from omnivery.errors import SourceError
from omnivery.readers._choice import Choice, chosen_again, chosen_by_sample
from omnivery.readers._format import LineReader, Placed
from omnivery.readers._identity import (
    FINGERPRINT,
    beyond,
    content,
    cut_short,
    head_of,
    is_plain,
    recognizable,
    split_at,
)
from omnivery.readers._insights import rows_as_objects
from omnivery.readers._lines import TAIL, Block, Blocks
from omnivery.readers._local_file import LocalFile
from omnivery.readers._origin import Origin
from omnivery.readers._place import Place, digest, start_digest

_AT_ONCE = 500
"""Items handed over together of a file that is not made of lines."""


@define(kw_only=True, eq=False)
class Reading:
    """One pass over one file, from a place on."""

    origin: Origin
    choice: Choice
    place: Place | None = None
    """Where it begins; None for the start."""
    candidates: Sequence[Place] = ()
    """Where it may begin if it is a stream: that shows when its first bytes have come."""
    past: int | None = None
    """If the file lay under a name that another one has now: which of the past ones it is."""
    growing: bool = False
    """Whether a last line without an ending is left for another pass."""
    encoded: bool = False
    """Whether items may be `EncodedEvent`s."""
    in_blocks: bool = False
    """Whether items may be `LinesLeft` and `CheckedBlock`s, too."""
    skipped: Counter[str] = field(factory=Counter[str])
    """Lines without an item, by what they are."""
    unfinished: int = field(init=False, default=0)
    """Bytes of a last line that was left."""
    note: str | None = field(init=False, default=None)
    """What else there is to know, at its end."""
    format: str | None = field(init=False, default=None)
    """The name of the format that was recognized."""
    _head: bytes = field(init=False, default=b"")
    _digest: tuple[int, str, str] = field(init=False, default=(0, "", ""))
    _blocks: Blocks | None = field(init=False, default=None)
    _to_skip: int = field(init=False, default=0)
    """Lines still to be passed over, which were read before."""

    def items(self) -> Iterator[Placed[Any]]:
        """Yield what the file holds from the place on.

        Raises:
            ConfigError: it cannot be read in the way that was asked for; or it ends before the place.
            OSError: it cannot be opened or read.
            SourceError: its data is damaged or cut off.
        """
        if self.place is not None:
            self._head = head_of(self.origin.as_it_is())
        start = _start_of_tail(self.place)
        with closing(self._recorded(content(self.origin, start), start)) as raw:  # type: ignore[type-var]  # a generator
            pieces = rows_as_objects(raw if self.origin.again else self._found_in_stream(raw))
            place = self.place
            if place is None:
                tail = b""
                chosen, data = chosen_by_sample(pieces, self.choice, growing=self.growing)
            else:
                tail, data = self._tail_of(place, pieces)
                chosen, data = chosen_again(self._head, data, self.choice, place.format, growing=self.growing)
            self.format, chosen.reader.skipped = chosen.name, self.skipped
            if isinstance(chosen.reader, LineReader):
                yield from self._lines(chosen.reader, data, place or Place(), tail)
            else:
                chosen.reader.growing = self.growing
                yield from self._whole(chosen.reader.read(data, self._plain_path()), place.skip if place else 0)
                self.unfinished = chosen.reader.unfinished

    def place_of(self, end: int, state: Any = None) -> Place:
        """Return where reading resumes behind an item, given its `Placed.ends` and `Placed.state`."""
        known = recognizable(self._head)
        if self._digest[0] != len(known):
            self._digest = (len(known), digest(known), start_digest(known))
        length, head, start = self._digest
        first = "" if self.origin.again else _first_line(self._head)
        place = Place(
            head_bytes=length,
            head=head,
            start=start,
            first=first,
            format=self.format,
            path=self.origin.real_path,
            modified=self.origin.modified if self.origin.again else 0,
        )
        if self._blocks is None:
            return evolve(place, skip=end)
        line, offset, tail, lines = self._blocks.start_of(end)
        last = (lines[end - line] if lines else None) or b""
        return evolve(
            place,
            line=line,
            offset=offset,
            tail=digest(tail) if tail else "",
            skip=end - line + 1,
            last_bytes=len(last),
            last=digest(last) if last else "",
            state=state,
            newline=self._blocks.newline.decode() if self._blocks.newline else None,
        )

    def forget_before(self, end: int) -> None:
        """Say that reading will not be resumed before an item any more."""
        if self._blocks is not None:
            self._blocks.start_of(end)

    def _found_in_stream(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        self.place, pieces = _place_in_stream(pieces, self.candidates)
        return beyond(pieces, _start_of_tail(self.place), self.origin)

    def _tail_of(self, place: Place, pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
        length = place.offset - _start_of_tail(place)
        tail, data = split_at(pieces, length)
        if len(tail) < length:
            raise cut_short(self.origin, place.offset)
        if place.tail and digest(tail) != place.tail:
            raise SourceError(
                f"{self.origin.name} begins like what was read before, and differs from it later: submit it "
                "with a new journal. Nothing of it was sent."
            )
        return tail, data

    def _lines(
        self, reader: LineReader[Any], data: Iterator[bytes], place: Place, tail: bytes
    ) -> Iterator[Placed[Any]]:
        reader.state, reader.encoded, reader.in_blocks = place.state, self.encoded, self.in_blocks
        self._blocks = Blocks(
            data,
            line=place.line,
            offset=place.offset,
            newline=place.newline.encode() if place.newline else None,
            growing=self.growing,
            tail=tail,
        )
        self._to_skip, reader.growing = place.skip, self.growing
        yield from reader.read(self._behind_skipped(self._blocks))
        self.note = f"{self.origin.name}: {reader.note}" if reader.note else None
        self.unfinished = (self._blocks.unfinished if self._blocks.is_line_unfinished else 0) + reader.unfinished
        # A last line without an ending may have been taken before as if it were complete.
        if self._to_skip > (self._blocks.unfinished > 0):
            raise cut_short(self.origin, place.offset)

    def _behind_skipped(self, all_blocks: Blocks) -> Iterator[Block]:
        """The blocks without their first lines."""
        for first, lines in all_blocks:
            if self._to_skip >= len(lines):
                self._to_skip -= len(lines)
                continue
            skip, self._to_skip = self._to_skip, 0
            yield first + skip, lines[skip:] if skip else lines

    def _whole(self, items: Iterator[Any], taken: int) -> Iterator[Placed[Any]]:
        """Items of a file that is not made of lines. As many as were taken before are passed over."""
        if sum(1 for _ in islice(items, taken)) < taken:
            raise cut_short(self.origin, self.origin.taken)
        end, failure = taken, None
        while failure is None:
            some: list[Any] = []
            try:
                some.extend(islice(items, _AT_ONCE))
            except Exception as error:  # noqa: BLE001  # it comes out behind what was read before it
                failure = error
            if some:
                yield Placed(some, range(end + 1, end + 1 + len(some)))
                end += len(some)
            elif failure is None:
                return
        raise failure

    def _plain_path(self) -> Path | None:
        if not isinstance(self.origin, LocalFile) or not self.origin.again:
            return None
        with self.origin.open() as file:
            return self.origin.path if is_plain(file) else None

    def _recorded(self, pieces: Iterator[bytes], at: int) -> Iterator[bytes]:
        """Keep the beginning, by which the file is recognized."""
        with closing(pieces):  # type: ignore[type-var]  # it is a generator
            for piece in pieces:
                # Only a piece that goes beyond what is known adds to it: the first one, of gzip, may be shorter.
                if at <= len(self._head) < min(at + len(piece), FINGERPRINT):
                    self._head = (self._head[:at] + piece)[:FINGERPRINT]
                at += len(piece)
                yield piece


def _start_of_tail(place: Place | None) -> int:
    return max(0, place.offset - TAIL) if place else 0


def _place_in_stream(pieces: Iterator[bytes], candidates: Sequence[Place]) -> tuple[Place | None, Iterator[bytes]]:
    """Find where a stream was left, if it is one that was read before; and return all of it.

    No more is read than it takes to tell it from the others: its first line mostly does.
    """
    head = b""
    seen: list[bytes] = []
    left = list(candidates)
    while left and not all(one.head_bytes <= len(head) for one in left):
        piece = next(pieces, None)
        if piece is None:
            break
        seen.append(piece)
        head = (head + piece)[:FINGERPRINT]
        if b"\n" in head:
            left = [one for one in left if one.first == _first_line(head)]
    left = [one for one in left if one.begins(head)]
    return max(left, key=lambda one: one.rank, default=None), chain(seen, pieces)


def _first_line(head: bytes) -> str:
    return digest(head.split(b"\n", 1)[0])
