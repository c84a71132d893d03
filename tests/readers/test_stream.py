"""Standard input, and files that the caller opened."""

from __future__ import annotations

import gzip
import io
import sys
import tempfile
from typing import Any, cast

import pytest

from omnivery.errors import ConfigError
from omnivery.events.event import EventLine
from omnivery.readers import ndjson
from omnivery.readers._packing import PIECE
from tests.support.opened import THREE, OnlyRead, data_of


class Pipe:
    """A buffered pipe into which something was written, and which is still open at the other end."""

    def __init__(self, written: bytes) -> None:
        self._written = written

    def read(self, size: int, /) -> bytes:
        """Wait until `size` bytes are there."""
        assert size == 0, "this would wait for ever"
        return b""

    def read1(self, size: int, /) -> bytes:
        """Return what is there, or wait where nothing is."""
        assert self._written, "this would wait for ever"
        arrived, self._written = self._written[:size], self._written[size:]
        return arrived


class StandardInput:
    """What `sys.stdin` is made of, as far as bytes go."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


@pytest.mark.parametrize("content", [THREE, gzip.compress(THREE)], ids=["plain", "gzip"])
def test_standard_input_is_read_packed_or_plain(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """`cat log.gz | omnivery ...` must work like `zcat log.gz | omnivery ...`."""
    stdin = StandardInput(content)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert data_of(ndjson("-")) == THREE.splitlines()
    assert not stdin.buffer.closed


@pytest.mark.parametrize("stdin", [None, io.StringIO()])
def test_a_process_without_standard_input_is_told_so(monkeypatch: pytest.MonkeyPatch, stdin: object) -> None:
    """Under pythonw it is None, in notebooks an object without bytes."""
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(ConfigError, match="standard input: this process has none"):
        ndjson("-")


@pytest.mark.parametrize("at_most", [1, 2, 7, PIECE])
@pytest.mark.parametrize("content", [THREE, gzip.compress(THREE)], ids=["plain", "gzip"])
def test_a_file_that_cannot_seek_and_reads_in_crumbs_is_read_whole(content: bytes, at_most: int) -> None:
    """Sockets and object stores return what they have; the magic bytes may come one by one."""
    assert data_of(ndjson(OnlyRead(content, at_most))) == THREE.splitlines()


def test_the_callers_own_file_stays_open_and_is_read_from_where_it_stands() -> None:
    """A file is closed by the code that opened it."""
    file = io.BytesIO(b"header\n" + THREE)
    file.readline()
    assert data_of(ndjson(file)) == THREE.splitlines()
    assert not file.closed


@pytest.mark.parametrize(
    "content", [b'{"event_id":"1"}\n', gzip.compress(b'{"event_id":"1"}\n')], ids=["plain", "gzip"]
)
def test_lines_come_as_soon_as_they_arrive(content: bytes) -> None:
    """`tail -f log | omnivery ...`: an event must not wait until a buffer is full."""
    events = ndjson(Pipe(content))
    assert next(events) == EventLine(data=b'{"event_id":"1"}', line=1)


def test_a_file_in_text_mode_is_refused_with_advice() -> None:
    """Lines are spliced as bytes; decoding them first would be slow and could fail."""
    with pytest.raises(ConfigError, match="binary mode"):
        ndjson(io.StringIO("{}"))


def test_text_mode_is_seen_through_a_wrapper() -> None:
    """`NamedTemporaryFile("w+")` is no TextIOBase, and still reads text."""
    with tempfile.NamedTemporaryFile("w+") as file, pytest.raises(ConfigError, match="binary mode"):
        ndjson(cast(Any, file))
