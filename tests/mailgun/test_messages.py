"""Sending, on the wire: what arrives, what is tried again, and what never is."""

from __future__ import annotations

import os
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve

from omnivery import AsyncAutomations, CallOptions, RetryPolicy
from omnivery.automations.messages import AsyncMessages as AutomationsMessages
from omnivery.emulator import Emulator
from omnivery.errors import AmbiguousError, BadRequestError, ConfigError, DecodeError, NotSentError, TransportError
from omnivery.mail.message import Attachment, Queued
from omnivery.mailgun.client import AsyncMailgun
from omnivery.mailgun.messages import AsyncMessages as MailgunMessages
from tests.support.message import (
    DOMAIN,
    FAST,
    QUEUED,
    Uploaded,
    automations_with,
    mailgun_with,
    message,
    read_form,
    values,
)
from tests.support.wire import Handler

pytestmark = pytest.mark.anyio

Messages = MailgunMessages | AutomationsMessages
SURFACES = ["mailgun", "automations"]


def messages_on(surface: str, handler: Handler) -> Messages:
    return (mailgun_with(handler) if surface == "mailgun" else automations_with(handler)).messages


def client_of(surface: str, emulator: Emulator, **options: Any) -> AsyncMailgun | AsyncAutomations:
    if surface == "mailgun":
        return AsyncMailgun(emulator.api_key, base_url=emulator.mailgun_url, domain=emulator.domain, **options)
    return AsyncAutomations(emulator.token, base_url=emulator.automations_url, domain=emulator.domain, **options)


def queued(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=QUEUED)


async def form_in(request: httpx.Request) -> Any:
    return await read_form(request.headers["content-type"], await request.aread())


@pytest.mark.parametrize("surface", SURFACES)
async def test_a_message_arrives_byte_by_byte(tmp_path: Path, surface: str) -> None:
    """Two attachments, one named beyond ASCII, an inline image, and both kinds of variables, over a real socket."""
    path = tmp_path / "größe übersicht.pdf"
    path.write_bytes(os.urandom(300_000))
    given = message(
        html='<img src="cid:logo.png"> %recipient.name%',
        attachments=[Attachment.from_path(path), Attachment(name="notes.txt", content=b"a\r\nb\n\x00")],
        inline=[Attachment(name="logo.png", content=b"\x89PNG\r\n\x1a\n")],
        template="welcome",
        variables={"shop": "Jörg"},
        recipient_variables={"bob@example.net": {"name": "Bob"}},
    )
    async with Emulator() as emulator, client_of(surface, emulator) as client:
        await client.messages.send(given)
    (arrived,) = emulator.messages
    assert [(file.name, file.content) for file in arrived.attachments] == [
        ("größe übersicht.pdf", path.read_bytes()),
        ("notes.txt", b"a\r\nb\n\x00"),
    ]
    assert [(file.name, file.media_type, file.content) for file in arrived.inline] == [
        ("logo.png", "image/png", b"\x89PNG\r\n\x1a\n")
    ]
    assert arrived.value("t:variables" if surface == "mailgun" else "template_variables") == '{"shop":"Jörg"}'
    assert arrived.value("recipient-variables") == '{"bob@example.net":{"name":"Bob"}}'


@pytest.mark.parametrize("surface", SURFACES)
async def test_a_lost_response_to_a_send_is_not_sent_again(surface: str) -> None:
    """A retried send is a second e-mail."""
    async with Emulator() as emulator, client_of(surface, emulator) as client:
        emulator.fail_next("messages", after="accepted", times=3)
        with pytest.raises(AmbiguousError, match="may have taken effect"):
            await client.messages.send(message(), options=FAST)
    assert len(emulator.messages) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_send_that_was_put_off_is_sent_again(status: int) -> None:
    """These statuses say that nothing was done."""
    async with Emulator() as emulator, client_of("mailgun", emulator) as client:
        emulator.fail_next("messages", status=status, times=2)
        assert (await client.messages.send(message(), options=FAST)).id == emulator.messages[0].id
    assert len(emulator.messages) == 1


async def test_attachments_are_read_again_for_a_second_attempt(tmp_path: Path) -> None:
    """The first attempt reads the file and gets no connection; the second must not send an empty one."""
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)) * 500)
    seen: list[bytes] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        seen.append(await request.aread())
        if len(seen) == 1:
            raise httpx.ConnectError("refused")
        return queued(request)

    with path.open("rb") as opened:
        files = [Attachment.from_path(path), Attachment(name="b.bin", content=opened)]
        sent = await mailgun_with(handler).messages.send(message(attachments=files), options=FAST)
    assert sent.id == QUEUED["id"]
    assert seen[0] == seen[1]
    assert seen[1].count(path.read_bytes()) == 2


async def test_a_file_that_changed_before_the_second_attempt_ends_the_call(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"four")
    attempts = 0

    def handler(_request: httpx.Request) -> httpx.Response:
        nonlocal attempts
        attempts += 1
        path.write_bytes(b"more than four")
        raise httpx.ConnectError("refused")

    with pytest.raises(ConfigError, match="changed its size"):
        await mailgun_with(handler).messages.send(message(attachments=[Attachment.from_path(path)]), options=FAST)
    assert attempts == 1


async def test_a_send_that_never_gets_out_says_so() -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(NotSentError) as caught:
        await mailgun_with(handler).messages.send(message(), options=FAST)
    assert (caught.value.attempts, caught.value.may_have_happened) == (3, False)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("words", ["'from' parameter is not allowed", "From domain does not match"])
async def test_a_400_about_from_says_what_from_must_be(surface: str, words: str) -> None:
    """The server's words leave one guessing, and this is the first thing that newcomers meet."""

    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"message": words})

    with pytest.raises(BadRequestError, match="organisational domain") as caught:
        await messages_on(surface, handler).send(message())
    assert words in str(caught.value)


async def test_another_400_gets_no_such_hint() -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"message": "to parameter is missing"})

    with pytest.raises(BadRequestError) as caught:
        await mailgun_with(handler).messages.send(message())
    assert "organisational" not in str(caught.value)


@pytest.mark.parametrize("surface", SURFACES)
async def test_what_cannot_be_sent_is_not(surface: str) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("a request went out")

    with pytest.raises(ConfigError, match=r"^subject: .*Nothing was sent\.$"):
        await messages_on(surface, handler).send(message(subject="a\r\nBcc: victim@example.org"))


@pytest.mark.parametrize(
    ("content", "receipt"),
    [
        (b"", Queued()),
        (b'{"id":"<1@x>","message":"Queued"}', Queued(id="<1@x>", message="Queued")),
        (b"Accepted", Queued(message="Accepted")),
        (b'{"status":"ok"}', Queued(extra={"status": "ok"})),
    ],
)
async def test_automations_may_respond_with_anything(content: bytes, receipt: Queued) -> None:
    """Its page shows no response."""
    client = automations_with(lambda _: httpx.Response(200, content=content))
    assert await client.messages.send(message()) == receipt


@pytest.mark.parametrize("surface", SURFACES)
async def test_a_web_page_is_no_receipt(surface: str) -> None:
    """A captive portal responds 200 to everything."""
    with pytest.raises(DecodeError):
        await messages_on(surface, lambda _: httpx.Response(200, html="<html>Log in")).send(message())


async def test_mime_is_sent_as_a_file_with_its_options() -> None:
    made = EmailMessage()
    made["From"], made["To"], made["Cc"] = f"ann@{DOMAIN}", "bob@x.net", "Cy <cy@x.net>"
    made["Bcc"], made["Subject"] = "dee@x.net", "Hello"
    made.set_content("Hi")
    seen: list[httpx.Request] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        await request.aread()
        seen.append(request)
        return queued(request)

    messages = mailgun_with(handler).messages
    await messages.send_mime(
        None,
        made,
        tags=["a", "b"],
        test_mode=True,
        tracking=False,
        headers={"X-Own": "1"},
        custom={"order": 7},
        callback_url="https://x.net/hook",
    )
    assert seen[0].url.path == f"/v3/{DOMAIN}/messages.mime"
    *fields, (name, file) = await form_in(seen[0])
    assert fields == [
        ("to", "bob@x.net"),
        ("to", "cy@x.net"),
        ("to", "dee@x.net"),
        ("o:tag", "a"),
        ("o:tag", "b"),
        ("o:testmode", "yes"),
        ("o:tracking", "no"),
        ("h:X-Own", "1"),
        ("v:order", "7"),
        ("callback_url", "https://x.net/hook"),
    ]
    del made["Bcc"]
    whole = made.as_bytes(policy=made.policy.clone(linesep="\r\n"))
    assert (name, file) == ("message", Uploaded("message.mime", "message/rfc822", whole))


async def test_mime_goes_to_the_named_recipients_and_its_blind_copies_are_still_taken_out() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        form = await form_in(request)
        assert values(form, "to") == ['"Eve" <eve@x.net>']
        assert b"dee" not in values(form, "message")[0].content  # type: ignore[union-attr]  # it is a file
        return queued(request)

    text = "To: bob@x.net\nBcc: dee@x.net\n\nHi"
    assert (await mailgun_with(handler).messages.send_mime(("Eve", "eve@x.net"), text)).id == QUEUED["id"]


@pytest.mark.parametrize(
    "options",
    [{"headers": {"X": 5.5}}, {"headers": 5}, {"tags": 5}, {"custom": [1]}, {"callback_url": 5}, {"tracking": []}],
    ids=str,
)
async def test_an_option_of_mime_that_cannot_be_is_an_error_of_the_set_up(options: dict[str, Any]) -> None:
    """As it is for `send`: callers catch one error."""
    with pytest.raises(ConfigError, match=r"Nothing was sent\.$"):
        await mailgun_with(queued).messages.send_mime("a@x.net", "To: a@x.net\n\nHi", **options)


async def test_mime_whose_recipients_cannot_be_read_needs_them_named() -> None:
    mime = "To: a@x.net; b@x.net\n\nHi"
    with pytest.raises(ConfigError, match="pass to="):
        await mailgun_with(queued).messages.send_mime(None, mime)
    assert (await mailgun_with(queued).messages.send_mime(["a@x.net", "b@x.net"], mime)).id == QUEUED["id"]


@pytest.mark.parametrize(
    ("to", "mime"), [(None, "Subject: x\n\nHi"), ([], "To: a@x.net\n\nHi"), ("", "To: a@x.net\n\nHi"), (None, "")]
)
async def test_mime_without_recipient_or_content_is_not_sent(to: Any, mime: str) -> None:
    with pytest.raises(ConfigError, match=r"Nothing was sent\.$"):
        await mailgun_with(queued).messages.send_mime(to, mime)


async def test_mime_is_sent_once() -> None:
    async with Emulator() as emulator, client_of("mailgun", emulator) as client:
        assert isinstance(client, AsyncMailgun)
        emulator.fail_next("messages.mime", after="accepted")
        with pytest.raises(AmbiguousError):
            await client.messages.send_mime(None, f"From: a@{emulator.domain}\nTo: b@x.net\n\nHi", options=FAST)
    (arrived,) = emulator.messages
    assert arrived.mime == f"From: a@{emulator.domain}\r\nTo: b@x.net\r\n\r\nHi".encode()


async def test_no_error_names_a_recipient() -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("broken")

    once = CallOptions(retry=RetryPolicy(attempts=1))
    with pytest.raises(TransportError) as caught:
        await mailgun_with(handler).messages.send(evolve(message(), to="secret@x.net"), options=once)
    assert "secret" not in f"{caught.value!r} {caught.value}"
