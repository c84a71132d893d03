"""The bytes of a source as they arrive, and what becomes of what is no bytes."""

from __future__ import annotations

import gzip
import io
import itertools
from typing import Any

import pytest

from omnivery.errors import SourceError
from omnivery.readers import access_log, ndjson, read
from tests.support.opened import THREE, OnlyRead, data_of


class Parts:
    """A file that hands out its parts, however much is asked for."""

    def __init__(self, *parts: Any) -> None:
        self._parts = iter(parts)

    def read(self, size: int = -1, /) -> Any:
        """Return the next part."""
        return next(self._parts, b"")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_file_that_returns_more_than_was_asked_for_is_read_whole(kind: type[Any]) -> None:
    """Such as one that somebody wrote round an iterator of chunks."""
    lines = [b'{"event_id":"%d"}' % number for number in range(20_000)]
    content = b"\n".join(lines)
    assert data_of(ndjson(Parts(kind(content[:300_000]), kind(content[300_000:])))) == lines


@pytest.mark.parametrize("odd", [None, "text", 5])
def test_what_is_no_bytes_is_an_error_after_the_lines_before(odd: Any) -> None:
    """None is nothing yet, as of a file in non-blocking mode: taken for the end, the rest of it would be lost."""
    events = ndjson(Parts(b"", THREE, odd, THREE))
    assert len(list(itertools.islice(events, 3))) == 3
    with pytest.raises(SourceError, match="after line 3 could be read") as caught:
        next(events)
    assert "text" not in str(caught.value)


def test_an_empty_source_yields_nothing() -> None:
    """Log rotation leaves empty files behind, packed ones too."""
    for content in (b"", b"\n \r\n", gzip.compress(b"")):
        for reader in (ndjson, access_log, read):
            assert list(reader(io.BytesIO(content))) == []


def test_what_a_library_raises_while_reading_is_an_error_of_ours() -> None:
    class RefusedError(Exception):
        """As libraries of object stores have them: no OSError."""

    class Remote(OnlyRead):
        def read(self, size: int, /) -> bytes:
            piece = super().read(size) if size else b""
            if size and not piece:
                raise RefusedError
            return piece

    found = ndjson(Remote(THREE, 30))
    assert [next(found).line, next(found).line, next(found).line] == [1, 2, 3]
    with pytest.raises(SourceError, match="reading failed with RefusedError: nothing after line 3 could be read"):
        next(found)


def test_a_gzip_file_that_the_caller_opened_fails_in_the_same_way() -> None:
    """`gzip.open()` raises EOFError, which is no error of ours: a bulk run must see one kind of failure."""
    with gzip.open(io.BytesIO(gzip.compress(THREE)[:-9])) as file:
        events = ndjson(file)
        with pytest.raises(SourceError, match="cut off"):
            list(events)
