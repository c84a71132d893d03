"""Where a file is: found under any of its names, or created for its owner alone."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from omnivery._sqlite.kind import FileKind, refusal
from omnivery.errors import ConfigError

Identity: TypeAlias = tuple[int, int]
"""Device and inode: what a file is under all of its names."""


def resolved(path: str | os.PathLike[str], noun: str) -> Path:
    """Return the file that a path names, whatever the working directory will be: absolute, without symbolic links.

    Args:
        path: what the caller gave.
        noun: how messages call the file.

    Raises:
        ConfigError: it is empty, a directory, a name that SQLite takes for no file, or cannot be followed.
    """
    name = os.fspath(path)
    if not isinstance(name, str) or not name or "\0" in name:
        raise ConfigError(f"{noun}: expected the path of a file, not {name!r}")
    if name.startswith((":", "file:")):
        raise ConfigError(f"{noun}: {name!r} would be a database in memory, or a URI: name a file on disk")
    try:
        found = Path(os.path.realpath(name))
        if found.is_dir():
            raise ConfigError(f"{noun}: {found} is a folder: name a file in it")
    except OSError as error:
        raise ConfigError(f"{noun}: {name} cannot be found: {error.strerror}") from None
    return found


def create_file(path: Path, kind: FileKind) -> None:
    """Create an empty file, unless there is one, for its owner alone (mode 0600). `open_file` does it as well.

    Raises:
        ConfigError: it cannot be created, or what is there cannot be used.
    """
    try:
        # Not opened if it is there: to close it would undo the locks of this process's other connections to it.
        with suppress(FileExistsError):
            os.close(create_private(path, os.O_EXCL))
        if not stat.S_ISREG(path.stat().st_mode):
            raise refusal(path, kind, "is no regular file: name another")
    except OSError as error:
        raise refusal(path, kind, f"cannot be created: {error.strerror}") from None
    check_names(path, kind)


def check_names(path: Path, kind: FileKind) -> None:
    """Make sure that a file has one name: SQLite looks for its log beside the name that it was given.

    Raises:
        ConfigError: it has another one.
    """
    with suppress(OSError):
        if path.stat().st_nlink > 1:
            raise refusal(
                path,
                kind,
                "has a second name, by a hard link, and two programs that open it by different names would damage it: "
                "remove one of the names, or copy the file",
            )


def identity_of(path: Path) -> Identity:
    """Device and inode of a file.

    Raises:
        OSError: there is none, or it cannot be looked at.
    """
    found = path.stat()
    return found.st_dev, found.st_ino


def create_private(path: Path, flags: int) -> int:
    """Open a file that only its owner may read if it is created here, and return its descriptor.

    Raises:
        OSError: that is not possible.
    """
    return os.open(path, os.O_CREAT | os.O_RDWR | flags, 0o600)


def sync_directory(directory: Path) -> None:
    """Have the name of a new file survive a power failure."""
    if os.name == "posix" and os.access(directory, os.R_OK):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
