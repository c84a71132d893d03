"""The source of a message, and its headers as people read them."""

from __future__ import annotations

from typing import Any

from omnivery.emulator.message import StoredFile, StoredMessage
from omnivery.emulator.page.source import headers, source


def message(**parts: Any) -> StoredMessage:
    usual: dict[str, Any] = {"id": "<1@example.com>", "domain": "example.com", "surface": "mailgun", "to": ()}
    return StoredMessage(**{**usual, "sender": "a@example.com", **parts})


def test_mime_is_shown_as_it_was_sent() -> None:
    mime = b"Subject: =?utf-8?q?gr=C3=BC=C3=9F?=\r\n b\r\nX: 1\r\nX: 2\r\n\r\nbody\xff"
    assert source(message(mime=mime)) == mime
    assert headers(message(mime=mime)) == [("Subject", "grüß b"), ("X", "1"), ("X", "2")]


def test_fields_make_a_message() -> None:
    found = message(subject="Grüße", text="Hi", fields=(("from", "Ann <a@example.com>"), ("h:X-Own", "ö")))
    assert source(found).endswith(b"Hi\r\n")
    assert {("From", "Ann <a@example.com>"), ("Subject", "Grüße"), ("X-Own", "ö")} <= set(headers(found))


def test_any_text_can_be_shown() -> None:
    """Halves of surrogate pairs, odd types and names, headers that are none."""
    odd = StoredFile(name="\ud800\r\n", media_type="\ud800", content=b"")
    found = message(subject="\ud800", text="\ud800", html="\ud800", attachments=(odd,), inline=(odd,))
    assert b"multipart/mixed" in source(found)
    for mime in (b"", b"\xff\xfe", b"From: '\r\nTo: (((\r\nSubject: =?x?b?!?=\r\n\r\n", b":\r\n:", b"From " * 9):
        assert isinstance(headers(message(mime=mime)), list)
