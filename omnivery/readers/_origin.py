"""A file, pipe or stream that is read: how it is opened, what is known of it, and its bytes as they arrive."""

from __future__ import annotations

import os
import select
import stat
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from attrs import define, field

from omnivery.errors import ConfigError, SourceError
from omnivery.readers._packing import PIECE, DamagedError
from omnivery.readers._stop import Stop, Stopped


@runtime_checkable
class BinaryFile(Protocol):
    """What a reader needs of an open file: nothing but `read`. It need not be able to seek."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, and none at the end."""
        ...


@runtime_checkable
class OpenFile(Protocol):
    """A file that is not open yet, such as `fsspec.open("s3://…")` returns."""

    @property
    def path(self) -> str:
        """Where it is."""
        ...

    def open(self) -> Any:
        """Open it in binary mode."""
        ...


FileIdentity: TypeAlias = tuple[int, int]
"""Device and inode, which all names of a file have in common."""

ADVICE = 'source: a path, "-" for standard input, or a file open in binary mode is needed'


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
            descriptor = _descriptor(file)
            while descriptor is not None and self.stop.until_readable(descriptor):
                if (piece := cast("bytes | None", read(PIECE))) is not None:
                    return piece
            if self.stop.is_set():
                return self._stopped()
        else:
            _wait_until_readable(file)
        return read(PIECE)

    def _stopped(self) -> bytes:
        if self.again:
            raise Stopped
        return b""


@define(kw_only=True, eq=False)
class LocalFile(Origin):
    """What lies at a path: a file, a pipe or a device."""

    path: Path
    _opened_size: int = field(init=False, default=0)
    """Bytes that it had as it was opened. What lies in /proc has content, and none by its size."""

    @property
    def again(self) -> bool:
        return not self.waits

    @property
    def real_path(self) -> str:
        return shown(os.path.realpath(self.path))

    @property
    def identity(self) -> FileIdentity | None:
        return identity_of(self.path)

    @property
    def size(self) -> int | None:
        found = status_of(self.path)
        return found.st_size if found and stat.S_ISREG(found.st_mode) else None

    @property
    def waits(self) -> bool:
        found = status_of(self.path)
        return found is not None and not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode))

    def open(self) -> FileIO:
        # Unbuffered: the pieces are large, and a named pipe then hands over each line as it comes.
        if self.stop is not None and sys.platform == "linux" and stat.S_ISFIFO(self.path.stat().st_mode):
            # To open it would wait for its writer, and nothing could end that.
            return open(self.path, "rb", buffering=0, opener=_at_once)
        file = self.path.open("rb", buffering=0)
        self._opened_size = os.fstat(file.fileno()).st_size
        return file

    def _next_piece(self, file: Any, read: Callable[[int], bytes]) -> bytes:
        if not (piece := super()._next_piece(file, read)) and self._opened_size and is_cut(file):
            raise DamagedError("the file was emptied or cut short while it was read")
        return piece


@define(kw_only=True, eq=False)
class RemoteFile(Origin):
    """A file of fsspec."""

    file: OpenFile

    @property
    def waits(self) -> bool:
        return True

    @property
    def size(self) -> int | None:
        fs = getattr(self.file, "fs", None)
        found = fs.size(self.file.path) if fs is not None else None
        return found if isinstance(found, int) else None

    def open(self) -> Any:
        return binary(self.file.open())


@define(kw_only=True, eq=False)
class Stream(Origin):
    """Standard input, or a file that the caller opened: it is read once, from where it stands, and stays open."""

    file: BinaryFile

    @property
    def again(self) -> bool:
        return False

    @property
    def waits(self) -> bool:
        return _descriptor(self.file) is not None

    @contextmanager
    def rewound(self) -> Iterator[bool]:
        if self.waits or not getattr(self.file, "seekable", lambda: False)():
            yield False
            return
        file: Any = self.file
        start = file.tell()
        yield True
        file.seek(start)
        self.taken = 0

    def open(self) -> Any:
        return self.file

    def close(self, file: Any) -> None:
        """Leave it open: the caller opened the file, and closes it."""


def local_file(path: Path, *, explicit: bool = True) -> LocalFile:
    """Return the file of a path."""
    # The current folder may be another one when it is opened.
    whole = path.absolute()
    return LocalFile(name=shown(path), key=shown(whole), path=whole, explicit=explicit)


def is_cut(file: Any) -> bool:
    """Whether a file ends before the place up to which it was read: it was emptied or cut short meanwhile."""
    try:
        return bool(os.fstat(file.fileno()).st_size < file.tell())
    except (AttributeError, OSError, ValueError):
        return False


def identity_of(path: Path) -> FileIdentity | None:
    """Return what all names of a file have in common; None if there is no such file, or its system has none."""
    status = status_of(path)
    return (status.st_dev, status.st_ino) if status is not None and status.st_ino else None


def shown(path: str | os.PathLike[str]) -> str:
    r"""Return a path as text that can be printed and stored: bytes that are no UTF-8 become `\xhh`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def status_of(path: Path) -> os.stat_result | None:
    """Return the status of a file; None if it is missing, or a link leads nowhere or in a circle."""
    try:
        return path.stat()
    except OSError:
        return None


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _descriptor(file: Any) -> int | None:
    """Return the descriptor of a pipe, a terminal or a socket; None for any other file."""
    try:
        descriptor: int = file.fileno()
        return None if stat.S_ISREG(os.fstat(descriptor).st_mode) else descriptor
    except (AttributeError, OSError, ValueError):
        return None


def _wait_until_readable(file: Any) -> None:
    """Wait for a pipe that does not wait by itself: of an empty one, `read1` returns what it does at the end."""
    descriptor = None if sys.platform == "win32" else _descriptor(file)
    if descriptor is not None and not os.get_blocking(descriptor):
        select.select([descriptor], [], [])


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


@define(eq=False)
class _Begun:
    """A file of which something was read already."""

    start: bytes
    file: Any

    def read(self, size: int, /) -> bytes:
        """Return that first."""
        start, self.start = self.start, b""
        return start or cast("bytes", self.file.read(size))


def binary(file: Any) -> BinaryFile:
    """Return a file that somebody opened, if it was opened in binary mode.

    Raises:
        ConfigError: it was not, or is no file.
    """
    if not hasattr(file, "read"):
        raise ConfigError(ADVICE)
    start = file.read(0)
    if isinstance(start, str):
        raise ConfigError('source: the file is open in text mode; open it in binary mode ("rb")')
    # Whatever was asked for, some hand out the next part of what they have.
    return cast("BinaryFile", _Begun(start, file) if start else file)
