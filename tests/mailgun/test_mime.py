"""MIME messages: everybody gets theirs, and nobody reads who got a blind copy."""

from __future__ import annotations

import email
from email.message import EmailMessage
from typing import Any

import pytest

from omnivery.errors import ConfigError
from omnivery.mailgun.mime import Mime


def mime_of(**headers: str) -> EmailMessage:
    made = EmailMessage()
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content("Grüße\n")
    return made


def test_recipients_come_from_to_cc_and_bcc() -> None:
    """A recipient in Bcc alone would otherwise get nothing."""
    made = mime_of(To='"Doe, Jörg" <a@x.net>, b@x.net', Cc="Team: c@x.net, d@x.net;", Bcc="e@x.net, a@x.net")
    assert Mime.of(made).recipients() == ["a@x.net", "b@x.net", "c@x.net", "d@x.net", "e@x.net"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("kind", [str, bytes])
def test_blind_copies_are_taken_out_whatever_the_spelling(end: str, kind: type) -> None:
    lines = [
        "Bcc: one@x.net,",
        "  two@x.net",
        "To: Jörg <jörg@x.net>",
        "bCC : three@x.net",
        "Subject: about",
        " Bcc: in the subject",
        "RESENT-BCC: four@x.net",
        "X-Bcc: stays",
        "",
        "Bcc: in the body",
        "",
    ]
    text = end.join(lines)
    found = Mime.of(text if kind is str else text.encode())
    kept = [lines[2], *lines[4:6], *lines[7:]]
    assert found.content == "\r\n".join(kept).encode()
    assert set(found.recipients()) == {"jörg@x.net", "one@x.net", "two@x.net", "three@x.net"}


def test_blank_lines_in_front_hide_no_header() -> None:
    """A server may pass over them, and would then read what was taken for the body."""
    assert b"Bcc" not in Mime.of(b"\r\n\nTo: a@x.net\nBcc: b@x.net\n\nHi").content


def test_all_else_stays_byte_by_byte() -> None:
    """A line folded anew, or a header encoded anew, breaks a signature."""
    text = b"DKIM-Signature: v=1;\r\n\tb=" + b"x" * 200 + b"\r\nTo: a@x.net\r\n\r\n\xff\xfe raw \x00 bytes\r\n\r\n.\r\n"
    assert Mime.of(text).content == text
    assert Mime.of(email.message_from_bytes(text)).content == text


def test_a_parsed_message_keeps_bytes_that_are_no_text() -> None:
    text = b"To: a@x.net\r\nContent-Type: text/plain; charset=latin-1\r\n\r\ngr\xfc\xdfe\r\n"
    assert Mime.of(text.decode("utf-8", "surrogateescape")).content == text


def test_the_callers_own_message_is_not_touched() -> None:
    made = mime_of(To="a@x.net", Bcc="b@x.net")
    Mime.of(made)
    assert made["Bcc"] == "b@x.net"


def test_a_message_of_headers_alone_is_one() -> None:
    assert Mime.of("To: a@x.net\nBcc: b@x.net").content == b"To: a@x.net\r\n"


@pytest.mark.parametrize(
    ("value", "recipients"),
    [
        ("undisclosed-recipients:;", []),
        ("", []),
        ("Team: a@x.net, b@x.net;, c@x.net", ["a@x.net", "b@x.net", "c@x.net"]),
        ('"Doe, Ann" <a@x.net>,, B. C. <b@x.net>,', ["a@x.net", "b@x.net"]),
        ("Jörg <jörg@x.net>", ["jörg@x.net"]),
        ("J\udcfcrg <a@x.net>", ["a@x.net"]),
        ("=?utf-8?q?J=C3=B6rg?= <a@x.net> (home)", ["a@x.net"]),
        ("a@[127.0.0.1]", ["a@[127.0.0.1]"]),
    ],
)
def test_addresses_in_every_sound_spelling_are_read(value: str, recipients: list[str]) -> None:
    assert Mime.of(f"To: {value}\n\nHi").recipients() == recipients


@pytest.mark.parametrize("name", ["To", "cc", "Bcc"])
@pytest.mark.parametrize(
    "value",
    [
        "ann@example.com; bob@example.com",
        "Ann <ann@example.com>; Bob <bob@example.com>",
        "ann@example.com bob@example.com",
        "Ann, B <a@x.org>",
        "ann@example.com, root, bob@example.com",
        "Team: ann@example.com, root;",
        "Ann @ Home <a@x.org>",
        "Ann (a@x.org",
        "ann@example.com, <>",
        '"',
        "a@[",
    ],
)
def test_no_recipient_is_lost_in_silence(name: str, value: str) -> None:
    """The standard parser skips what it cannot parse, and a recipient there would get nothing."""
    found = Mime.of(f"X: y\n{name}: {value}\n\nHi")
    with pytest.raises(ConfigError, match=r"^mime: .*pass to=….*Nothing was sent\.$") as caught:
        found.recipients()
    assert "example.com" not in str(caught.value)


@pytest.mark.parametrize("front", ["\ufeff", "\r\n\ufeff", "\ufeff\n", "\ufeff\ufeff"])
@pytest.mark.parametrize("kind", [str, bytes])
def test_a_byte_order_mark_hides_no_field(front: str, kind: type) -> None:
    """Editors put one in front of text files; the field after it would be none that anybody knows."""
    text = f"{front}Bcc: one@x.net\nTo: two@x.net\n\nHi"
    found = Mime.of(text if kind is str else text.encode())
    assert found.content == b"To: two@x.net\r\n\r\nHi"
    assert found.recipients() == ["one@x.net", "two@x.net"]


@pytest.mark.parametrize("end", ["\r\r\n", "\r\r\r\n"])
def test_a_doubled_carriage_return_ends_no_header(end: str) -> None:
    """Written in text mode twice, each line has one: taken for two line ends, the header would end after one field."""
    found = Mime.of(f"To: one@x.net{end}Bcc: two@x.net,{end} three@x.net{end}Subject: x{end}{end}Hi{end}".encode())
    assert found.content == b"To: one@x.net\r\nSubject: x\r\n\r\nHi\r\n"
    assert found.recipients() == ["one@x.net", "two@x.net", "three@x.net"]


@pytest.mark.parametrize("mime", [b"", "", "\r\n\r\n", None, 5, ["To: a@x.net"], "To: \ud800"])
def test_what_is_no_message_is_refused(mime: Any) -> None:
    with pytest.raises(ConfigError, match=r"^mime: .*Nothing was sent\.$"):
        Mime.of(mime)


def test_its_repr_shows_nothing_of_it() -> None:
    assert repr(Mime.of(mime_of(To="secret@x.net", Subject="secret"))) == "Mime()"
