"""What lies at a path of this machine: a file, a named pipe or a device."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

from attrs import define, field

from omnivery.errors import ConfigError
from omnivery.readers._origin import FileIdentity, Origin
from omnivery.readers._packing import DamagedError


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


def local_file(path: Path, *, explicit: bool = True) -> LocalFile:
    """Return the file of a path.

    Raises:
        ConfigError: it is a device such as a disk, and was named.
    """
    if explicit and _is_raw_device(path):
        raise ConfigError(f"source: {shown(path)} is a device, not a file: name the file itself")
    # The current folder may be another one when it is opened.
    whole = path.absolute()
    return LocalFile(name=shown(path), key=shown(whole), path=whole, explicit=explicit)


def is_cut(file: Any) -> bool:
    """Whether a file ends before the place up to which it was read: it was emptied or cut short meanwhile."""
    try:
        return bool(os.fstat(file.fileno()).st_size < file.tell())
    except (AttributeError, OSError, ValueError):
        return False


def _is_raw_device(path: Path) -> bool:
    """Whether there is a device such as a disk or `/dev/zero`, and neither a terminal nor the null device."""
    status = status_of(path)
    if status is None or not stat.S_ISCHR(status.st_mode):
        return status is not None and stat.S_ISBLK(status.st_mode)
    null = status_of(Path(os.devnull))
    return not (null is not None and status.st_rdev == null.st_rdev) and not _is_terminal(path)


def _is_terminal(path: Path) -> bool:
    try:
        with open(path, "rb", buffering=0, opener=_at_once) as file:
            return file.isatty()
    except OSError:
        return True  # to read it fails as well, and says so


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
