"""A file's events as a source that can be resumed: the file is known again, and read on from where it was left."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from gzip import BadGzipFile
from hashlib import blake2b
from itertools import chain, islice
from operator import length_hint
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import define, field

from omnivery.bulk.source import Resumable, ResumePoint
from omnivery.errors import ConfigError
from omnivery.events.event import EventLike
from omnivery.readers._format import LineReader, Placed
from omnivery.readers._lines import Block, Blocks, blocks
from omnivery.readers._opening import FileSource, pieces, pieces_from

T = TypeVar("T", bound=EventLike)

ReaderChoice: TypeAlias = Callable[[bytes], LineReader[Any] | None]
"""Makes the reader of a file whose first line that is not blank is given; None if it is not read by lines."""

FINGERPRINT = 64 * 1024
"""Bytes at a file's beginning by which it is known again, unpacked: a copy, also a compressed one, is the same."""


def file_events(
    source: FileSource,
    reader_for: ReaderChoice,
    read: Callable[[FileSource], Iterator[T]] | None = None,
) -> FileEvents[T] | None:
    """The events of a regular file; None for any other source, which cannot be read again.

    Args:
        source: what a reader was given.
        reader_for: which reader of lines a file has whose first line that is not blank is this one; None if its lines
            are not events one by one. Such a file is read anew, and the events that the journal has are passed over.
        read: reads the whole file; by its lines where it is left out.

    Raises:
        OSError: the file cannot be opened.
    """
    if isinstance(source, str | os.PathLike) and source != "-" and Path(source).is_file():
        return FileEvents(path=Path(source), reader_for=reader_for, read=read)
    return None


def items_of(reader: LineReader[Any], all_blocks: Iterator[Block]) -> Iterator[Any]:
    """The items of a source that is not resumed."""
    return chain.from_iterable(placed.items for placed in reader.read(all_blocks))


@define(kw_only=True, eq=False)
class FileEvents(Resumable[T], Iterator[T], Generic[T]):
    """Iterate it for the events of a file, or submit it with a journal."""

    path: Path = field(repr=False)
    _reader_for: ReaderChoice = field(alias="reader_for", repr=False)
    _read: Callable[[FileSource], Iterator[T]] | None = field(alias="read", repr=False)
    _events: Iterator[T] = field(init=False, repr=False)
    _blocks: Blocks | None = field(init=False, default=None, repr=False)
    _placed: Placed[Any] = field(init=False, default=Placed((), ()), repr=False)
    _left: Iterator[T] = field(init=False, factory=lambda: iter(()), repr=False)
    """What was not handed over yet of the items placed last."""
    _taken: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        # At once: a missing file is better known at the call.
        self._events = self._from_the_start()

    def __iter__(self) -> Iterator[T]:  # noqa: PYI034  # the bare generator: a step more for each event costs
        return self._events

    def __next__(self) -> T:
        return next(self._events)

    def locate(self, known: Sequence[ResumePoint]) -> ResumePoint:
        """The bookmark of this file, wherever it lies now and however it was compressed.

        Raises:
            ConfigError: under this name the journal has a file of other content.
        """
        name, head = str(self.path.absolute()), self._head()
        own = next((one for one in known if one.name == name), None)
        if own is not None and not _begins_with(head, own.identity):
            raise ConfigError(
                f"source: {self.path.name} is not the file that the journal knows under this name: it was replaced, "
                "rotated or cut short. Submit the old file to its end under its new name, and this one with a new "
                "journal. Nothing was sent."
            )
        if own is None:
            own = next((one for one in known if one.identity.get("bytes") and _begins_with(head, one.identity)), None)
        return ResumePoint(
            name=own.name if own else name, identity=_identity(head), position=own.position if own else {}
        )

    def open(self, bookmark: ResumePoint) -> Iterator[T]:
        """The events behind a bookmark: a plain file is not read from its start for that.

        Raises:
            ConfigError: the file ends before that place.
            OSError: the file cannot be read.
        """
        self._events = iter(())
        position = bookmark.position
        reader = self._line_reader()
        if reader is None:
            self._blocks, self._taken = None, position.get("items", 0)
            return self._counted(self._taken)
        try:
            flow = pieces_from(self.path, position.get("offset", 0))
        except (EOFError, zlib.error) as error:
            raise ConfigError(
                f"source: the gzip data of {self.path.name} is damaged before the place up to which it was read"
            ) from error
        self._blocks = Blocks(flow, position.get("line", 1), position.get("offset", 0))
        reader.state = position.get("state")
        return chain.from_iterable(self._followed(reader, self._blocks, position.get("skip", 0)))

    def position(self, last: T) -> Mapping[str, Any]:  # noqa: ARG002  # where it stands is known without it
        """A place in the file; where items do not tell it, how many were taken."""
        if self._blocks is None:
            return {"items": self._taken}
        end = self._placed.ends[-1 - length_hint(self._left)]
        first, offset = self._blocks.start_of(end)
        state = {} if self._placed.state is None else {"state": self._placed.state}
        return {"offset": offset, "line": first, "skip": end - first + 1, **state}

    def _followed(self, reader: LineReader[Any], all_blocks: Blocks, skipped: int) -> Iterator[Iterator[T]]:
        """The items, an iterator for those placed together. How much of it is left tells where reading stands."""
        for placed in reader.read(_without(all_blocks, skipped)):
            if placed.items:
                all_blocks.start_of(placed.ends[0])  # nothing before it is resumed any more
                left: Iterator[Any] = iter(placed.items)
                self._placed, self._left = placed, left
                yield left

    def _from_the_start(self) -> Iterator[T]:
        if self._read is not None:
            return self._read(self.path)
        reader = self._reader_for(b"")
        assert reader is not None  # noqa: S101  # without `read` there is one for any line
        return items_of(reader, blocks(self.path))

    def _counted(self, passed: int) -> Iterator[T]:
        for event in islice(self._from_the_start(), passed, None):
            self._taken += 1
            yield event

    def _head(self) -> bytes:
        head = bytearray()
        with closing(pieces(self.path)) as flow:  # type: ignore[type-var]  # for a path it is a generator
            try:
                for piece in flow:
                    head += piece
                    if len(head) >= FINGERPRINT:
                        break
            except (EOFError, zlib.error, BadGzipFile):
                # It is damaged further on. Whoever reads it is told; what stands before that shows which file it is.
                return bytes(head[:FINGERPRINT])
        return bytes(head[:FINGERPRINT])

    def _line_reader(self) -> LineReader[Any] | None:
        with closing(iter(blocks(self.path))) as all_blocks:  # type: ignore[type-var]  # it is a generator
            lines = chain.from_iterable(lines for _, lines in all_blocks)
            try:
                first = next((line for line in lines if line and not line.isspace()), b"")
            except BadGzipFile:
                first = b""
        return self._reader_for(first)


def _identity(head: bytes) -> dict[str, Any]:
    return {"bytes": len(head), "blake2b": blake2b(head, digest_size=16).hexdigest()}


def _begins_with(head: bytes, identity: Mapping[str, Any]) -> bool:
    length = identity.get("bytes", 0)
    return length <= len(head) and _identity(head[:length]) == dict(identity)


def _without(all_blocks: Blocks, skipped: int) -> Iterator[Block]:
    """The blocks without their first lines."""
    for first, lines in all_blocks:
        if skipped >= len(lines):
            skipped -= len(lines)
        else:
            yield first + skipped, lines[skipped:]
            skipped = 0
