"""Files that seem to be copies of each other, as backups beside a log are: their events would be sent twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b

from omnivery.readers._identity import FINGERPRINT
from omnivery.readers._local_file import LocalFile
from omnivery.readers._origin import Origin


def copies_among(origins: Iterable[Origin]) -> Iterator[str]:
    """Yield a note for each file that is as large as an earlier one, and begins and ends alike."""
    by_size: defaultdict[int, list[LocalFile]] = defaultdict(list)
    for one in origins:
        # To ask a network for thousands of sizes takes long.
        if isinstance(one, LocalFile) and one.again and (size := one.size):
            by_size[size].append(one)
    for size, alike in by_size.items():
        # Few files of a folder have one size to the byte, so few are opened.
        yield from _copies_among(alike, size) if len(alike) > 1 else ()


def _copies_among(files: Iterable[LocalFile], size: int) -> Iterator[str]:
    seen: dict[bytes, LocalFile] = {}
    for one in files:
        with suppress(OSError):  # to read it fails as well, and says so
            first = seen.setdefault(_ends_of(one, size), one)
            if first is not one:
                yield (
                    f"{one.name} seems to be a copy of {first.name}: it has the same size, beginning and end. Without "
                    "a journal that knows it, the events of both are sent: leave one out, unless that is meant"
                )


def _ends_of(origin: LocalFile, size: int) -> bytes:
    """A digest of how a file of this size begins and ends, as it lies on disk."""
    with origin.open() as file:
        found = blake2b(file.read(FINGERPRINT))
        file.seek(max(0, size - FINGERPRINT))
        found.update(file.read(FINGERPRINT))
    return found.digest()
