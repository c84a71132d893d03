"""MIME messages that nobody in good faith would send: read in bounded time, and never an error."""

from __future__ import annotations

import time

import pytest

from omnivery.emulator.mime import MOST_PARTS, parts_of, raw_headers, read_mime


def nested(count: int) -> bytes:
    """A multipart within a multipart within …"""
    levels = range(count)
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in levels) + b"\nx"


HOSTILE = {
    "From with many mailboxes": b"From: " + b"a@b.c," * 50_000,
    "From of quotes": b"From: " + b'"' * 50_000,
    "From of comments": b"From: " + b"(" * 50_000,
    "Subject of encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 50_000,
    "parameters": b"Content-Type: text/plain; " + b"a*0=1; " * 50_000,
    "file name": b"Content-Disposition: attachment; filename*0*=" + b"%zz''" * 50_000,
    "nested multiparts": nested(200),
    "more nested multiparts": nested(5_000),
    "nested messages": b"Content-Type: message/rfc822\n\n" * 200,
    "more nested messages": b"Content-Type: message/rfc822\n\n" * 50_000,
    "many parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 50_000,
    "many parts by carriage returns": b"Content-Type: multipart/mixed; boundary=b\r\r" + b"--b\r\rx\r" * 50_000,
    "delivery status": b"Content-Type: message/delivery-status\n\n" + b"a: b\n\n" * 50_000,
    "many headers": b"a: b\n" * 50_000,
    "no headers": b"\n" * 50_000,
    "NUL bytes": b"\0" * 50_000,
    "empty": b"",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_message_takes_long_or_raises(kind: str) -> None:
    """Without bounds, most of these take from ten seconds to minutes."""
    began = time.thread_time()
    parsed = read_mime(HOSTILE[kind])
    parts = parts_of(parsed)
    str(parsed["from"])
    assert isinstance(raw_headers(parsed), list)
    assert time.thread_time() - began < 5
    assert set(parts) <= {"subject", "text", "html", "attachments", "inline"}


def test_a_message_of_too_many_parts_is_one_text() -> None:
    head = b"From: a@b.c\nSubject: s\nContent-Type: multipart/mixed; boundary=b\n\n"
    few = parts_of(read_mime(head + b"--b\n\nx\n" * MOST_PARTS + b"--b--"))
    assert len(few["attachments"]) == MOST_PARTS
    body = b"--b\n\nx\n" * (2 * MOST_PARTS + 1)
    many = parts_of(read_mime(head + body))
    assert (many["subject"], many["attachments"], many["text"]) == ("s", (), body.decode())


def test_headers_are_unfolded_and_otherwise_as_sent() -> None:
    parsed = read_mime(b"X-Own: a\r\n b\r\nx-own: =?utf-8?q?c?=\r\n\r\n")
    assert raw_headers(parsed) == [("X-Own", "a b"), ("x-own", "=?utf-8?q?c?=")]
