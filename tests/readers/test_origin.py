"""What may be read from: paths, standard input, open files; plain or gzip; whole or damaged."""

from __future__ import annotations

import gc
import gzip
import io
import itertools
import os
import random
import sys
import tempfile
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest

from omnivery.errors import ConfigError, SourceError
from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers import access_log, ndjson, read
from omnivery.readers._file_source import FileSource
from omnivery.readers._lines import MAX_LINE
from omnivery.readers._packing import PIECE

Reader: TypeAlias = Callable[[FileSource], Iterator[object]]

THREE = b'{"event_id":"1"}\n{"event_id":"2"}\n{"event_id":"3"}\n'


def ids(events: Iterator[EventLine | UnreadableLine]) -> list[bytes]:
    """The data of every line, in order."""
    return [event.data for event in events if isinstance(event, EventLine)]


def many_lines(count: int) -> list[bytes]:
    """Lines that gzip cannot pack well, so that a few thousand fill several pieces."""
    source = random.Random(7)
    return [b'{"event_id":"%d-%s"}' % (n, source.randbytes(60).hex().encode()) for n in range(count)]


class OnlyRead:
    """The least that a file can be: one method, no seeking, reads shorter than asked for."""

    def __init__(self, content: bytes, at_most: int) -> None:
        self._content = io.BytesIO(content)
        self._at_most = at_most

    def read(self, size: int, /) -> bytes:
        """Return a short piece."""
        return self._content.read(min(size, self._at_most))


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


@pytest.mark.parametrize("as_path", [str, Path])
def test_a_path_is_read(tmp_path: Path, as_path: type[str | Path]) -> None:
    """Both kinds of path name the same file."""
    (tmp_path / "events.ndjson").write_bytes(THREE)
    assert ids(ndjson(as_path(tmp_path / "events.ndjson"))) == THREE.splitlines()


def test_gzip_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    """Rotated logs are renamed at will: `access_log.1` may be packed, and `x.gz` may be plain."""
    (tmp_path / "packed.1").write_bytes(gzip.compress(THREE))
    (tmp_path / "plain.gz").write_bytes(THREE)
    assert ids(ndjson(tmp_path / "packed.1")) == ids(ndjson(tmp_path / "plain.gz")) == THREE.splitlines()


@pytest.mark.parametrize("content", [THREE, gzip.compress(THREE)], ids=["plain", "gzip"])
def test_standard_input_is_read_packed_or_plain(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """`cat log.gz | omnivery ...` must work like `zcat log.gz | omnivery ...`."""
    stdin = StandardInput(content)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert ids(ndjson("-")) == THREE.splitlines()
    assert not stdin.buffer.closed


@pytest.mark.parametrize("stdin", [None, io.StringIO()])
def test_a_process_without_standard_input_is_told_so(monkeypatch: pytest.MonkeyPatch, stdin: object) -> None:
    """Under pythonw it is None, in notebooks an object without bytes."""
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(ConfigError, match="no standard input"):
        ndjson("-")


@pytest.mark.parametrize("at_most", [1, 2, 7, PIECE])
@pytest.mark.parametrize("content", [THREE, gzip.compress(THREE)], ids=["plain", "gzip"])
def test_a_file_that_cannot_seek_and_reads_in_crumbs_is_read_whole(content: bytes, at_most: int) -> None:
    """Sockets and object stores return what they have; the magic bytes may come one by one."""
    assert ids(ndjson(OnlyRead(content, at_most))) == THREE.splitlines()


def test_the_callers_own_file_stays_open_and_is_read_from_where_it_stands() -> None:
    """A file is closed by the code that opened it."""
    file = io.BytesIO(b"header\n" + THREE)
    file.readline()
    assert ids(ndjson(file)) == THREE.splitlines()
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


@pytest.mark.parametrize("reader", [ndjson, access_log, read])
@pytest.mark.parametrize("taken", [0, 1, 3])
def test_a_dropped_iterator_closes_its_file(tmp_path: Path, reader: Reader, taken: int) -> None:
    """A run that stops early, or never starts, leaves no open file behind."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(THREE)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        events = reader(path)
        for _ in range(taken):
            next(events)
        del events
        gc.collect()
    assert seen == []


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
    assert ids(ndjson(Parts(kind(content[:300_000]), kind(content[300_000:])))) == lines


@pytest.mark.parametrize("odd", [None, "text", 5])
def test_what_is_no_bytes_is_an_error_after_the_lines_before(odd: Any) -> None:
    """None is nothing yet, as of a file in non-blocking mode: taken for the end, the rest of it would be lost."""
    events = ndjson(Parts(b"", THREE, odd, THREE))
    assert len(list(itertools.islice(events, 3))) == 3
    with pytest.raises(SourceError, match="after line 3 could be read") as caught:
        next(events)
    assert "text" not in str(caught.value)


def test_a_pipe_in_non_blocking_mode_is_waited_for() -> None:
    """A parent process may have set that for all who share the pipe."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with os.fdopen(reader, "rb") as file, os.fdopen(writer, "wb", buffering=0) as other:
        events = ndjson(file)
        other.write(THREE)
        assert len(list(itertools.islice(events, 3))) == 3

        def write_the_rest() -> None:
            other.write(THREE)
            other.close()

        timer = threading.Timer(0.02, write_the_rest)
        timer.start()
        assert len(list(events)) == 3
        timer.join()


def test_an_empty_source_yields_nothing() -> None:
    """Log rotation leaves empty files behind, packed ones too."""
    for content in (b"", b"\n \r\n", gzip.compress(b"")):
        for reader in (ndjson, access_log, read):
            assert list(reader(io.BytesIO(content))) == []


def test_a_log_packed_in_several_members_is_read_through() -> None:
    """`cat a.gz b.gz > c.gz` is good gzip (RFC 1952, section 2.2), and so is zero padding behind it."""
    lines = many_lines(10_000)
    packed = b"".join(
        gzip.compress(b"".join(b"%s\n" % line for line in lines[at : at + 999])) for at in range(0, 10_000, 999)
    )
    assert ids(ndjson(io.BytesIO(packed + bytes(512)))) == lines


def test_highly_packed_content_is_unpacked_piece_by_piece() -> None:
    """A small packed file may hold a thousand times its size; only in pieces can a long line be refused."""
    content = b"{}\n" + b"x" * (2 * MAX_LINE) + b"\n{}\n"
    assert [type(event) for event in ndjson(io.BytesIO(gzip.compress(content)))] == [
        EventLine,
        UnreadableLine,
        EventLine,
    ]


def lines_until_it_fails(content: bytes) -> tuple[list[bytes], SourceError]:
    """The lines that came out before the reader raised, and what it raised."""
    lines: list[bytes] = []
    events = ndjson(io.BytesIO(content))
    while True:
        try:
            event = next(events)
        except SourceError as error:
            return lines, error
        assert isinstance(event, EventLine)
        lines.append(event.data)


def test_every_whole_line_before_the_end_of_a_cut_off_gzip_comes_out() -> None:
    """A log copied while it was written: what arrived is good, and the user learns where it ends."""
    lines = many_lines(5000)
    packed = gzip.compress(b"".join(b"%s\n" % line for line in lines))
    arrived = zlib.decompressobj(31).decompress(packed[:-1000]).split(b"\n")[:-1]
    got, error = lines_until_it_fails(packed[:-1000])
    assert got == arrived
    assert len(got) > 4000
    assert str(error) == f"the gzip data is cut off: nothing after line {len(got)} could be read"


def test_lines_that_the_unpacker_still_holds_at_a_cut_come_out() -> None:
    """One byte of gzip may stand for hundreds, and a piece may be full in the middle of them."""
    packed = gzip.compress(b"{}\n" * PIECE)
    cut = next(n for n in range(len(packed)) if len(zlib.decompressobj(31).decompress(packed[:n])) > PIECE)
    arrived = zlib.decompressobj(31).decompress(packed[:cut])
    got, _ = lines_until_it_fails(packed[:cut])
    assert len(got) == arrived.count(b"\n")


def test_every_whole_line_before_a_damaged_place_comes_out() -> None:
    """The lines of the very block that is damaged come out too, up to the damage."""
    lines = many_lines(20)
    good = gzip.compress(b"".join(b"%s\n" % line for line in lines))
    got, error = lines_until_it_fails(good + b"this is no further member")
    assert got == lines
    assert isinstance(error.__cause__, zlib.error)
    assert str(error) == "the gzip data is damaged: nothing after line 20 could be read"


def test_a_wrong_check_sum_is_told_and_not_passed_over() -> None:
    """Everything unpacked, and still not what was packed: the user must know."""
    good = gzip.compress(THREE)
    got, error = lines_until_it_fails(good[:-8] + bytes(4) + good[-4:])
    assert got == THREE.splitlines()
    assert "damaged" in str(error)


def test_gzip_that_breaks_at_once_says_that_nothing_was_read() -> None:
    """There is no "line 0" to look at."""
    got, error = lines_until_it_fails(b"\x1f\x8b")
    assert got == []
    assert str(error) == "the gzip data is cut off: no line could be read"


def test_a_gzip_file_that_the_caller_opened_fails_in_the_same_way() -> None:
    """`gzip.open()` raises EOFError, which is no error of ours: a bulk run must see one kind of failure."""
    with gzip.open(io.BytesIO(gzip.compress(THREE)[:-9])) as file:
        events = ndjson(file)
        with pytest.raises(SourceError, match="cut off"):
            list(events)


def test_how_far_reading_came_is_told_in_bytes_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(b"".join(b"%s\n" % one for one in many_lines(5000))))
    source = ndjson(path)
    assert source.progress == (0, path.stat().st_size)
    next(source)
    done, size = source.progress
    assert size is not None
    assert 0 < done < size
    list(source)
    assert source.progress == (size, size)
    assert ndjson(io.BytesIO(THREE)).progress == (0, None)


def test_files_of_fsspec_are_read_as_they_are_opened_or_not() -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://logs/a.gz", "wb") as file:
        file.write(gzip.compress(THREE))
    assert ids(ndjson(fsspec.open("memory://logs/a.gz"))) == THREE.splitlines()
    assert ids(ndjson(fsspec.open_files("memory://logs/*"))) == THREE.splitlines()
    with fsspec.open("memory://logs/a.gz") as file:
        assert ids(ndjson(file)) == THREE.splitlines()
    source = ndjson(fsspec.open("memory://logs/a.gz"))
    assert source.name == "memory:///logs/a.gz"
    assert source.progress == (0, len(gzip.compress(THREE)))


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
