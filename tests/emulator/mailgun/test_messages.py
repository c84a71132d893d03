"""Sending on the emulator's Mailgun surface: what is stored, byte for byte, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from omnivery.emulator import Emulator, acceptance
from tests.support.emulator import mailgun_client

FORM = {"from": "News <news@mail.example.com>", "to": "ann@example.org", "subject": "Hi", "text": "Hello"}


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(max_messages_kept=5) as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def client(emu: Emulator) -> Iterator[httpx.Client]:
    with mailgun_client(emu, emu.sending_key) as made:
        made.base_url = f"{emu.mailgun_url}/{emu.domain}"
        yield made


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["message"]


def test_a_message_is_queued_and_stored(emu: Emulator, client: httpx.Client) -> None:
    response = client.post("/messages", data=FORM)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    queued = response.json()
    assert queued["message"] == "Queued. Thank you."
    assert re.fullmatch(rf"<[0-9a-f-]{{36}}@{re.escape(emu.domain)}>", queued["id"])
    (message,) = emu.messages
    assert (message.id, message.surface, message.domain) == (queued["id"], "mailgun", emu.domain)
    assert (message.sender, message.to) == ("news@mail.example.com", ("ann@example.org",))
    assert (message.subject, message.text, message.html, message.test_mode) == ("Hi", "Hello", None, False)
    assert message.fields == tuple(FORM.items())


def test_fields_keep_their_order_and_their_repeats(emu: Emulator, client: httpx.Client) -> None:
    pairs = [*FORM.items(), ("o:tag", "b"), ("v:n", "1"), ("o:tag", "a"), ("h:X-Ä", "Zoë & co"), ("cc", "")]
    client.post(
        "/messages",
        content=urlencode(pairs),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    client.post("/messages", files=[(name, (None, value)) for name, value in pairs])
    for message in emu.messages:
        assert message.fields == tuple(pairs)
        assert (message.values("o:tag"), message.value("v:n"), message.value("v:m")) == (["b", "a"], "1", None)


def test_files_arrive_byte_for_byte_under_their_names(emu: Emulator, client: httpx.Client) -> None:
    every_byte = bytes(range(256)) * 8000
    files = [
        ("attachment", ("Überblick «表».pdf", every_byte, "application/pdf")),
        ("attachment", ("empty.txt", b"", "text/plain; charset=utf-8")),
        ("inline", ('a "quoted" name.png', b"\x89PNG\r\n\x1a\n--boundary\r\n", "image/png")),
    ]
    assert client.post("/messages", data=FORM, files=files).status_code == 200
    (message,) = emu.messages
    assert [(file.name, file.media_type) for file in message.attachments] == [
        ("Überblick «表».pdf", "application/pdf"),
        ("empty.txt", "text/plain; charset=utf-8"),
    ]
    assert [file.content for file in message.attachments] == [every_byte, b""]
    assert [file.content for file in message.inline] == [b"\x89PNG\r\n\x1a\n--boundary\r\n"]
    assert message.fields == tuple(FORM.items()), "files are not among the text fields"


def test_a_long_text_needs_no_file(emu: Emulator, client: httpx.Client) -> None:
    """A server's usual limit on form fields is one megabyte; newsletters pass it."""
    html = "ä" * 1_000_000
    assert client.post("/messages", files=[(k, (None, v)) for k, v in {**FORM, "html": html}.items()]).is_success
    assert emu.messages[0].html == html


def test_recipients_are_read_from_lists_and_repeats(emu: Emulator, client: httpx.Client) -> None:
    to = ['"Doe, Ann" <ann@example.org>, bob@example.org', "Zoë <ANN@example.org>"]
    client.post("/messages", data={**FORM, "to": to, "cc": "cid@example.org", "bcc": "dee@example.org"})
    (message,) = emu.messages
    assert message.to == ("ann@example.org", "bob@example.org", "ANN@example.org")
    assert (message.cc, message.bcc) == (("cid@example.org",), ("dee@example.org",))
    assert [address.lower() for address in message.recipients] == [
        f"{n}@example.org" for n in ("ann", "bob", "cid", "dee")
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"from": None}, "from parameter is missing"),
        ({"to": None}, "to parameter is missing"),
        ({"to": " "}, "to parameter is missing"),
        ({"text": None}, "Need at least one of 'text' or 'html' parameters specified"),
        ({"to": "nobody"}, "to parameter is not a valid address. please check documentation"),
        ({"to": "a@b.co, Doe, Ann <c@d.co>"}, "to parameter is not a valid address. please check documentation"),
        ({"bcc": "nobody"}, "bcc parameter is not a valid address. please check documentation"),
        ({"from": "News"}, "from parameter is not a valid address. please check documentation"),
        ({"recipient-variables": "{"}, "'recipient-variables' parameter is not a valid JSON"),
        ({"recipient-variables": "[]"}, "'recipient-variables' parameter is not a valid JSON"),
        ({"t:variables": "x"}, "'t:variables' parameter is not a valid JSON"),
        ({"to": ",".join(f"a{n}@b.co" for n in range(1001))}, "Too many recipients, max is 1000"),
    ],
)
def test_bad_messages_are_refused_in_the_api_s_words(
    emu: Emulator, client: httpx.Client, changes: dict[str, str | None], message: str
) -> None:
    form = {name: value for name, value in {**FORM, **changes}.items() if value is not None}
    assert refusal(client.post("/messages", data=form)) == (400, message)
    assert emu.messages == []


def test_1000_recipients_are_taken(emu: Emulator, client: httpx.Client) -> None:
    assert client.post("/messages", data={**FORM, "to": [f"a{n}@b.co" for n in range(1000)]}).is_success
    assert len(emu.messages[0].recipients) == 1000


@pytest.mark.parametrize("body", ["html", "amp-html", "template"])
def test_any_kind_of_body_will_do(client: httpx.Client, body: str) -> None:
    form = {**FORM, body: "x"}
    del form["text"]
    assert client.post("/messages", data=form).is_success


@pytest.mark.parametrize(
    ("sender", "fits"),
    [
        ("a@mail.example.com", True),
        ("a@MAIL.Example.com", True),
        ("a@example.com", True),
        ("a@deep.mail.example.com", True),
        ("a@news.example.com", True),
        ("a@example.org", False),
        ("a@myexample.com", False),
        ("a@ample.com", False),
    ],
)
def test_the_sender_must_belong_to_the_sending_domain(client: httpx.Client, sender: str, fits: bool) -> None:
    """To its organisational domain, as the page says: a sibling will do."""
    assert (client.post("/messages", data={**FORM, "from": sender}).status_code == 200) is fits


@pytest.mark.parametrize(
    ("sender", "fits"),
    [
        ("a@shop.co.uk", True),
        ("a@news.shop.co.uk", True),
        ("a@co.uk", False),
        ("a@other.co.uk", False),
        ("a@shop.uk", False),
    ],
)
def test_nobody_owns_what_names_are_registered_under(sender: str, fits: bool) -> None:
    with Emulator(domain="mail.shop.co.uk") as emu, mailgun_client(emu) as client:
        response = client.post(f"/{emu.domain}/messages", data={**FORM, "from": sender})
        assert (response.status_code == 200) is fits


def test_only_an_active_domain_that_exists_may_send(emu: Emulator) -> None:
    with mailgun_client(emu) as client:
        client.post("/domains", data={"name": "new.example.com"})
        form = {**FORM, "from": "a@new.example.com"}
        assert client.post("/new.example.com/messages", data=form).status_code == 403
        assert refusal(client.post("/no.example.com/messages", data=form)) == (
            404,
            "Domain not found: no.example.com",
        )
        client.put("/domains/new.example.com/verify")
        assert client.post("/new.example.com/messages", data=form).is_success


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data"])
def test_a_body_that_is_no_form_is_refused(client: httpx.Client, kind: str) -> None:
    response = client.post("/messages", content=b"{}", headers={"content-type": kind})
    assert response.status_code == 400


def mime() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "News <news@example.com>", "ann@example.org", "Grüße"
    made.set_content("Hello ä\n")
    made.add_alternative("<p>Hello</p>", subtype="html")
    made.add_attachment(b"\x00\xff", maintype="application", subtype="pdf", filename="ä.pdf")
    return made


@pytest.mark.parametrize("as_file", [True, False])
def test_a_mime_text_may_be_a_file_or_a_field(emu: Emulator, client: httpx.Client, as_file: bool) -> None:
    """The page shows a field, Mailgun's clients upload a file."""
    text = bytes(mime())
    options: dict[str, Any] = {"data": {"to": "ann@example.org, bcc@example.org", "o:tag": "t"}}
    if as_file:
        options["files"] = {"message": ("message.mime", text, "message/rfc822")}
    else:
        options["data"]["message"] = text.decode()
    assert client.post("/messages.mime", **options).json()["message"] == "Queued. Thank you."
    (message,) = emu.messages
    assert message.mime == text
    assert (message.sender, message.subject, message.text) == ("news@example.com", "Grüße", "Hello ä\n")
    assert message.html == "<p>Hello</p>\n"
    assert message.recipients == ("ann@example.org", "bcc@example.org"), "`to` decides, not the headers"
    (file,) = message.attachments
    assert (file.name, file.media_type, file.content) == ("ä.pdf", "application/pdf", b"\x00\xff")


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"message": "From: a@example.com\n\nHi"}, "to parameter is missing"),
        ({"to": "a@b.co"}, "message parameter is missing"),
        (
            {"to": "a@b.co", "message": "Subject: s\n\nHi"},
            "from parameter is not a valid address. please check documentation",
        ),
    ],
)
def test_bad_mime_messages_are_refused(client: httpx.Client, form: dict[str, str], message: str) -> None:
    assert refusal(client.post("/messages.mime", data=form)) == (400, message)


@pytest.mark.parametrize(
    "charset", ["iso-8859-8-i", "foo", "hex", "idna", "undefined", '"a\0b"', "utf-8", "utf-16", "", "*0*=u"]
)
@pytest.mark.parametrize("encoding", ["8bit", "base64", "foo"])
def test_odd_character_sets_are_read_as_well_as_may_be(
    emu: Emulator, client: httpx.Client, charset: str, encoding: str
) -> None:
    """Real mail has character sets that Python does not know; the service takes it."""
    body = b"SGVsbG8=" if encoding == "base64" else b"Hello \xff"
    head = f"From: a@example.com\nContent-Transfer-Encoding: {encoding}\nContent-Type: text/plain; charset={charset}"
    text = head.encode() + b"\n\n" + body
    response = client.post("/messages.mime", data={"to": "ann@example.org"}, files={"message": ("m", text)})
    assert response.status_code == 200, response.text
    (message,) = emu.messages
    assert message.mime == text
    assert message.text
    assert charset == "utf-16" or message.text.startswith("Hello")
    assert client.get(f"{emu.automations_url}/_/messages").json()["messages"][0]["text"] == message.text


def test_headers_that_cannot_be_read_do_no_harm(emu: Emulator, client: httpx.Client) -> None:
    """Python's own parser fails at some of them."""
    text = (
        b'From: Ann <a@example.com>\nSubject: \xff\nContent-Type: multipart/mixed; boundary="b"\n\n'
        b"--b\nContent-Type: text/plain; charset=\xff\n\nHello\n"
        b'--b\nContent-Type: \nContent-Disposition: attachment; filename*0*="\n\nfile\n'
        b'--b\nContent-Type: application/pdf; name=\xff\nContent-Disposition: attachment; "\n\nfile\n--b--\n'
    )
    response = client.post("/messages.mime", data={"to": "ann@example.org"}, files={"message": ("m", text)})
    assert response.status_code == 200, response.text
    (message,) = emu.messages
    assert (message.sender, message.text, len(message.attachments)) == ("a@example.com", "Hello", 2)
    assert client.get(f"{emu.automations_url}/_/messages").is_success


def test_a_multipart_without_parts_has_no_text(emu: Emulator, client: httpx.Client) -> None:
    text = (
        "From: a@example.com\nContent-Type: multipart/related; boundary=b\n\n"
        "--b\nContent-Type: multipart/related\n\nHello\n--b--\n"
    )
    assert client.post("/messages.mime", data={"to": "ann@example.org", "message": text}).status_code == 200
    assert (emu.messages[0].text, emu.messages[0].html) == (None, None)


@pytest.mark.parametrize(
    "sender", ['"', "", "<", "News", "@", '"News" <', "a@b@c", "undisclosed:;", "=?utf-8?q?", "\\"]
)
def test_a_bad_from_header_is_refused(emu: Emulator, client: httpx.Client, sender: str) -> None:
    response = client.post("/messages.mime", data={"to": "a@b.co", "message": f"From: {sender}\n\nHi"})
    assert refusal(response) == (400, "from parameter is not a valid address. please check documentation")
    assert emu.messages == []


def test_messages_are_bounded_and_all_are_counted(emu: Emulator, client: httpx.Client) -> None:
    for number in range(7):
        client.post("/messages", data={**FORM, "subject": str(number)})
    assert [message.subject for message in emu.messages] == ["2", "3", "4", "5", "6"]
    assert emu.statistics.messages == 7


def test_the_control_api_shows_and_forgets_messages(emu: Emulator, client: httpx.Client) -> None:
    where = f"{emu.automations_url}/_/messages"
    client.post("/messages", data=FORM, files={"attachment": ("a.bin", b"\xff\x00", "application/x")})
    told = client.get(where, auth=None).json()
    (shown,) = told["messages"]
    assert (told["count"], shown["subject"], shown["to"]) == (1, "Hi", ["ann@example.org"])
    assert shown["attachments"] == [{"name": "a.bin", "media_type": "application/x", "size": 2}]
    assert client.delete(where).status_code == 200
    assert emu.messages == []
    assert client.get(where).json() == {"count": 1, "messages": [], "more": False}


def test_a_repr_shows_who_and_not_what(emu: Emulator, client: httpx.Client) -> None:
    client.post("/messages", data={**FORM, "cc": "cid@example.org", "h:Reply-To": "rob@example.org"})
    assert "ann@example.org" in repr(emu.messages)
    assert "cid@example.org" in repr(emu.messages)
    assert "Hello" not in repr(emu.messages)
    assert "rob@" not in repr(emu.messages)


def test_two_emulators_share_nothing(emu: Emulator, client: httpx.Client) -> None:
    client.post("/messages", data=FORM)
    with Emulator(sending_key=emu.sending_key) as other, mailgun_client(other) as its_client:
        assert other.messages == []
        its_client.post(f"/{other.domain}/bounces", data={"address": "a@example.org"})
    with mailgun_client(emu) as own:
        assert own.get(f"/{emu.domain}/bounces").json()["items"] == []
    emu.reset()
    assert emu.messages == []


@pytest.mark.parametrize("route", ["messages", "messages.mime"])
def test_sending_can_be_made_to_fail(emu: Emulator, client: httpx.Client, route: str) -> None:
    """After `accepted`, the response is lost and the mail is not: why a client must not simply send again."""
    emu.fail_next(route, after="accepted")
    form = {**FORM, "message": "From: a@example.com\n\nHi"}
    with pytest.raises(httpx.TransportError):
        client.post(f"/{route}", data=form)
    assert len(emu.messages) == 1


@pytest.mark.parametrize("as_mime", [False, True])
def test_a_message_above_the_largest_is_413_and_not_kept(
    emu: Emulator, client: httpx.Client, monkeypatch: pytest.MonkeyPatch, as_mime: bool
) -> None:
    """Mailgun's limit of a message is 25 MB, files included; a request as such may be twice as large."""
    assert acceptance.LARGEST_MESSAGE == 25 * 1024 * 1024
    monkeypatch.setattr(acceptance, "LARGEST_MESSAGE", 1000)
    head = b"From: a@mail.example.com\r\n\r\n"
    for status, size in ((200, 1000), (413, 1001)):
        if as_mime:
            files = {"message": head + bytes(size - len(head))}
            response = client.post("/messages.mime", data={"to": "a@example.org"}, files=files)
        else:
            form = sum(len(value) for value in FORM.values())
            response = client.post("/messages", data=FORM, files={"attachment": bytes(size - form)})
        assert response.status_code == status, response.text
    assert len(emu.messages) == 1


def test_a_form_of_too_many_fields_is_refused(client: httpx.Client) -> None:
    """Millions of fields fit into a request; they would take gigabytes."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = client.post("/messages", content=b"a=b&" * 10_001, headers=headers)
    assert refusal(response) == (400, "Too many fields, max is 10000")
    parts = b"".join(b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n' for _ in range(10_001))
    multipart = {"content-type": "multipart/form-data; boundary=b"}
    assert client.post("/messages", content=parts + b"--b--\r\n", headers=multipart).status_code == 400
