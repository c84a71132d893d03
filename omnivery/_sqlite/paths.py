"""Paths of SQLite files: resolved, checked for a second name, created with mode 0600."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from omnivery._sqlite.kind import FileKind, refusal
from omnivery.errors import ConfigError

Identity: TypeAlias = tuple[int, int]
"""Device and inode, which are the same under every name of a file."""


def resolved(path: str | os.PathLike[str], noun: str) -> Path:
    """Return a path made absolute, with its symbolic links resolved, so that the working directory may change.

    Args:
        path: the caller's argument.
        noun: the name of the file in messages.

    Raises:
        ConfigError: it is empty, a directory, a name with a special meaning in SQLite, or cannot be resolved.
    """
    name: object = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str) or not name or "\0" in name:
        raise ConfigError(f"{noun}: expected the path of a file, not {name!r}")
    if name.startswith((":", "file:")):
        raise ConfigError(f"{noun}: {name!r} is a database in memory or a URI: name a file on disk")
    try:
        found = Path(os.path.realpath(name))
        if found.is_dir():
            raise ConfigError(f"{noun}: {found} is a folder: name a file in it")
    except OSError as error:
        raise ConfigError(f"{noun}: {name} cannot be found: {error.strerror}") from None
    except UnicodeEncodeError:
        raise ConfigError(f"{noun}: expected the path of a file, not {name!r}") from None
    return found


def create_file(path: Path, kind: FileKind) -> None:
    """Create an empty file with mode 0600 if it does not exist. `open_file` does this, too.

    Raises:
        ConfigError: it cannot be created, or is not a regular file with one name.
    """
    try:
        # An existing file is not opened: closing it would release the locks of this process's connections to it.
        with suppress(FileExistsError):
            os.close(create_private(path, os.O_EXCL))
        if not stat.S_ISREG(path.stat().st_mode):
            raise refusal(path, kind, "is not a regular file: name another file")
    except OSError as error:
        raise refusal(path, kind, f"cannot be created: {error.strerror}") from None
    check_names(path, kind)


def check_names(path: Path, kind: FileKind) -> None:
    """Check that a file has no hard links: SQLite looks for the write-ahead log under the name that it opened.

    Raises:
        ConfigError: it has a second name.
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
    """Return device and inode of a file.

    Raises:
        OSError: it does not exist, or its directory cannot be searched.
    """
    found = path.stat()
    return found.st_dev, found.st_ino


def is_moved(path: Path, identity: Identity) -> bool:
    """Whether the file of a name is no longer the one that it was: moved, replaced or deleted."""
    try:
        return identity_of(path) != identity
    except FileNotFoundError:
        return True
    except OSError:
        return False  # nothing is known: a network file system may be away for a moment


def create_private(path: Path, flags: int) -> int:
    """Open a file and return its descriptor. If it is created here, it has mode 0600.

    Raises:
        OSError: it cannot be opened or created.
    """
    return os.open(path, os.O_CREAT | os.O_RDWR | flags, 0o600)


def sync_directory(directory: Path) -> None:
    """Sync a directory, so that the name of a new file in it survives a power failure."""
    if os.name == "posix" and os.access(directory, os.R_OK):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
