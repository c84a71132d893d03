"""What a format is to `readers.read`: how it is recognized, and what reads it.

A new format is a `Format` in the registry (`_formats.py`) whose reader is one of three kinds: `EachLine` if each line
is an event by itself, `LineReader` if lines depend on one another, and `WholeReader` if it is not made of lines.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from attrs import define, field, frozen

from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.readers._client_ip import ClientIp
from omnivery.readers._lines import PART, Block, too_long

T = TypeVar("T", BotEvent, EventLine)


class Placed(NamedTuple, Generic[T]):
    """Items that were read from lines, and where each one ends: what a journal needs to resume behind any of them."""

    items: Sequence[T | UnreadableLine]
    ends: Sequence[int]
    """For each item, the number of the last line that it was read from. As long as `items`, and ascending."""
    state: Any = None
    """What reading on behind any of these items needs from the lines before them, such as the names of columns: a
    value with a JSON form, which is never changed afterwards. None if each line stands by itself."""


@define(eq=False)
class LineReader(ABC, Generic[T]):
    """Turns the lines of one source into items. Each reading has a reader of its own.

    The reader says where its items end, so a journal needs no knowledge of what the items are. If each line is an
    event by itself, subclass `EachLine`, which says it for you.
    """

    state: Any = field(default=None, init=False)
    """Set before `read` if reading resumes: the `Placed.state` of the item behind which it does."""
    encoded: bool = field(default=False, init=False)
    """Set before `read` if a run takes the items: then they may be `EncodedEvent`s."""
    in_blocks: bool = field(default=False, init=False)
    """Set before `read` if they may be `CheckedBlock`s and `LinesLeft`, too."""
    skipped: Counter[str] = field(init=False, factory=Counter[str])
    """Lines that hold no item and are no fault, by what they are: `"blank"`, `"header"`, `"part"` of another line."""
    growing: bool = field(default=False, init=False)
    """Set before `read` if the source may grow: an item that its last lines only begin may then be left."""
    unfinished: int = field(default=0, init=False)
    """Bytes of such an item that was left."""

    @property
    def headed(self) -> bool:
        """Whether what it reads begins with a header, without which no line can be read."""
        return False

    @property
    def note(self) -> str | None:
        """What else there is to know of the lines that were read, behind the name of their file."""
        return None

    @abstractmethod
    def read(self, blocks: Iterable[Block]) -> Iterator[Placed[T]]:
        """Yield the items of the lines in order. No more lines are asked for than the next items need.

        Each line becomes part of exactly one item, or is counted in `skipped`. A line that cannot be read is an item
        too: an `UnreadableLine`.

        Raises:
            ConfigError: the source as a whole cannot be read in this way.
        """


@define(eq=False)
class EachLine(LineReader[T]):
    """Turns each line into an event by itself. Blank lines are skipped, and those too long are unreadable."""

    @abstractmethod
    def item(self, line: bytes, number: int) -> T | UnreadableLine | None:
        """Return what a line holds that is not blank; None if it is no record, but for instance a comment.

        A line that changes how later ones are read, as a header does, sets `self.state` to a new value: the one that
        reading on behind this line needs.
        """

    def read(self, blocks: Iterable[Block]) -> Iterator[Placed[T]]:
        """Yield the items of one block after the other."""
        for first, lines in blocks:
            state = self.state
            items: list[T | UnreadableLine] = []
            ends: list[int] = []
            for number, line in enumerate(lines, first):
                if line and not line.isspace():
                    found = self.item(line, number)
                    if self.state is not state:
                        # What was read up to here resumes with the state that it was read with.
                        yield Placed(items, ends, state)
                        state, items, ends = self.state, [], []
                    if found is None:
                        self.skipped["header"] += 1
                        continue
                elif line is None:
                    found = too_long(number)
                else:
                    self.skipped["part" if line is PART else "blank"] += 1
                    continue
                items.append(found)
                ends.append(number)
            yield Placed(items, ends, state)


@define(eq=False)
class WholeReader(ABC, Generic[T]):
    """Reads a source that is not made of lines. To resume, it is read anew, and as many items are passed over."""

    skipped: Counter[str] = field(init=False, factory=Counter[str])
    """Records that are no item and no fault, by what they are."""
    growing: bool = field(default=False, init=False)
    """Set before `read` if the source may grow: an item that its end only begins is then left."""
    unfinished: int = field(init=False, default=0)
    """Bytes of such an item that was left."""

    def leave(self, count: int) -> None:
        """Say how many bytes were left."""
        self.unfinished = count

    @abstractmethod
    def read(self, pieces: Iterator[bytes], path: Path | None) -> Iterator[T | UnreadableLine]:
        """Yield the items of a source.

        Args:
            pieces: its content, unpacked, in pieces of any size.
            path: the file, if the source is one that is not packed; a format that is read from its end needs it.

        Raises:
            ConfigError: the source cannot be read in this way.
        """


Reader: TypeAlias = LineReader[Any] | WholeReader[Any]

ANY_OBJECT = 0.001
"""The share of an object that names no field of an event: it is read if nothing else reads a line."""

Sample: TypeAlias = Sequence[bytes]
"""The first lines of a source that are not blank and not too long, without their endings."""


def _kept(given: Any) -> Any:
    """A list of the caller's as it is now; what is none is refused where it is read."""
    return tuple(given) if isinstance(given, Iterable) and not isinstance(given, str | bytes) else given


@frozen(kw_only=True)
class ReadOptions:
    """What a caller says about the content of a source. A format takes what concerns it."""

    columns: Mapping[str, str] | None = None
    """The source's names of columns to an event's fields."""
    client_ip: ClientIp | None = None
    """Whose address the requests of a log get."""
    trusted_proxies: Sequence[str] = field(default=(), converter=_kept)
    """Addresses and networks of proxies that are believed who called them."""


@frozen(kw_only=True)
class Format:
    """One format that `readers.read` recognizes and knows by name."""

    name: str
    """As in `readers.read(source, format=…)` and `--format`."""
    sniff: Callable[[Sample, ReadOptions], float]
    """Returns the share of these lines that the format can read, from 0 to 1; a header counts as read. Of formats with
    the same share, the one that stands first in the registry is taken."""
    reader: Callable[[Sample, ReadOptions], Reader]
    """Makes the reader of one source, of which the sample is the beginning."""
    like: str = ""
    """The name of the format that this one is, in another form: to choose between the two, a line is enough."""
