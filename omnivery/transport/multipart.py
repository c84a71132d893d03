"""Multipart forms with files (RFC 7578). Files are read while they are sent, and again for every attempt."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from attrs import define, field, frozen

from omnivery.errors import ConfigError

FileContent: TypeAlias = bytes | os.PathLike[str] | BinaryIO
"""A file's content: bytes, a path, or an open binary file that can seek."""

BLOCK = 65536
"""Bytes of a file that are in memory at a time."""


@frozen(kw_only=True)
class FilePart:
    """One file of a form."""

    name: str
    """The form field's name."""
    filename: str = field(repr=False)
    content_type: str
    content: FileContent = field(repr=False)
    start: int = 0
    """Position in an open file at which the content begins."""

    def measure(self) -> int:
        """Return the current size in bytes.

        Raises:
            ConfigError: the file cannot be read, or ends before `start`.
        """
        if isinstance(self.content, bytes):
            return len(self.content)
        with self._readable():
            if not isinstance(self.content, os.PathLike):
                size = self.content.seek(0, os.SEEK_END) - self.start
                if size < 0:
                    raise OSError("it ends before the position that it was given at")
                return size
            found = Path(self.content).stat()
            if not stat.S_ISREG(found.st_mode):
                raise OSError("it is not a regular file")
            return found.st_size

    def blocks(self, size: int) -> Iterator[bytes]:
        """Iterate over the first `size` bytes.

        Raises:
            ConfigError: the file cannot be read, or is shorter than that by now.
        """
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self._readable():
            if isinstance(self.content, os.PathLike):
                with Path(self.content).open("rb") as opened:
                    yield from self._read(opened, size)
            else:
                yield from self._read(self.content, size)

    def head(self) -> str:
        """Return the part's header section."""
        # RFC 7578, section 4.2: the file name is plain UTF-8, and `filename*` must not be used.
        return (
            f'Content-Disposition: form-data; name="{escape(self.name)}"; filename="{escape(self.filename)}"\r\n'
            f"Content-Type: {self.content_type}\r\n\r\n"
        )

    def changed(self) -> ConfigError:
        """Return the error for a file whose size has changed since it was measured."""
        return ConfigError(
            f"{self.name}: the file {self.filename!r} changed its size after it was measured. "
            "The request did not take effect."
        )

    def _read(self, opened: BinaryIO, size: int) -> Iterator[bytes]:
        position, end = self.start, self.start + size
        while position < end:
            # Two messages that are sent concurrently may share one open file, so each keeps its own position.
            opened.seek(position)
            # Some objects' read() returns text or None: bytes() raises for these, and copies nothing otherwise.
            block = bytes(opened.read(min(BLOCK, end - position)))
            if not block:
                raise self.changed()
            position += len(block)
            yield block

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except ConfigError:
            raise
        except Exception as error:  # noqa: BLE001  # the file is the caller's object: a damaged archive raises its own exceptions
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ConfigError(
                f"{self.name}: the file {self.filename!r} cannot be read ({reason}). Nothing was sent."
            ) from None


@define(kw_only=True, eq=False)
class MultipartContent:
    """A form with files. Its length is known before the files are read."""

    length: int
    """Total number of bytes."""
    _parts: tuple[bytes | tuple[FilePart, int], ...] = field(repr=False, alias="parts")
    fault: ConfigError | None = field(init=False, default=None, repr=False)
    """The error of reading a file, if there was one. It shows `send_many` that only this message is at fault."""

    @classmethod
    def of(cls, boundary: str, fields: bytes, files: Iterable[FilePart]) -> MultipartContent:
        """Build a form.

        Args:
            boundary: the delimiter of the parts.
            fields: the text fields, encoded.
            files: the files; their sizes are taken now.

        Raises:
            ConfigError: a file cannot be read.
        """
        parts: list[bytes | tuple[FilePart, int]] = []
        before = fields
        for file in files:
            parts += [before + f"--{boundary}\r\n{file.head()}".encode(), (file, file.measure())]
            before = b"\r\n"
        parts.append(before + f"--{boundary}--\r\n".encode())
        length = sum(len(part) if isinstance(part, bytes) else part[1] for part in parts)
        return cls(length=length, parts=tuple(parts))

    @property
    def has_files(self) -> bool:
        """Whether the form has files."""
        return len(self._parts) > 1

    def blocks(self) -> Iterator[bytes]:
        """Iterate over the form from its start; each call yields the same bytes.

        Raises:
            ConfigError: a file is gone, or its size has changed.
        """
        with self._noted():
            for part in self._parts:
                if not isinstance(part, bytes) and part[0].measure() != part[1]:
                    raise part[0].changed()
        return self._blocks()

    def _blocks(self) -> Iterator[bytes]:
        with self._noted():
            for part in self._parts:
                if isinstance(part, bytes):
                    yield part
                else:
                    yield from part[0].blocks(part[1])

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except ConfigError as error:
            self.fault = error
            raise


def escape(name: str) -> str:
    """Escape a field or file name for a quoted string."""
    # RFC 7578 leaves the escaping of names to HTML: https://html.spec.whatwg.org/#multipart-form-data
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
