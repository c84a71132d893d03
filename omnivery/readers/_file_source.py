"""Sources as people name them: paths, folders, patterns, several of these, standard input, open files."""

from __future__ import annotations

import glob
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias, cast

from omnivery._sqlite.own_files import is_own
from omnivery.errors import ConfigError
from omnivery.readers._local_file import local_file, shown, status_of
from omnivery.readers._origin import FileIdentity, Origin
from omnivery.readers._remote_file import OpenFile, RemoteFile
from omnivery.readers._stream import ADVICE, BinaryFile, Stream, binary

FileSource: TypeAlias = str | os.PathLike[str] | BinaryFile | OpenFile
"""Where events are read from: a path, a folder, a pattern such as `"logs/*.gz"`, `"-"` for standard input, a file that
is open in binary mode, or one of fsspec."""

FileSources: TypeAlias = FileSource | Iterable[FileSource]
"""One source, or several that are read one after the other."""


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
    return _with_own_keys(_without_twins(found))


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
        yield Stream(name="the open file", key="open file", file=binary(source))


def _standard_input() -> BinaryFile:
    file: BinaryFile | None = getattr(sys.stdin, "buffer", None)
    if file is None:
        raise ConfigError("standard input: this process has none to read bytes from")
    return file


def _paths(source: str | os.PathLike[str]) -> Iterator[Origin]:
    path = Path(source)
    text = os.fspath(source)
    if not text:  # a variable of a script that is not set: as a path, it would be the current folder
        raise ConfigError("source: the path is empty; '.' is the current folder")
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
        path.open("rb", buffering=0).close()
    yield file


def _matching(pattern: str) -> Iterator[Origin]:
    paths = sorted(glob.glob(pattern, recursive=True), key=_natural)  # noqa: PTH207  # Path.glob takes no absolute one
    if not paths:
        _raise_if_closed(pattern)
        raise FileNotFoundError(2, "No file matches", pattern)
    is_in_circle = cache(_is_in_circle) if "**" in pattern else lambda _folder: False
    for path in map(Path, paths):
        is_folder = path.is_dir()
        if not is_in_circle(path if is_folder else path.parent):
            yield from _within(path) if is_folder else _listed([path])


def _is_in_circle(folder: Path) -> bool:
    """Whether a path leads through a folder twice: `**` follows links, also to where it came from."""
    passed = [os.path.realpath(one) for one in (folder, *folder.parents)]
    return len({*passed}) < len(passed)


def _raise_if_closed(pattern: str) -> None:
    """Raise if the folder cannot be listed in which a pattern looks first: the pattern takes it for an empty one."""
    parts = Path(pattern).parts
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    with suppress(FileNotFoundError, NotADirectoryError):
        os.scandir(Path(*parts[:first])).close()


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
        status = status_of(path)
        # To open a pipe would wait for its writer, and a socket cannot be opened.
        if status is None or (stat.S_ISREG(status.st_mode) and not is_own(path)):
            yield local_file(path, explicit=False)


def _natural(name: str) -> list[tuple[int, str]]:
    """`access.log.10` comes after `access.log.9`."""
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _without_twins(found: list[Origin]) -> list[Origin]:
    """A file that was named twice, or is reached by a link as well, is read once."""
    seen: set[FileIdentity] = set()
    kept: list[Origin] = []
    for one in found:
        identity = one.identity
        if identity is not None:
            if identity in seen:
                continue
            seen.add(identity)
        kept.append(one)
    return kept


def _with_own_keys(found: list[Origin]) -> list[Origin]:
    """With one key, an open file that begins like the one before would be taken for it, and be read from its end on."""
    seen: Counter[str] = Counter()
    for one in found:
        if isinstance(one, Stream):
            seen[one.key] += 1
            if (number := seen[one.key]) > 1:
                one.key = f"{one.key} {number}"
    return found
