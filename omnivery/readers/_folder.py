"""What is in a folder: asked for again for each of the thousands of files that may be in it."""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from functools import lru_cache
from pathlib import Path
from sys import maxunicode
from time import time_ns
from typing import TypeAlias

from omnivery.readers._local_file import status_of

Listing: TypeAlias = tuple[list[str], list[str]]
"""Sorted names of all that is in a folder, and of the folders in it."""

_AT_REST = 2_000_000_000
"""Nanoseconds."""


def listing(folder: Path) -> Listing:
    """Return what is in a folder; nothing, if it cannot be read."""
    try:
        changed = folder.stat().st_mtime_ns
        # Where it has changed just now, it may change again within the same tick of its clock.
        is_at_rest = abs(time_ns() - changed) > _AT_REST
        return _listed(folder, changed) if is_at_rest else _names_in(folder)
    except OSError:
        return [], []


@lru_cache(maxsize=4)
def _listed(folder: Path, changed: int) -> Listing:  # noqa: ARG001  # another list each time that the folder has changed
    return _names_in(folder)


def _names_in(folder: Path) -> Listing:
    with os.scandir(folder) as entries:
        found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    return [name for name, _ in found], [name for name, is_folder in found if is_folder and not name.startswith(".")]


def files_beside(path: Path, start: str) -> list[Path]:
    """Return the files in a file's folder whose names have this start."""
    names, _ = listing(path.parent)
    return [
        path.parent / name for name in names[bisect_left(names, start) : bisect_left(names, start + chr(maxunicode))]
    ]


def is_regular(path: Path) -> bool:
    """Whether a path leads to a file, and not to a folder, a pipe or a device."""
    found = status_of(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def modified_at(path: Path) -> int:
    """Return when a file was written to last, in nanoseconds; 0 if it is not there, as when it is rotated away."""
    found = status_of(path)
    return 0 if found is None else found.st_mtime_ns
