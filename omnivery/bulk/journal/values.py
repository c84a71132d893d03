"""Values as a journal stores them, and the other way round; a checksum shows that a part is as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from omnivery import codec
from omnivery.bulk.files import FileStart, files_within
from omnivery.bulk.part import Part

_INTEGERS = range(-(2**63), 2**63)


def storable(text: str) -> str:
    """Text as UTF-8 can say it: half a surrogate pair becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def ids_text(ids: Sequence[str | None]) -> bytes:
    """The ids of a part as a JSON array."""
    try:
        return codec.dumps(ids if isinstance(ids, list) else list(ids))
    except (TypeError, ValueError):  # half a surrogate pair in one of them
        return codec.dumps([one if one is None else storable(str(one)) for one in ids])


def places_text(part: Part[Any], files: Sequence[FileStart]) -> bytes:
    """Index and line of each item of a part, and where its files begin, as JSON: [indices, lines, files].

    Without files there is no third element, as in a journal of version 2.
    """
    lines = None if part.lines is None else [storable_integer(line) for line in part.lines]
    own = [(place, file and storable(file)) for place, file in files_within(files, part.indices[0], part.indices[-1])]
    return codec.dumps([_packed(part.indices), None if lines is None else _packed(lines), *([own] if own else [])])


def checksum_of(places: bytes, body: bytes | None) -> int:
    """What shows that a part is still as it was written."""
    return crc32(body or b"", crc32(places))


def storable_integer(number: int | None) -> int | None:
    """A number that SQLite can hold, which has 64 bits; None for any other."""
    return number if isinstance(number, int) and number in _INTEGERS else None


def _packed(numbers: Sequence[int | None]) -> int | list[int | None]:
    """The first of numbers that follow one another; else all of them."""
    if isinstance(numbers, range) and numbers.step == 1:
        return numbers.start
    listed, first = list(numbers), numbers[0]
    return listed if first is None or listed != list(range(first, first + len(listed))) else first


def unpacked(packed: object, count: int) -> Sequence[Any]:
    """All of the numbers, or other values, that were packed.

    Raises:
        ValueError: they are not as many as there are items.
    """
    return range(packed, packed + count) if isinstance(packed, int) else whole(packed, count)


def whole(values: Any, count: int) -> list[Any]:
    """The values, which must be as many as there are items.

    Raises:
        ValueError: they are not.
    """
    if not isinstance(values, list) or len(values) != count:
        raise ValueError("its counts do not match")
    return values
