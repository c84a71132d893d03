"""MIME text of accepted messages: what a mail client would see, read back by the standard library."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest

from omnivery.emulator import StoredFile, StoredMessage
from omnivery.emulator.composition import compose


def stored(*fields: tuple[str, str], **parts: Any) -> StoredMessage:
    given = {
        "id": "<1@mail.example.com>",
        "domain": "mail.example.com",
        "surface": "mailgun",
        "sender": "news@example.com",
        "to": ("ann@example.com",),
        "fields": (("from", "News <news@example.com>"), ("to", "Ann <ann@example.com>"), *fields),
        "subject": "Hello",
        "text": "Hello, Ann!",
        "received_at": datetime(2026, 5, 17, 10, 5, 3, tzinfo=UTC),
    }
    return StoredMessage(**{**given, **parts})


def read(message: StoredMessage, recipient: str | None = None) -> EmailMessage:
    text = compose(message, recipient=recipient)
    assert text.isascii(), "every server takes it"
    assert b"\n" not in text.replace(b"\r\n", b"")
    return message_from_bytes(text, policy=SMTP)


def structure(part: EmailMessage) -> Any:
    kind = part.get_content_type()
    return {kind: [structure(each) for each in part.iter_parts()]} if part.is_multipart() else kind  # type: ignore[arg-type]  # typeshed: Message


def test_headers_are_those_of_the_request() -> None:
    parsed = read(
        stored(
            ("cc", "c@example.org"),
            ("bcc", "hidden@example.org"),
            ("reply_to", "Help <help@example.com>"),
            ("o:tag", "one"),
            ("o:tag", "two"),
            ("v:user", '{"id": 7}'),
            ("h:X-Own", "value"),
            ("h:Subject", "Another subject"),
        )
    )
    shown = {name: value for name, value in parsed.items() if name not in {"Date", "MIME-Version"}}
    assert shown == {
        "From": "News <news@example.com>",
        "To": "Ann <ann@example.com>",
        "Cc": "c@example.org",
        "Reply-To": "Help <help@example.com>",
        "Subject": "Another subject",
        "Message-ID": "<1@mail.example.com>",
        "X-OV-Tag": "one, two",
        "X-OV-Variables": '{"user": {"id": 7}}',
        "X-Own": "value",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "text/plain"),
        ({"text": None, "html": "<p>"}, "text/html"),
        ({"html": "<p>"}, {"multipart/alternative": ["text/plain", "text/html"]}),
        (
            {"html": "<p>", "fields": (("amp-html", "<amp>"),)},
            {"multipart/alternative": ["text/plain", "text/x-amp-html", "text/html"]},
        ),
    ],
)
def test_bodies_are_alternatives(fields: dict[str, Any], expected: Any) -> None:
    assert structure(read(stored(**fields))) == expected


def test_files_are_attached_and_inline_ones_belong_to_the_html() -> None:
    files = (StoredFile(name="tä b.csv", media_type="text/csv; charset=utf-8", content="ä,b\n".encode()),)
    inline = (StoredFile(name="a.png", media_type="image/png", content=b"\x89PNG"),)
    parsed = read(stored(html='<img src="cid:a.png">', attachments=files, inline=inline))
    related = {"multipart/related": ["text/html", "image/png"]}
    assert structure(parsed) == {"multipart/mixed": [{"multipart/alternative": ["text/plain", related]}, "text/csv"]}
    (attached,) = parsed.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("tä b.csv", "ä,b\n")
    (image,) = (part for part in parsed.walk() if part.get_content_type() == "image/png")
    assert (image["Content-ID"], image.get_content(), image.get_content_disposition()) == (
        "<a.png>",
        b"\x89PNG",
        "inline",
    )


def test_an_inline_file_of_a_plain_message_is_not_lost() -> None:
    parsed = read(stored(inline=(StoredFile(name="a.png", media_type="image/png", content=b"x"),)))
    assert structure(parsed) == {"multipart/mixed": ["text/plain", "image/png"]}


@pytest.mark.parametrize("kind", ["message/rfc822", "multipart/mixed", "", "nonsense", "text/plain\r\nX-Evil: 1"])
def test_a_file_of_a_strange_type_comes_through_whole(kind: str) -> None:
    content = b"From: x\r\n\r\n\x00\xff"
    (attached,) = read(stored(attachments=(StoredFile(name="a", media_type=kind, content=content),))).iter_attachments()
    assert attached.get_payload(decode=True) == content
    assert "X-Evil" not in attached


@pytest.mark.parametrize("text", ["Grüße\n", "x" * 5000, "日本語\n" * 1000, ".\r\n..\r\n", "half \ud83d"])
def test_text_of_any_kind_comes_through(text: str) -> None:
    body = read(stored(text=text, html="<p>")).get_body(("plain",))
    assert body is not None
    expected = text.encode("utf-8", "replace").decode().splitlines()
    assert body.get_content().rstrip("\r\n").splitlines() == expected


@pytest.mark.parametrize(
    "sender",
    ['Jürgen "J" Müller <news@example.com>', '"Müller, Jürgen" <news@example.com>', "Long " * 50 + "<a@b.org>"],
)
def test_display_names_are_encoded_and_addresses_are_not(sender: str) -> None:
    parsed = read(stored(fields=(("from", sender), ("to", "Ann Ümlaut <ann@example.com>"))))
    assert parsed["To"].addresses[0].display_name == "Ann Ümlaut"
    assert parsed["From"].addresses[0].addr_spec in {"news@example.com", "a@b.org"}


@pytest.mark.parametrize(
    "bad", ["\r\nBcc: x@example.org", "\nX-Evil: 1", "\x85X-Evil: 1", "\u2028X-Evil: 1", "\x0bX: 1"]
)
def test_no_value_begins_a_header_field(bad: str) -> None:
    parsed = read(
        stored(("h:X-Own", f"a{bad}"), fields=(("from", f"a@b.org{bad}"), ("h:X-Own", bad)), subject=f"s{bad}")
    )
    assert not {"bcc", "x-evil", "x"} & {name.lower() for name in parsed.keys()}  # noqa: SIM118  # a message is no mapping
    assert parsed["To"] is None
    assert str(parsed["Subject"]).startswith("s ")


@pytest.mark.parametrize("name", ["Content-Type", "MIME-Version", "Bcc", "bad name", "bad:name", "", "é", "Received"])
def test_a_header_that_is_not_the_callers_to_set_is_left_out(name: str) -> None:
    plain, own = read(stored()), read(stored((f"h:{name}", "evil")))
    assert own.items() == plain.items()


@pytest.mark.parametrize("value", ['"', "<", "(((", "a@", "@", "=?utf-8?q?=", ",,,", "a@[", '"\\', "\x00", ";" * 3000])
def test_addresses_that_are_none_fail_nothing(value: str) -> None:
    compose(stored(fields=(("from", value), ("to", value), ("cc", value), ("reply_to", value), ("h:Sender", value))))


def test_a_template_that_only_the_service_has_is_named() -> None:
    text = read(stored(("template", "welcome"), ("t:variables", '{"a": 1}'), text=None)).get_content()
    assert "'welcome'" in text
    assert '{"a": 1}' in text


def test_variables_with_half_a_character_fail_nothing() -> None:
    """orjson does not read such JSON; the standard library does."""
    message = stored(("v:user", '{"a": "\\ud83d"}'), ("v:plain", "\ud83d"))
    assert "ud83d" in read(message)["X-OV-Variables"]


MIME = (
    b"From: a@b.org\nBCC: hidden@example.org,\n\tother@example.org\nTo: x@example.org\r\nResent-Bcc: h@example.org\n"
    b"Subject: =?utf-8?q?x?=\n\nBcc: in the body\n\xff.\n"
)


def test_a_mime_message_stays_as_it_is_but_for_line_ends_and_bcc() -> None:
    assert compose(stored(mime=MIME)) == (
        b"From: a@b.org\r\nTo: x@example.org\r\nSubject: =?utf-8?q?x?=\r\n\r\nBcc: in the body\r\n\xff.\r\n"
    )
    assert compose(stored(mime=b"To: x@example.org")) == b"To: x@example.org\r\n"


VARIABLES = (
    "recipient-variables",
    '{"Ann@example.com": {"name": "Änn", "link": {"url": "/1"}}, "bob@example.com": {}}',
)


def test_with_recipient_variables_each_recipient_has_a_message_that_names_nobody_else() -> None:
    message = stored(
        VARIABLES,
        ("to", "bob@example.com"),
        ("cc", "c@example.org"),
        to=("ann@example.com", "bob@example.com"),
        subject="For %recipient.name%",
        html="<a href='%recipient.link.url%'>%recipient%</a> %recipient.none%",
    )
    ann, bob = read(message, "ann@example.com"), read(message, "bob@example.com")
    assert (ann["To"], ann["Cc"], ann["Subject"]) == ("Ann <ann@example.com>", None, "For Änn")
    html = ann.get_body(("html",))
    assert html is not None
    assert html.get_content().strip() == "<a href='/1'>ann@example.com</a> %recipient.none%"
    assert (bob["To"], bob["Subject"]) == ("bob@example.com", "For %recipient.name%")


def test_recipient_variables_reach_mime_text_too() -> None:
    mime = b"To: %recipient%\n\nHello, %recipient.name%, \n" + b"\xff"
    text = compose(stored(VARIABLES, mime=mime), recipient="ann@example.com")
    assert text == "To: ann@example.com\r\n\r\nHello, Änn, \r\n".encode() + b"\xff"
