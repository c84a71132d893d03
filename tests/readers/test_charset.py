"""Text that is not in UTF-8: what PowerShell's `>` and Excel's "Unicode text" write."""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Iterator

import pytest

from omnivery.events.event import BotEvent, EventLine
from omnivery.readers import ndjson, read
from omnivery.readers._charset import in_utf8

TEXT = '{"event_id":"1","uas":"Käse 🧀"}\r\n{"event_id":"2"}\r\n'
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def in_pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


@pytest.mark.parametrize("charset", MARKS)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_text_with_a_mark_becomes_utf_8_however_it_arrives(charset: str, size: int) -> None:
    found = b"".join(in_utf8(in_pieces(MARKS[charset] + TEXT.encode(charset), size)))
    assert found.removeprefix(codecs.BOM_UTF8) == TEXT.encode()


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_western_text_is_recognized_without_a_mark(charset: str) -> None:
    """A log that was cut out of a longer one."""
    assert b"".join(in_utf8(iter([TEXT.encode(charset)]))) == TEXT.encode()


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"a", b"\0", b"\0" * 300 + b"{}\n", b"a\0b\0\n", b"\xff", b"\xfe\xff", b"\xff\xfe"]
)
def test_other_bytes_stay_as_they_are(content: bytes) -> None:
    """Zeros are what a server leaves that writes on at its old place in a file that was emptied."""
    found = b"".join(in_utf8(in_pieces(content, 1)))
    assert found == content.removeprefix(b"\xfe\xff").removeprefix(b"\xff\xfe")


def test_what_is_no_character_is_replaced() -> None:
    content = codecs.BOM_UTF16_LE + "a".encode("utf-16-le") + b"\x00\xd8" + "b\n".encode("utf-16-le") + b"c"
    assert b"".join(in_utf8(iter([content]))).decode() == "a\ufffdb\n"  # half of one may become a whole one


@pytest.mark.parametrize("charset", MARKS)
def test_every_format_is_read_in_it(charset: str) -> None:
    log = '198.51.100.7 - - [17/May/2026:10:05:03 +0000] "GET /c HTTP/1.1" 302 0 "-" "UÄ"\r\n' * 3
    table = "ip\tuas\tevent_id\r\n192.0.2.1\tx\ta\r\n"
    for text, kind, count in ((TEXT, EventLine, 2), (log, BotEvent, 3), (table, BotEvent, 1)):
        content = MARKS[charset] + text.encode(charset)
        for packed in (content, gzip.compress(content)):
            assert [type(item) for item in read(io.BytesIO(packed))] == [kind] * count


def test_lines_have_their_numbers() -> None:
    content = codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le")
    assert [item.line for item in ndjson(io.BytesIO(content))] == [1, 2]
