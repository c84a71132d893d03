"""What is open already: standard input, or a file of the caller's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast, runtime_checkable

from attrs import define

from omnivery.errors import ConfigError
from omnivery.readers._origin import Origin
from omnivery.readers._pipe import descriptor_of


@runtime_checkable
class BinaryFile(Protocol):
    """What a reader needs of an open file: nothing but `read`. It need not be able to seek."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, and none at the end."""
        ...


ADVICE = 'source: a path, "-" for standard input, or a file open in binary mode is needed'


@define(kw_only=True, eq=False)
class Stream(Origin):
    """Standard input, or a file that the caller opened: it is read once, from where it stands, and stays open."""

    file: BinaryFile

    @property
    def whole_path(self) -> str | None:
        return None

    @property
    def again(self) -> bool:
        return False

    @property
    def waits(self) -> bool:
        return descriptor_of(self.file) is not None

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
