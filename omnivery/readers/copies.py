"""Files that seem to be copies of each other, as backups beside a log are: their events would be sent twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b

from omnivery.readers._identity import FINGERPRINT
from omnivery.readers._local_file import LocalFile
from omnivery.readers._origin import Origin

_NAMED = 3
"""Copies that a note names. A folder with a copy of each file may have thousands."""


def note_of_copies(origins: Iterable[Origin]) -> str | None:
    """Return a note on the files that are as large as an earlier one, and begin and end alike; None without any."""
    by_size: defaultdict[int, list[LocalFile]] = defaultdict(list)
    for one in origins:
        # To ask a network for thousands of sizes takes long.
        if isinstance(one, LocalFile) and one.again and (size := one.size):
            by_size[size].append(one)
    # Few files of a folder have one size to the byte, so few are opened.
    pairs = [pair for size, alike in by_size.items() if len(alike) > 1 for pair in _copies_among(alike, size)]
    if not pairs:
        return None
    if len(pairs) == 1:
        [(copy, first)] = pairs
        return (
            f"{copy} seems to be a copy of {first}: it has the same size, beginning and end. Without a journal that "
            "knows it, the events of both are sent: leave one out, unless that is meant"
        )
    named = ", ".join(f"{copy} of {first}" for copy, first in pairs[:_NAMED])
    more = f" and {len(pairs) - _NAMED:,} more" if len(pairs) > _NAMED else ""
    return (
        f"{len(pairs):,} files seem to be copies of others, with the same size, beginning and end: {named}{more}. "
        "Without a journal that knows them, the events of all are sent: leave the copies out, unless that is meant"
    )


def _copies_among(files: Iterable[LocalFile], size: int) -> Iterator[tuple[str, str]]:
    """Each copy's name, and the name of the first file like it."""
    seen: dict[bytes, LocalFile] = {}
    for one in files:
        with suppress(OSError):  # to read it fails as well, and says so
            first = seen.setdefault(_ends_of(one, size), one)
            if first is not one:
                yield one.name, first.name


def _ends_of(origin: LocalFile, size: int) -> bytes:
    """A digest of how a file of this size begins and ends, as it lies on disk."""
    with origin.open() as file:
        found = blake2b(file.read(FINGERPRINT))
        file.seek(max(0, size - FINGERPRINT))
        found.update(file.read(FINGERPRINT))
    return found.digest()
