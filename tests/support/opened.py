"""What tests of files, pipes and streams share: three events, their lines, and a file that can only be read."""

from __future__ import annotations

import io
from collections.abc import Iterator

from omnivery.events.event import EventLine, UnreadableLine

THREE = b'{"event_id":"1"}\n{"event_id":"2"}\n{"event_id":"3"}\n'


def data_of(events: Iterator[EventLine | UnreadableLine]) -> list[bytes]:
    """The data of every line, in order."""
    return [event.data for event in events if isinstance(event, EventLine)]


class OnlyRead:
    """The least that a file can be: one method, no seeking, reads shorter than asked for."""

    def __init__(self, content: bytes, at_most: int) -> None:
        self._content = io.BytesIO(content)
        self._at_most = at_most

    def read(self, size: int, /) -> bytes:
        """Return a short piece."""
        return self._content.read(min(size, self._at_most))
