"""Messages from Mailgun's own field names, as migrants have them: nothing is lost, and nothing is guessed."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from omnivery import AsyncAutomations, AsyncMailgun, Attachment, Mailgun, Message
from omnivery.emulator import Emulator
from omnivery.errors import ConfigError
from omnivery.mail.form import Surface, encode
from tests.support.message import DOMAIN, QUEUED, automations_with, content_of, form_of, mailgun_with, values

pytestmark = pytest.mark.anyio

PLAIN = {"from": f"Ann <ann@{DOMAIN}>", "to": "bob@example.net", "subject": "Hello", "text": "Hi"}


def sent(form: Any) -> list[tuple[str, str]]:
    return parse_qsl(content_of(encode(Message.from_form(form), Surface.MAILGUN)).decode(), keep_blank_values=True)


FIELDS: list[tuple[str, Any, list[str]]] = [
    ("cc", ["c@x.net", "Doe <d@x.net>"], ["c@x.net", "Doe <d@x.net>"]),
    ("bcc", ("c@x.net", "d@x.net"), ["c@x.net", "d@x.net"]),
    ("reply_to", "r@x.net", ["r@x.net"]),
    ("html", "<p>", ["<p>"]),
    ("amp-html", "<html amp4email>", ["<html amp4email>"]),
    ("template", "welcome", ["welcome"]),
    ("t:version", "v2", ["v2"]),
    ("t:text", "yes", ["yes"]),
    ("t:variables", '{"a": [1, "x"]}', ['{"a":[1,"x"]}']),
    ("t:variables", {"a": 1}, ['{"a":1}']),
    ("substitutions", '{"%x%": "y"}', ['{"%x%":"y"}']),
    ("recipient-variables", '{"bob@example.net": {"n": 1}}', ['{"bob@example.net":{"n":1}}']),
    ("recipient-variables", {}, ['{"bob@example.net":{}}']),
    ("o:tag", "one", ["one"]),
    ("o:tag", ["one", "two"], ["one", "two"]),
    ("o:testmode", "yes", ["yes"]),
    ("o:testmode", True, ["yes"]),
    ("o:testmode", "no", []),
    ("o:tracking", False, ["no"]),
    ("o:tracking", "True", ["yes"]),
    ("o:tracking-opens", "no", ["no"]),
    ("o:tracking-clicks", "htmlonly", ["htmlonly"]),
    ("o:dkim", "no", ["no"]),
    ("o:require-tls", "true", ["yes"]),
    ("o:skip-verification", False, ["no"]),
    ("o:deliverytime", "Thu, 01 Jan 2026 09:00:00 +0200", ["Thu, 01 Jan 2026 09:00:00 +0200"]),
    ("o:deliverytime", 1767225600, ["1767225600"]),
    ("o:deliverytime", "1767225600", ["1767225600"]),
    ("o:deliverytime", datetime(2026, 1, 1, tzinfo=UTC), ["Thu, 01 Jan 2026 00:00:00 +0000"]),
    ("o:time-zone-localize", "09:00", ["09:00"]),
    ("h:X-My-Header", "x", ["x"]),
    ("h:X-Number", 5, ["5"]),
    ("h:X-Mailgun-Variables", '{"a": 1}', ['{"a": 1}']),
    ("v:my-var", '{"a": 1}', ['{"a": 1}']),
    ("v:link.url", {"a": 1}, ['{"a":1}']),
    ("callback_url", "https://x.net/hook", ["https://x.net/hook"]),
]


@pytest.mark.parametrize(("name", "given", "expected"), FIELDS, ids=lambda value: str(value)[:30])
def test_a_field_is_sent_under_its_own_name(name: str, given: Any, expected: list[str]) -> None:
    fields = sent({**PLAIN, name: given})
    assert [value for key, value in fields if key == name] == expected
    assert [pair for pair in fields if pair[0] != name] == [pair for pair in sent(PLAIN) if pair[0] != name]


def test_pairs_may_repeat_a_name() -> None:
    """As `requests` takes a form that repeats a field."""
    pairs = [*PLAIN.items(), ("to", "c@x.net"), ("o:tag", "one"), ("o:tag", "two"), ("v:a", "1")]
    fields = sent(pairs)
    assert [value for key, value in fields if key == "to"] == ["bob@example.net", "c@x.net"]
    assert [value for key, value in fields if key == "o:tag"] == ["one", "two"]
    assert fields == sent({**PLAIN, "to": ["bob@example.net", "c@x.net"], "o:tag": ["one", "two"], "v:a": "1"})


def test_reply_to_is_a_header_of_mailguns_and_a_field_here() -> None:
    assert ("reply_to", "r@x.net") in sent({**PLAIN, "h:Reply-To": "r@x.net"})
    assert ("reply_to", "r@x.net") in sent({**PLAIN, "h:reply-to": "r@x.net"})
    with pytest.raises(ConfigError, match="another field has the same meaning"):
        sent({**PLAIN, "h:Reply-To": "r@x.net", "reply_to": "s@x.net"})


async def test_files_come_as_attachments_as_paths_and_as_requests_has_them(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"notes")
    files = [
        path,
        ("a.csv", b"a,b"),
        ("b.bin", io.BytesIO(b"\1"), "x/y"),
        ("c.txt", "text"),
        Attachment(name="d", content=b""),
    ]
    given = Message.from_form({**PLAIN, "attachment": files, "inline": ("logo.png", b"png")})
    found = await form_of(encode(given, Surface.MAILGUN))
    shown = [(one.filename, one.content) for one in values(found, "attachment") if not isinstance(one, str)]
    assert shown == [("notes.txt", b"notes"), ("a.csv", b"a,b"), ("b.bin", b"\1"), ("c.txt", b"text"), ("d", b"")]
    assert [one.filename for one in values(found, "inline") if not isinstance(one, str)] == ["logo.png"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"to": "b@x.net", "text": "t"}, "'from': the message has no sender"),
        ({**PLAIN, "from_": "a@x.net"}, "'from_': .*It is 'from' here"),
        ({**PLAIN, "attachments": []}, "'attachments': .*It is 'attachment' here"),
        ({**PLAIN, "domain": "d.example"}, "'domain': .*argument of its own"),
        ({**PLAIN, "surprise": 1}, "'surprise': Mailgun's messages have no such field"),
        ({**PLAIN, "o:": 1}, "'o:': Mailgun's messages have no such field"),
        ({**PLAIN, "subject": ["a", "b"]}, "'subject': expected one value, not 2"),
        ({**PLAIN, "o:tracking": "maybe"}, "'o:tracking': expected yes or no"),
        ({**PLAIN, "o:testmode": 5}, "'o:testmode': expected yes or no"),
        ({**PLAIN, "o:dkim": "htmlonly"}, "'o:dkim': expected yes or no"),
        ({**PLAIN, "o:deliverytime": "tomorrow"}, "'o:deliverytime': expected a date"),
        ({**PLAIN, "t:variables": "{"}, "'t:variables': expected a JSON object"),
        ({**PLAIN, "t:variables": "{}", "template_variables": "{}"}, "another field has the same meaning"),
        ({**PLAIN, "attachment": "a.txt"}, "attachment, inline: expected"),
        ({**PLAIN, "attachment": ("a.txt",)}, "attachment, inline: expected"),
        ([*PLAIN.items(), (5, "x")], "names of a form's fields"),
        (5, "message: "),
    ],
)
def test_what_is_not_understood_is_an_error_that_names_the_field(form: Any, words: str) -> None:
    """Left out in silence, an option would be lost in the move."""
    with pytest.raises(ConfigError, match=words) as caught:
        Message.from_form(form)
    assert str(caught.value).endswith("Nothing was sent.")
    assert "x.net" not in str(caught.value)


async def test_both_surfaces_take_the_mapping_as_it_is() -> None:
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=QUEUED)

    form = {**PLAIN, "o:tag": ["a", "b"], "h:X-Id": 7, "v:order": "17"}
    for client in (mailgun_with(handler), automations_with(handler)):
        assert (await client.messages.send(form)).id == QUEUED["id"]
        with pytest.raises(ConfigError, match=r"^message: expected a Message, or a mapping.*, not int"):
            await client.messages.send(5)  # type: ignore[arg-type]
        report = await client.messages.send_batch({**form, "to": []}, {"c@x.net": {}})
        report.raise_for_failures()
    assert dict(parse_qsl(requests[0].content.decode()))["h:X-Id"] == "7"
    assert b'name="v:order"\r\n\r\n17' in requests[2].content


async def test_the_emulator_takes_what_a_migrant_sends() -> None:
    form = {"to": "ann@example.org", "subject": "s", "html": "<p>", "o:tag": ["a", "b"], "v:x": "1"}
    async with Emulator() as emulator:
        full = {**form, "from": f"News <news@{emulator.domain}>"}
        async with AsyncMailgun(emulator.api_key, base_url=emulator.mailgun_url, domain=emulator.domain) as mailgun:
            await mailgun.messages.send(full)
        url = emulator.automations_url
        async with AsyncAutomations(emulator.token, base_url=url, domain=emulator.domain) as automations:
            await automations.messages.send(full)
    assert [message.values("o:tag") for message in emulator.messages] == [["a", "b"]] * 2


def test_the_synchronous_client_takes_it_too() -> None:
    with (
        Emulator() as emulator,
        Mailgun(emulator.api_key, base_url=emulator.mailgun_url, domain=emulator.domain) as client,
    ):
        client.messages.send({"from": f"a@{emulator.domain}", "to": "b@x.net", "text": "t"})
    assert len(emulator.messages) == 1
