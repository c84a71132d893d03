"""What is read: how it is opened, what is known of it, and its bytes as they arrive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, cast

from attrs import define, field

from omnivery.errors import SourceError
from omnivery.readers._packing import PIECE, DamagedError
from omnivery.readers._pipe import descriptor_of, wait_until_readable
from omnivery.readers._stop import Stop, Stopped

FileIdentity: TypeAlias = tuple[int, int]
"""Device and inode, which all names of a file have in common."""


@define(kw_only=True, eq=False)
class Origin(ABC):
    """One file, pipe or stream. It counts what is read of it."""

    name: str
    """As messages show it."""
    key: str
    """As a journal has it: the same from any folder."""
    taken: int = field(init=False, default=0)
    """Bytes read so far, as they lie on disk, so packed if they are."""
    explicit: bool = True
    """Whether the caller named it, rather than its folder or a pattern."""
    modified: int = field(init=False, default=0)
    """Time of its last change in nanoseconds, as it was when the file was opened; 0 if unknown."""
    stop: Stop | None = field(init=False, default=None)
    """Ends a read that waits; None if nothing will ask for that."""

    @property
    def whole_path(self) -> str | None:
        """Its path from the root, or its URL; None if it has none."""
        return self.key

    @property
    def real_path(self) -> str:
        """Where it lies, links followed; empty if it is in no folder of this machine."""
        return ""

    @property
    def identity(self) -> FileIdentity | None:
        """What all names of the file have in common; None for anything but a local file."""
        return None

    def as_it_is(self) -> Origin:
        """Return the file to be read up to its present end, where this one would be followed beyond it."""
        return self

    @property
    def size(self) -> int | None:
        """Its size in bytes; None if unknown."""
        return None

    @property
    def again(self) -> bool:
        """Whether it can be opened again, with the same content."""
        return True

    @property
    def waits(self) -> bool:
        """Whether a read may block, because it waits for another program or for a network."""
        return False

    @contextmanager
    def rewound(self) -> Iterator[bool]:
        """Yield whether the block may read ahead. If so, reading goes on afterwards where it was before the block."""
        yield self.again

    @abstractmethod
    def open(self) -> Any:
        """Open it: a file with `read`, and with `seek` if it can be opened again.

        Raises:
            OSError: it cannot be opened.
        """

    def close(self, file: Any) -> None:
        """Close what `open` returned."""
        file.close()

    def pieces(self, file: Any) -> Iterator[bytes]:
        """Return the content of what `open` returned, in pieces of at most `PIECE` bytes, as they arrive.

        Raises:
            OSError: while iterating: it cannot be read.
            SourceError: while iterating: a file of the caller's raised something else.
        """
        # read1() hands over what has arrived, where read() of a buffered pipe would wait for a full piece.
        read = getattr(file, "read1", file.read)
        try:
            while found := _checked(self._next_piece(file, read)):
                self.taken += len(found)
                # A file of the caller's may return more than was asked for.
                yield from (found[at : at + PIECE] for at in range(0, len(found), PIECE))
        except EOFError as error:
            raise DamagedError("the data is cut off") from error
        except (OSError, SourceError):
            raise
        except Exception as error:  # of gzip, of lzma, of a library for object stores
            raise DamagedError(f"reading failed with {type(error).__name__}") from error

    def _next_piece(self, file: Any, read: Callable[[int], bytes]) -> bytes:
        if self.stop is not None:
            descriptor = descriptor_of(file)
            while descriptor is not None and self.stop.until_readable(descriptor):
                if (piece := cast("bytes | None", read(PIECE))) is not None:
                    return piece
            if self.stop.is_set():
                return self._stopped()
        else:
            wait_until_readable(file)
        return read(PIECE)

    def _stopped(self) -> bytes:
        if self.again:
            raise Stopped
        return b""


def _checked(piece: object) -> bytes:
    """What a file has read, as bytes of our own: the caller's may use its memory again.

    Raises:
        SourceError: it is something else.
    """
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, bytearray | memoryview):
        return bytes(piece)
    if piece is None:
        raise DamagedError("reading returned nothing before the end: the file is in non-blocking mode")
    raise DamagedError(f"reading returned {type(piece).__name__}, and not bytes")
