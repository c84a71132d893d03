"""Files that this package itself writes: journals, verdict stores, and what lies beside them while they are open."""

from __future__ import annotations

import os
from pathlib import Path

_SQLITE = b"SQLite format 3\0"
_APPLICATION_ID = slice(68, 72)  # https://www.sqlite.org/fileformat.html, section 1.3
ID_PREFIX = b"ov"
"""How each `FileKind.application_id` begins. It stands here since readers of logs do not import SQLite."""
JOURNAL_ID, STORE_ID = ID_PREFIX + b"jl", ID_PREFIX + b"vs"
"""The ids of journals and of verdict stores."""
NAMES = {JOURNAL_ID: "a journal of runs", STORE_ID: "a verdict store"}
"""What these files are, in words."""
_FIRST_TRANSACTION = 2**20
"""Bytes of SQLite's log that hold the transaction which has created a file's tables."""
OPEN: dict[int, Path] = {}
"""The paths of the databases that this process has open, by the ids of their objects."""
_BESIDE = ("-wal", "-shm", "-journal", "-lock")


def is_own(path: Path) -> bool:
    """Whether a path is one of these. They lie in the folder of the logs, and hold no events to be read."""
    name = path.name
    beside = next((ending for ending in _BESIDE if name.endswith(ending)), None)
    return _is_ours(path if beside is None else path.with_name(name.removesuffix(beside) or name))


def id_in(head: bytes) -> bytes:
    """Return the id in the first bytes of a file; nothing if they are not SQLite's."""
    return head[_APPLICATION_ID] if head.startswith(_SQLITE) else b""


def is_no_database(path: Path) -> bool:
    """Whether a path is a file with content of another kind than SQLite's, such as a log."""
    return bool(head := _start_of(path, len(_SQLITE))) and head != _SQLITE


def _is_ours(path: Path) -> bool:
    # To close a file releases all locks that this process has on it, those of SQLite among them: another program that
    # opens it then takes the database for closed, and deletes the log that is being written.
    # https://www.sqlite.org/howtocorrupt.html, section 2.2
    if Path(os.path.realpath(path)) in list(OPEN.values()):
        return True
    head = _start_of(path, _APPLICATION_ID.stop)
    if not head.startswith(_SQLITE):
        return False
    if any(head[_APPLICATION_ID]):
        return head[_APPLICATION_ID].startswith(ID_PREFIX)
    # Up to SQLite's first checkpoint, the page that says it is in the log beside the file alone.
    later = _start_of(path.with_name(path.name + _BESIDE[0]), _FIRST_TRANSACTION).split(_SQLITE)[1:]
    return any((_SQLITE + page)[_APPLICATION_ID].startswith(ID_PREFIX) for page in later)


def _start_of(path: Path, size: int) -> bytes:
    try:
        # To open a pipe would wait for its writer.
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except (OSError, ValueError):  # to read it fails as well, and says so
        return b""
