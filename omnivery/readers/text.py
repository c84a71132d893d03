"""The text of a file that holds no events: unpacked and in UTF-8, as the readers of events have it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from omnivery.readers._identity import content, is_plain
from omnivery.readers._local_file import local_file
from omnivery.readers._origin import Origin
from omnivery.readers._packing import PIECE
from omnivery.readers._stream import Stream


@contextmanager
def opened(source: str | BinaryIO) -> Iterator[tuple[BinaryIO, int | None]]:
    """Open a file for reading; one that is open already stays open.

    Gives how many bytes its text has, too, if that is known. Reading raises `SourceError` where a file is damaged, or
    of a kind that has to be unpacked first.

    Raises:
        ConfigError: it is a device.
        OSError: it cannot be opened.
    """
    if not isinstance(source, str):
        with _text_of(Stream(name="the open file", key="open file", file=source)) as text:
            yield text, None
        return
    file = local_file(Path(source))
    size = None
    if file.again:
        with file.open() as found:
            size = file.size if is_plain(found) else None
    with _text_of(file) as text:
        yield text, size


@contextmanager
def _text_of(origin: Origin) -> Iterator[BinaryIO]:
    with closing(content(origin)) as pieces:  # type: ignore[type-var]  # a generator
        yield io.BufferedReader(_Pieces(pieces), PIECE)


class _Pieces(io.RawIOBase):
    """Pieces as an open file, which cuts its lines."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._piece = b""

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        while not self._piece:
            if (piece := next(self._pieces, None)) is None:
                return 0
            self._piece = piece
        count = min(len(room), len(self._piece))
        room[:count], self._piece = self._piece[:count], self._piece[count:]
        return count
