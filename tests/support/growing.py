"""Files of events that grow, as tests of reading write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omnivery.bulk.position import PositionDelta


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


class KeptPosition:
    """A source's position as a journal keeps it that is told only what has changed."""

    def __init__(self) -> None:
        self._rest: Mapping[str, Any] = {}
        self._entries: dict[tuple[str, str], Any] = {}

    def add(self, delta: PositionDelta) -> None:
        """Take what has changed."""
        self._rest = delta.rest
        if delta.is_whole:
            self._entries.clear()
        self._entries |= delta.entries
        self._entries = {key: value for key, value in self._entries.items() if value is not None}
        assert delta.count == len(self._entries)

    @property
    def position(self) -> dict[str, Any]:
        """What the journal gives back, from JSON."""
        members: dict[str, dict[str, Any]] = {}
        for (member, name), value in sorted(self._entries.items()):
            members.setdefault(member, {})[name] = value
        found: dict[str, Any] = json.loads(json.dumps({**self._rest, **members}))
        return found

    def as_said(self) -> dict[str, Any]:
        """The same as `FileEvents.position` says it."""
        position = {"files": {}, **self.position}
        past = position.pop("past", {})
        return {**position, "past": [past[key] for key in sorted(past, key=int)]} if past else position
