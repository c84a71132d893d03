"""Files of events that grow, as tests of reading write them."""

from __future__ import annotations

from pathlib import Path


def ndjson(count: int, start: int = 0) -> bytes:
    """So many sound lines, with the ids `names` returns."""
    return b"".join(b'{"ip":"::1","uas":"x","event_id":"e%d"}\n' % n for n in range(start, start + count))


def names(count: int, start: int = 0) -> list[str]:
    """The ids of their events."""
    return [f"e{n}" for n in range(start, start + count)]


def append(file: Path, content: bytes) -> None:
    """Write on at the end of a file."""
    with file.open("ab") as opened:
        opened.write(content)
