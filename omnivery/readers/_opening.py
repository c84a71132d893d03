"""Sources as people name them: paths, folders, patterns, several of these, standard input, open files."""

from __future__ import annotations

import glob
import os
import re
import stat
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from attrs import define, field

from omnivery.errors import ConfigError
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


FileSource: TypeAlias = str | os.PathLike[str] | BinaryFile | OpenFile
"""Where events are read from: a path, a folder, a pattern such as `"logs/*.gz"`, `"-"` for standard input, a file that
is open in binary mode, or one of fsspec."""

FileSources: TypeAlias = FileSource | Iterable[FileSource]
"""One source, or several that are read one after the other."""

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
    """When it was written to last, in nanoseconds, as it was opened; 0 where nobody knows."""
    stop: Stop | None = field(init=False, default=None)
    """Ends a read that waits, if somebody may want that."""

    @property
    def real_path(self) -> str:
        """Where it lies, links followed; empty if it is in no folder of this machine."""
        return ""

    def as_it_is(self) -> Origin:
        """The file up to its end of now, if it is one that is followed."""
        return self

    @property
    def size(self) -> int | None:
        """How many bytes it has, if that is known."""
        return None

    @property
    def again(self) -> bool:
        """Whether it can be opened more than once, and has the same content."""
        return True

    @property
    def waits(self) -> bool:
        """Whether reading may take long: somebody else has to write, or a network to respond."""
        return False

    @contextmanager
    def rewound(self) -> Iterator[bool]:
        """Inside the block it may be read, if that is said, as if nothing had happened."""
        yield self.again

    @abstractmethod
    def open(self) -> Any:
        """Open it: a file with `read`, and with `seek` if it can be opened again.

        Raises:
            OSError: that failed.
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
            while piece := self._next_piece(file, read):
                self.taken += len(piece)
                yield piece
        except EOFError as error:
            raise DamagedError("the data is cut off") from error
        except OSError:
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
        return read(PIECE)

    def _stopped(self) -> bytes:
        if self.again:
            raise Stopped
        return b""


@define(kw_only=True, eq=False)
class LocalFile(Origin):
    """A path."""

    path: Path

    @property
    def again(self) -> bool:
        return not self.waits

    @property
    def real_path(self) -> str:
        return shown(os.path.realpath(self.path))

    @property
    def size(self) -> int | None:
        found = _status(self.path)
        return found.st_size if found and stat.S_ISREG(found.st_mode) else None

    @property
    def waits(self) -> bool:
        found = _status(self.path)
        return found is not None and not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode))

    def open(self) -> FileIO:
        # Unbuffered: the pieces are large, and a named pipe then hands over each line as it comes.
        if self.stop is not None and sys.platform == "linux" and stat.S_ISFIFO(self.path.stat().st_mode):
            # To open it would wait for its writer, and nothing could end that.
            return open(self.path, "rb", buffering=0, opener=_at_once)
        return self.path.open("rb", buffering=0)


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
        return _binary(self.file.open())


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


def origins(sources: FileSources) -> list[Origin]:
    """Return the files of what a caller named, each once.

    Raises:
        ConfigError: it is no source.
        OSError: a file that was named does not exist or cannot be opened.
    """
    if _is_one(sources):
        found = list(_named(cast("FileSource", sources)))
    elif isinstance(sources, bytes | bytearray | memoryview) or not isinstance(sources, Iterable):
        raise ConfigError(ADVICE)
    else:
        found = [one for source in sources for one in _each(source)]
    return _without_twins(found)


def name_of(sources: FileSources, found: Sequence[Origin]) -> str:
    """Return the name of a source in a journal: that of its file, or what the caller named, from the root."""
    if len(found) == 1:
        return found[0].key
    if isinstance(sources, str | os.PathLike):
        return shown(Path(sources).absolute())
    names = "\n".join(one.key for one in found)
    return f"{len(found)} files {blake2b(names.encode(), digest_size=8).hexdigest()}"


def _each(source: Any) -> Iterator[Origin]:
    if not _is_one(source):
        raise ConfigError(ADVICE)
    return _named(source)


def _is_one(source: object) -> bool:
    return isinstance(source, str | os.PathLike) or hasattr(source, "read") or _is_remote(source)


def _is_remote(source: object) -> bool:
    return hasattr(source, "open") and hasattr(source, "path") and not isinstance(source, os.PathLike)


def _named(source: FileSource) -> Iterator[Origin]:
    if source == "-":
        yield Stream(name="standard input", key="standard input", file=_standard_input())
    elif isinstance(source, str | os.PathLike):
        yield from _paths(source)
    elif _is_remote(source):
        remote = cast("OpenFile", source)
        name = str(getattr(remote, "full_name", remote.path))
        yield RemoteFile(name=name, key=name, file=remote)
    else:
        yield Stream(name="the open file", key="open file", file=_binary(source))


def local_file(path: Path, *, explicit: bool = True) -> LocalFile:
    """Return the file of a path."""
    return LocalFile(name=shown(path), key=shown(path.absolute()), path=path, explicit=explicit)


def _paths(source: str | os.PathLike[str]) -> Iterator[Origin]:
    path = Path(source)
    text = os.fspath(source)
    if not os.path.lexists(path) and isinstance(source, str):
        if re.match(r"[a-z][a-z0-9+.-]+://", text):
            raise ConfigError(f"source: a URL is opened by fsspec: readers.read(fsspec.open({text.split(':')[0]}://…))")
        if glob.has_magic(text):
            yield from _matching(text)
            return
    if path.is_dir():
        yield from _within(path)
        return
    file = local_file(path)
    if not file.waits:  # raises if it is missing; to open a named pipe would wait for its writer
        file.open().close()
    yield file


def _matching(pattern: str) -> Iterator[Origin]:
    paths = sorted(glob.glob(pattern, recursive=True), key=_natural)  # noqa: PTH207  # Path.glob takes no absolute one
    if not paths:
        raise FileNotFoundError(2, "No file matches", pattern)
    for path in map(Path, paths):
        yield from _within(path) if path.is_dir() else _listed([path])


def _within(folder: Path) -> Iterator[Origin]:
    """The files in a folder and below it. Links to folders are not followed, which could lead in circles."""
    closed: list[OSError] = []
    os.scandir(folder).close()  # raises if the folder itself cannot be read
    for base, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=_natural)
        kept = sorted((name for name in names if not name.startswith(".")), key=_natural)
        yield from _listed(Path(base) / name for name in kept)
    for error in closed:
        # Reading it fails again, and that is reported as the error of a file is.
        path = Path(error.filename)
        yield local_file(path, explicit=False)


def _listed(paths: Iterable[Path]) -> Iterator[Origin]:
    for path in paths:
        status = _status(path)
        # To open a pipe would wait for its writer, and a socket cannot be opened.
        if status is None or stat.S_ISREG(status.st_mode):
            yield local_file(path, explicit=False)


def _natural(name: str) -> list[tuple[int, str]]:
    """`access.log.10` comes after `access.log.9`."""
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _without_twins(found: list[Origin]) -> list[Origin]:
    """A file that was named twice, or is reached by a link as well, is read once."""
    seen: set[tuple[int, int]] = set()
    kept: list[Origin] = []
    for one in found:
        identity = identity_of(one.path) if isinstance(one, LocalFile) else None
        if identity is not None:
            if identity in seen:
                continue
            seen.add(identity)
        kept.append(one)
    return kept


def identity_of(path: Path) -> tuple[int, int] | None:
    """Return what all names of a file have in common; None if there is no such file, or its system has none."""
    status = _status(path)
    return (status.st_dev, status.st_ino) if status is not None and status.st_ino else None


def shown(path: str | os.PathLike[str]) -> str:
    r"""Return a path as text that can be printed and stored: bytes that are no UTF-8 become `\xhh`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _status(path: Path) -> os.stat_result | None:
    """Of a file; None where it is missing, or a link leads nowhere or in a circle: to open it says so."""
    try:
        return path.stat()
    except OSError:
        return None


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _descriptor(file: Any) -> int | None:
    """The descriptor of a pipe, a terminal or a socket; None for any other file."""
    try:
        descriptor: int = file.fileno()
        return None if stat.S_ISREG(os.fstat(descriptor).st_mode) else descriptor
    except (AttributeError, OSError, ValueError):
        return None


def _standard_input() -> BinaryFile:
    file: BinaryFile | None = getattr(sys.stdin, "buffer", None)
    if file is None:
        raise ConfigError("source '-': this process has no standard input to read bytes from")
    return file


def _binary(file: Any) -> BinaryFile:
    if not hasattr(file, "read"):
        raise ConfigError(ADVICE)
    if isinstance(file.read(0), str):
        raise ConfigError('source: the file is open in text mode; open it in binary mode ("rb")')
    return cast("BinaryFile", file)
