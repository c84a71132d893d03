"""The source of a message: what was sent, or what its fields and files make."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

from omnivery.emulator.message import StoredFile, StoredMessage
from omnivery.emulator.page.source import headers, source


def message(**parts: Any) -> StoredMessage:
    usual: dict[str, Any] = {"id": "<1@example.com>", "domain": "example.com", "surface": "mailgun", "to": ()}
    return StoredMessage(**{**usual, "sender": "a@example.com", **parts})


def test_mime_is_shown_as_it_was_sent() -> None:
    mime = b"Subject: =?utf-8?q?a?=\r\n b\r\nX: 1\r\nX: 2\r\n\r\nbody\xff"
    assert source(message(mime=mime)) == mime
    assert headers(message(mime=mime)) == [("Subject", "=?utf-8?q?a?= b"), ("X", "1"), ("X", "2")]


def test_fields_make_a_message_that_can_be_read() -> None:
    found = message(
        subject="Grüße",
        text="Hällo",
        html="<p>Hällo",
        fields=(("from", "Ann <a@example.com>"), ("to", "b@example.com"), ("to", "c@example.com"), ("h:X-Own", "ö")),
        attachments=(StoredFile(name="ä.pdf", media_type="application/pdf", content=b"%PDF"),),
        inline=(StoredFile(name="logo.png", media_type="image/png", content=b"PNG"),),
    )
    read = message_from_bytes(source(found), policy=policy.default)
    assert (read["subject"], read["x-own"], read["to"]) == ("Grüße", "ö", "b@example.com, c@example.com")
    assert [part.get_content_type() for part in read.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    assert [part.get_filename() for part in read.walk() if part.get_filename()] == ["logo.png", "ä.pdf"]
    assert read.get_body(("plain",)).get_content() == "Hällo"  # type: ignore[union-attr]


def test_no_field_can_add_a_header() -> None:
    found = message(subject="a\r\nBcc: x@example.com", fields=(("h:X\r\nEvil", "1\r\n\r\nbody"), ("h:Subject", "own")))
    read = message_from_bytes(source(found))
    assert (read["bcc"], read["evil"], read["subject"]) == (None, None, "own")


def test_any_text_makes_a_source() -> None:
    """Halves of surrogate pairs, odd types and names: nothing that was accepted may fail to be shown."""
    odd = StoredFile(name="\ud800\r\n", media_type="\ud800", content=b"")
    found = message(subject="\ud800", text="\ud800", html="\ud800", attachments=(odd,), inline=(odd,))
    assert b"multipart/mixed" in source(found)
    assert source(message()).startswith(b"Content-Type: text/plain")
