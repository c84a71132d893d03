"""Packed data: known by its first bytes, unpacked in bounded memory, and what breaks off comes out up to there."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import sys
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.bulk.journal.store import JournalStore
from omnivery.errors import ConfigError, SourceError
from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers import ndjson
from omnivery.readers._identity import content
from omnivery.readers._lines import MAX_LINE
from omnivery.readers._local_file import local_file
from omnivery.readers._packing import PIECE, unpacked
from omnivery.webhooks import VerdictStore

Pack = Callable[[bytes], bytes]

zstd: Any = pytest.importorskip("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def by_zstd(content: bytes) -> bytes:
    """As the program `zstd` does it: with a checksum, which the library leaves out."""
    packed: bytes = zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})
    return packed


PACKS: tuple[Pack, ...] = (gzip.compress, bz2.compress, lzma.compress, by_zstd)
NAMES = ("gzip", "bzip2", "xz", "zstd")

packed_by = pytest.mark.parametrize("pack", PACKS, ids=NAMES)


def lines(count: int) -> bytes:
    """Lines that cannot be packed well, so that some thousands fill several pieces."""
    source = random.Random(7)
    return b"".join(b'{"event_id":"%d-%s"}\n' % (n, source.randbytes(60).hex().encode()) for n in range(count))


def in_pieces(content: bytes, size: int = PIECE) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def until_it_fails(
    pieces: Iterator[bytes], unpack: Callable[[Iterator[bytes]], Iterator[bytes]] = unpacked
) -> tuple[bytes, Exception | None]:
    """What came out before it raised, and what it raised."""
    found = bytearray()
    try:
        for piece in unpack(pieces):
            assert len(piece) <= PIECE
            found += piece
    except Exception as error:  # noqa: BLE001  # which one it is, the tests look at
        return bytes(found), error
    return bytes(found), None


@packed_by
@pytest.mark.parametrize("size", [1, 7, PIECE])
def test_what_was_packed_comes_out_however_it_arrives(pack: Pack, size: int) -> None:
    content = lines(3000 if size == PIECE else 30)
    assert until_it_fails(in_pieces(pack(content), size)) == (content, None)


@packed_by
def test_several_packed_one_after_the_other_are_one(pack: Pack) -> None:
    """`cat a.gz b.gz > c.gz`: good gzip (RFC 1952, section 2.2), and so with the others. Zeros at the end pad."""
    content = lines(100)
    parts = b"".join(pack(line + b"\n") for line in content.splitlines())
    assert until_it_fails(in_pieces(parts + bytes(512))) == (content, None)


@packed_by
def test_what_was_packed_twice_is_unpacked_twice(pack: Pack) -> None:
    assert until_it_fails(in_pieces(gzip.compress(pack(lines(10))))) == (lines(10), None)


def test_there_is_an_end_to_unpacking() -> None:
    """A file may be packed into itself, so to say: some are made to never end."""
    content = b"{}\n"
    for _ in range(5):
        content = gzip.compress(content)
    found, error = until_it_fails(in_pieces(content))
    assert (found, str(error)) == (b"", "the data is packed more than 4 times over")


@packed_by
def test_nothing_packed_is_nothing(pack: Pack) -> None:
    assert until_it_fails(in_pieces(pack(b""))) == (b"", None)


@packed_by
@pytest.mark.parametrize("left", [0.5, 0.99])
def test_what_is_cut_off_comes_out_up_to_there(pack: Pack, left: float) -> None:
    content = lines(3000)
    packed = pack(content)
    found, error = until_it_fails(in_pieces(packed[: int(len(packed) * left)]))
    assert content.startswith(found)
    assert len(found) > len(content) * left - 2_000_000 * (pack is bz2.compress) - PIECE * 4
    assert isinstance(error, SourceError)
    assert "is cut off" in str(error)


@packed_by
def test_damage_is_told(pack: Pack) -> None:
    content = lines(3000)
    packed = bytearray(pack(content))
    packed[len(packed) // 2] ^= 0xFF
    _, error = until_it_fails(in_pieces(bytes(packed)))
    assert isinstance(error, SourceError)


def test_of_zstd_every_line_before_the_damage_comes_out(tmp_path: Path) -> None:
    """The library returns nothing of the data in hand, and that may be hundreds of lines."""
    text = b"".join(b'{"event_id":"%d"}\n' % n for n in range(100_000))
    packed = zstd.compress(text)
    at = len(packed) - 3000
    whole, _ = until_it_fails(in_pieces(packed[:at]))
    path = tmp_path / "file"
    path.write_bytes(packed[:at] + bytes(byte ^ 0xFF for byte in packed[at : at + 3]) + packed[at + 3 :])
    found, error = until_it_fails(content(local_file(path)), unpack=iter)
    assert isinstance(error, SourceError)
    assert text.startswith(found)
    assert len(found) >= len(whole) > 500_000
    # A pipe cannot be read again.
    again, _ = until_it_fails(in_pieces(path.read_bytes()))
    assert text.startswith(again)


@packed_by
def test_what_follows_and_is_not_packed_is_damage(pack: Pack) -> None:
    found, error = until_it_fails(in_pieces(pack(lines(10)) + b"this is no further stream"))
    assert found == lines(10)
    assert isinstance(error, SourceError)


@packed_by
def test_what_unpacks_to_a_thousand_times_its_size_takes_no_memory(pack: Pack) -> None:
    packed = pack(bytes(24_000_000))  # which each of them packs soonest
    tracemalloc.start()
    try:
        size = sum(map(len, unpacked(in_pieces(packed))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 24_000_000
    assert peak < 12_000_000, "xz keeps a dictionary of 8 MB"


@settings(deadline=None, max_examples=60)  # a busy machine is no failure
@given(
    st.sampled_from(PACKS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_no_damage_raises_anything_but_an_error_of_ours(pack: Pack, damages: list[tuple[float, int]]) -> None:
    packed = bytearray(pack(lines(40)))
    for place, change in damages:
        packed[int(place * len(packed))] ^= change
    _, error = until_it_fails(in_pieces(bytes(packed), 100))
    assert error is None or isinstance(error, SourceError)


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("access.log"))
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("access.log", "{}")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"PK\x05\x06" + bytes(18), "an empty zip archive"),
        (tar(), "a tar archive"),
        (gzip.compress(tar()), "a tar archive"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "a 7z archive"),
        (b"Rar!\x1a\x07\x01\x00", "a RAR archive"),
        (b"\x04\x22\x4d\x18\x64", "packed by lz4"),
        (b"\x1f\x9d\x90", "packed by compress"),
    ],
    # A name made of the bytes would hold the time, which packers write into them.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_to_be_unpacked_first_is_named(content: bytes, name: str) -> None:
    with pytest.raises(SourceError, match=f"this is {name}: unpack it first"):
        list(ndjson(io.BytesIO(content)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"SQLite format 3\x00", "an SQLite database: export its rows as CSV or NDJSON first"),
        (archive(), "a zip archive or an Excel workbook: unpack it first, or save the workbook as CSV"),
        (b"ORC\n\x06\x12\x04\x08\x01P\x00\n", "an ORC file: export its rows as CSV or NDJSON first"),
        (b"ORC\x11\x00\x00\n", "an ORC file: export its rows as CSV or NDJSON first"),
        (b"12345678DUCK\x40\x00", "a DuckDB database: export its rows as CSV or NDJSON first"),
        (b"PGDMP\x01\x0e\x00", "a dump of PostgreSQL: export its rows as CSV or NDJSON first"),
        (b"FEA1\x00\x00\x00\x00", "a Feather file: export its rows as CSV or NDJSON first"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file: export its rows as CSV or NDJSON first"),
        (b"%PDF-1.7\n", "a PDF document: it holds no events: leave it out"),
        (b"\x89PNG\r\n\x1a\n", "a picture: it holds no events: leave it out"),
        (b"LPKSHHRH", "a systemd journal: pipe `journalctl -o cat` in"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
def test_what_unpacking_does_not_help_has_other_advice(content: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=f"^this is {words}$"):
        list(ndjson(io.BytesIO(content)))


def test_a_journal_in_place_of_a_log_is_named(tmp_path: Path) -> None:
    """It was any SQLite database, whose rows were to be exported."""
    JournalStore.open(tmp_path / "run.journal").close()
    VerdictStore(tmp_path / "verdicts.db").close()
    with pytest.raises(SourceError, match=r"^this is a journal of runs: name the file .* its journal; .* bots retry"):
        list(ndjson(tmp_path / "run.journal"))
    with pytest.raises(SourceError, match=r"^this is a verdict store: `omnivery bots results` exports"):
        list(ndjson(tmp_path / "verdicts.db"))


@pytest.mark.parametrize(
    "content",
    [
        b"PKG\n",
        b"ORC\n",
        b"ORC,ip,uas\r\n\ta\n",
        b"FEA1,FEA2\n",
        b"BZhX\n",
        b"]\n",
        b"GIF\n",
        b"Rar\n",
        b"\x1f\n",
        b"(\n",
    ],
)
def test_text_that_begins_like_a_mark_is_text(content: bytes) -> None:
    assert until_it_fails(in_pieces(content, 1)) == (content, None)


def test_zstd_that_is_not_installed_is_an_error_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, zstd.__name__, None)
    with pytest.raises(ConfigError, match=r"pip install 'omnivery\[zstd\]'"):
        list(ndjson(io.BytesIO(zstd.compress(b"{}\n"))))


def test_zstd_that_begins_with_a_frame_to_skip_is_unpacked() -> None:
    """As pzstd writes it (RFC 8878, section 3.1.2)."""
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    assert until_it_fails(in_pieces(skippable + zstd.compress(b"{}\n"))) == (b"{}\n", None)


def lines_until_it_fails(content: bytes) -> tuple[list[bytes], SourceError]:
    """The lines that came out before the reader raised, and what it raised."""
    found: list[bytes] = []
    events = ndjson(io.BytesIO(content))
    while True:
        try:
            event = next(events)
        except SourceError as error:
            return found, error
        assert isinstance(event, EventLine)
        found.append(event.data)


def test_a_log_packed_in_several_members_is_read_through() -> None:
    """`cat a.gz b.gz > c.gz` is good gzip (RFC 1952, section 2.2), and so is zero padding behind it."""
    expected = lines(10_000).splitlines()
    packed = b"".join(
        gzip.compress(b"".join(b"%s\n" % line for line in expected[at : at + 999])) for at in range(0, 10_000, 999)
    )
    assert [event.data for event in ndjson(io.BytesIO(packed + bytes(512))) if isinstance(event, EventLine)] == expected


def test_highly_packed_content_is_unpacked_piece_by_piece() -> None:
    """A small packed file may hold a thousand times its size; only in pieces can a long line be refused."""
    content = b"{}\n" + b"x" * (2 * MAX_LINE) + b"\n{}\n"
    assert [type(event) for event in ndjson(io.BytesIO(gzip.compress(content)))] == [
        EventLine,
        UnreadableLine,
        EventLine,
    ]


def test_every_whole_line_before_the_end_of_a_cut_off_gzip_comes_out() -> None:
    """A log copied while it was written: what arrived is good, and the user learns where it ends."""
    expected = lines(5000).splitlines()
    packed = gzip.compress(b"".join(b"%s\n" % line for line in expected))
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
    expected = lines(20).splitlines()
    good = gzip.compress(b"".join(b"%s\n" % line for line in expected))
    got, error = lines_until_it_fails(good + b"this is no further member")
    assert got == expected
    assert isinstance(error.__cause__, zlib.error)
    assert str(error) == "the gzip data is damaged: nothing after line 20 could be read"


def test_a_wrong_check_sum_is_told_and_not_passed_over() -> None:
    """Everything unpacked, and still not what was packed: the user must know."""
    good = gzip.compress(b"{}\n" * 3)
    got, error = lines_until_it_fails(good[:-8] + bytes(4) + good[-4:])
    assert len(got) == 3
    assert "damaged" in str(error)


def test_gzip_that_breaks_at_once_says_that_nothing_was_read() -> None:
    """There is no "line 0" to look at."""
    got, error = lines_until_it_fails(b"\x1f\x8b")
    assert got == []
    assert str(error) == "the gzip data is cut off: no line could be read"
