"""Messages as each surface takes them, and what is refused before anything is sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from email.headerregistry import Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from attrs import evolve, fields

from omnivery.errors import ConfigError
from omnivery.mail.form import Surface, encode
from omnivery.mail.message import Attachment, Message, Queued
from tests.support.message import (
    Uploaded,
    content_of,
    form_of,
    message,
    values,
)

MAILGUN, AUTOMATIONS = Surface.MAILGUN, Surface.AUTOMATIONS
NOTHING_SENT = r"Nothing was sent\.$"


class Hostile(dict[str, str]):
    """A mapping of somebody's own, which fails in a way of its own."""

    def items(self) -> Any:
        raise LookupError("a@x.net")


def fields_of(given: Message) -> list[tuple[str, str]]:
    """The fields of a message on the Mailgun surface, without files."""
    return parse_qsl(content_of(encode(given, MAILGUN)).decode(), keep_blank_values=True)


def options_of(**changes: Any) -> list[tuple[str, str]]:
    """What an option adds to the plain message."""
    return [pair for pair in fields_of(message(**changes)) if pair not in fields_of(message())]


def test_a_message_without_files_is_a_url_encoded_form_on_mailgun() -> None:
    body = encode(message(from_=("Ann", "ann@mail.example.com"), text="Grüße & mehr"), MAILGUN)
    assert body.content_type == "application/x-www-form-urlencoded"
    assert body.content == (
        b"from=%22Ann%22+%3Cann%40mail.example.com%3E&to=bob%40example.net&subject=Hello&text=Gr%C3%BC%C3%9Fe+%26+mehr"
    )


def test_a_message_is_always_multipart_on_automations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "limit")
    body = encode(message(text="Grüße"), AUTOMATIONS)
    assert body.content_type == "multipart/form-data; boundary=limit"
    assert isinstance(body.content, bytes)
    assert body.content.decode() == (
        '--limit\r\nContent-Disposition: form-data; name="from"\r\n\r\nann@mail.example.com\r\n'
        '--limit\r\nContent-Disposition: form-data; name="to"\r\n\r\nbob@example.net\r\n'
        '--limit\r\nContent-Disposition: form-data; name="subject"\r\n\r\nHello\r\n'
        '--limit\r\nContent-Disposition: form-data; name="text"\r\n\r\nGrüße\r\n'
        "--limit--\r\n"
    )


def test_each_recipient_is_a_field_of_its_own() -> None:
    given = message(to=["a@x.net", ("Doe, Bo", "b@x.net")], cc="c@x.net", bcc=[Address("D", "d", "x.net"), "e@x.net"])
    assert [pair for pair in fields_of(given) if pair[0] in {"to", "cc", "bcc"}] == [
        ("to", "a@x.net"),
        ("to", '"Doe, Bo" <b@x.net>'),
        ("cc", "c@x.net"),
        ("bcc", "D <d@x.net>"),
        ("bcc", "e@x.net"),
    ]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"reply_to": [("A", "a@x.net"), "b@x.net"]}, [("reply_to", '"A" <a@x.net>, b@x.net')]),
        ({"html": "<p>", "amp_html": "<html amp4email>"}, [("html", "<p>"), ("amp-html", "<html amp4email>")]),
        ({"template": "w", "template_version": "v2"}, [("template", "w"), ("t:version", "v2")]),
        ({"template_text": True}, [("t:text", "yes")]),
        ({"tags": ["a", "b"]}, [("o:tag", "a"), ("o:tag", "b")]),
        ({"tags": "spring sale"}, [("o:tag", "spring sale")]),
        ({"test_mode": True}, [("o:testmode", "yes")]),
        ({"test_mode": False}, []),
        ({"tracking": False}, [("o:tracking", "no")]),
        ({"tracking_opens": True}, [("o:tracking-opens", "yes")]),
        ({"tracking_clicks": "htmlonly"}, [("o:tracking-clicks", "htmlonly")]),
        ({"tracking_clicks": False}, [("o:tracking-clicks", "no")]),
        ({"dkim": True}, [("o:dkim", "yes")]),
        ({"require_tls": True}, [("o:require-tls", "yes")]),
        ({"skip_verification": False}, [("o:skip-verification", "no")]),
        ({"delivery_time": 1767225600}, [("o:deliverytime", "1767225600")]),
        (
            {"delivery_time": datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=2)))},
            [("o:deliverytime", "Thu, 01 Jan 2026 09:00:00 +0200")],
        ),
        ({"headers": {"X-Own": "ü, 1"}}, [("h:X-Own", "ü, 1")]),
        (
            {"custom": {"order": "7", "link.url": {"a": [1, None]}}},
            [("v:order", "7"), ("v:link.url", '{"a":[1,null]}')],
        ),
        ({"callback_url": "https://x.net/hook"}, [("callback_url", "https://x.net/hook")]),
        ({"options": {"time-zone-localize": "09:00", "o:x": "1"}}, [("o:time-zone-localize", "09:00"), ("o:x", "1")]),
    ],
)
def test_an_option_is_sent_under_the_apis_own_name(changes: dict[str, Any], fields: list[tuple[str, str]]) -> None:
    assert options_of(**changes) == fields


@pytest.mark.anyio
async def test_variables_have_the_names_of_their_surface() -> None:
    """The two pages name the template's variables differently."""
    given = message(
        template="welcome", variables={"name": "Jörg"}, recipient_variables={"bob@example.net": {"url": {"link": "u"}}}
    )
    on_mailgun = dict(fields_of(evolve(given, substitutions={"%x%": "y"})))
    on_automations = await form_of(encode(given, AUTOMATIONS))
    assert json.loads(on_mailgun["t:variables"]) == {"name": "Jörg"}
    assert json.loads(on_mailgun["substitutions"]) == {"%x%": "y"}
    assert json.loads(on_mailgun["recipient-variables"]) == {"bob@example.net": {"url": {"link": "u"}}}
    assert values(on_automations, "template_variables") == ['{"name":"Jörg"}']
    assert values(on_automations, "recipient-variables") == ['{"bob@example.net":{"url":{"link":"u"}}}']
    assert not values(on_automations, "t:variables")


@pytest.mark.anyio
@pytest.mark.parametrize("surface", Surface)
async def test_files_arrive_as_they_are(tmp_path: Path, surface: Surface) -> None:
    """Two attachments, one of them with letters beyond ASCII in its name, and an image for the HTML."""
    path = tmp_path / "größe übersicht.pdf"
    path.write_bytes(bytes(range(256)) * 999)
    given = message(
        html='<img src="cid:logo.png">',
        attachments=[Attachment.from_path(path), Attachment(name="notes.txt", content="Grüße".encode())],
        inline=[Attachment(name="logo.png", content=b"\x89PNG\r\n\x1a\n")],
        variables={"a": 1},
        recipient_variables={"bob@example.net": {"n": "1"}},
    )
    found = await form_of(encode(given, surface))
    assert values(found, "attachment") == [
        Uploaded("größe übersicht.pdf", "application/pdf", path.read_bytes()),
        Uploaded("notes.txt", "text/plain; charset=utf-8", "Grüße".encode()),
    ]
    assert values(found, "inline") == [Uploaded("logo.png", "image/png", b"\x89PNG\r\n\x1a\n")]
    assert values(found, "recipient-variables") == ['{"bob@example.net":{"n":"1"}}']


@pytest.mark.anyio
@pytest.mark.parametrize("surface", Surface)
async def test_the_domain_is_never_a_field(surface: Surface) -> None:
    """It stands in the path; a second one in the body could contradict it."""
    assert not values(await form_of(encode(message(), surface)), "domain")


@pytest.mark.parametrize("surface", Surface)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": []}, "to"),
        ({"to": (), "cc": "c@x.net"}, "to"),
        ({"from_": ""}, "from_"),
        ({"from_": []}, "from_"),
        ({"from_": ["a@x.net", "b@x.net"]}, "from_"),
        ({"text": None}, "text, html, amp_html, template"),
        ({"text": "", "html": ""}, "text, html, amp_html, template"),
        ({"to": [f"r{n}@x.net" for n in range(999)], "cc": "c@x.net", "bcc": "d@x.net"}, "to, cc, bcc"),
        ({"to": ", ".join(f"r{n}@x.net" for n in range(1001))}, "to, cc, bcc"),
        ({"subject": "Hello\r\nBcc: victim@x.net"}, "subject"),
        ({"from_": "Ann\r\nBcc: victim@x.net <ann@x.net>"}, "from_"),
        ({"reply_to": "a@x.net\nBcc: victim@x.net"}, "reply_to"),
        ({"headers": {"X-Own": "1\r\nBcc: victim@x.net"}}, "headers"),
        ({"headers": {"X-Own\r\nBcc": "victim@x.net"}}, "headers"),
        ({"headers": {"X Own": "1"}}, "headers"),
        ({"headers": {"X-Größe": "1"}}, "headers"),
        ({"headers": {"": "1"}}, "headers"),
        ({"tags": ["a\nb"]}, "tags"),
        ({"custom": {"x": b"bytes"}}, "custom"),
        ({"variables": {"x": object()}}, "variables"),
        ({"recipient_variables": {"a@x.net": {"x": object()}}}, "recipient_variables"),
        ({"callback_url": "ftp://x.net"}, "callback_url"),
        ({"text": "half \ud800 of it"}, "text"),
        ({"to": 5}, "to"),
        ({"to": ""}, "to"),
        ({"to": "a@x.net; b@x.net"}, "to"),
        ({"text": 5}, "text"),
        ({"options": {"x": 5}}, "options"),
        ({"custom": 5}, "custom"),
        ({"variables": ["abc"]}, "variables"),
        ({"variables": 5}, "variables"),
        ({"substitutions": ["abc"]}, "substitutions"),
        ({"recipient_variables": ["abc"]}, "recipient_variables"),
        ({"recipient_variables": {"bob@example.net": "abc"}}, "recipient_variables"),
        ({"recipient_variables": {5: {}}}, "recipient_variables"),
        ({"recipient_variables": {"a@x.net": {}}}, "recipient_variables"),
        ({"recipient_variables": {"Bob <bob@example.net>": {}}}, "recipient_variables"),
        ({"recipient_variables": {"bob@example.net": {}, "BOB@example.net": {}}}, "recipient_variables"),
        ({"to": "Ann <@>", "recipient_variables": {}}, "to"),
        ({"headers": Hostile({"X": "1"})}, "headers"),
        ({"attachments": [Attachment(name="x", content=Path("/nowhere/x"))]}, "attachment"),
    ],
)
def test_what_is_certain_to_be_refused_is_not_sent(surface: Surface, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError, match=NOTHING_SENT) as caught:
        encode(message(**changes), surface)
    assert str(caught.value).startswith(f"{field}:")
    assert "x.net" not in str(caught.value)


ILL_TYPED: dict[str, list[Any]] = {
    "from_": [5, ["a@x.net", 5]],
    "to": [5, [5], {"a@x.net": 1}, b"a@x.net"],
    "cc": [5, [("Ann", 5)]],
    "bcc": [5],
    "reply_to": [5],
    "subject": [5, b"hello", ["hello"]],
    "text": [5, b"hello", ["hello"]],
    "html": [5],
    "amp_html": [5],
    "attachments": [5, "a.txt", Attachment(name="a.txt", content=b"1"), [Path("a.txt")], [b"1"], {"a.txt": b"1"}],
    "inline": [5, [5]],
    "template": [5],
    "template_version": [5],
    "template_text": [5, "maybe"],
    "variables": [5, "x", [("a", 1)], {"x": {1, 2}}],
    "substitutions": [5],
    "recipient_variables": [5, {"bob@example.net": 5}],
    "tags": [5, [5], {"a": 1}, [None], b"tag"],
    "test_mode": ["maybe", "htmlonly", "", 5, 1, 0, None],
    "tracking": ["maybe", 5],
    "tracking_opens": [5],
    "tracking_clicks": ["html", 5],
    "dkim": [5],
    "delivery_time": ["tomorrow", 1.5, True],
    "require_tls": [5],
    "skip_verification": [5],
    "headers": [5, {"X": 5.5}, {"X": True}, {"X": None}, {5: "x"}, [("X", "1")]],
    "custom": [5, {5: "x"}, {"x": object()}],
    "callback_url": [5, b"https://x.net"],
    "options": [5, {"tag": 5}, {5: "x"}],
}


@pytest.mark.parametrize("field", ILL_TYPED)
def test_an_ill_typed_field_is_named_by_its_name(field: str) -> None:
    """With thirty fields, "'int' object is not iterable" names none."""
    for value in ILL_TYPED[field]:
        with pytest.raises(ConfigError, match=NOTHING_SENT) as caught:
            encode(message(**{field: value}), MAILGUN)
        assert str(caught.value).startswith(f"{field}:"), value


def test_every_field_that_has_a_type_is_among_them() -> None:
    assert ILL_TYPED.keys() == {field.name for field in fields(Message)}


@pytest.mark.parametrize(("value", "sent"), [("no", []), ("False", []), ("yes", [("o:testmode", "yes")])])
def test_a_text_that_switches_the_test_mode_off_does_so(value: Any, sent: list[tuple[str, str]]) -> None:
    """As an environment variable has it: taken for true, the message would be delivered to nobody."""
    assert options_of(test_mode=value) == sent


def test_a_whole_number_may_be_a_headers_value() -> None:
    """The page's own table types some headers as integers."""
    assert options_of(headers={"X-User": 5, "X-Zero": 0}) == [("h:X-User", "5"), ("h:X-Zero", "0")]


def test_two_senders_in_one_text_are_two() -> None:
    with pytest.raises(ConfigError, match=r"^from_: expected one sender, not 2"):
        encode(message(from_="ann@x.net, bob@x.net"), MAILGUN)


@pytest.mark.parametrize("moment", [datetime(2026, 1, 1), "tomorrow", True, 1.5])  # noqa: DTZ001  # the very mistake
def test_a_delivery_time_is_a_moment_and_not_a_guess(moment: Any) -> None:
    with pytest.raises(ConfigError, match=r"^delivery_time: .*Nothing was sent\.$"):
        encode(message(delivery_time=moment), MAILGUN)


def test_a_thousand_recipients_are_not_too_many() -> None:
    """The name with a comma is one recipient."""
    given = [f"r{n}@x.net" for n in range(999)]
    assert len(fields_of(message(to=[*given, '"Doe, Ann" <a@x.net>']))) == 1003


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"substitutions": {}}, "substitutions"),
        ({"delivery_time": datetime(2026, 1, 1, tzinfo=UTC)}, "delivery_time"),
        ({"dkim": False}, "dkim"),
        ({"require_tls": True, "skip_verification": True}, "require_tls, skip_verification"),
        ({"template_version": "1", "template_text": True}, "template_version, template_text"),
        ({"tracking_clicks": "htmlonly"}, 'tracking_clicks="htmlonly"'),
    ],
)
def test_automations_refuses_what_it_has_not(changes: dict[str, Any], name: str) -> None:
    """Dropped in silence, a message for tomorrow would go out today."""
    with pytest.raises(ConfigError, match=f"^{name}: the Automations API has no such option"):
        encode(message(**changes), AUTOMATIONS)


@pytest.mark.anyio
async def test_automations_gets_raw_options_whatever_they_are() -> None:
    found = await form_of(encode(message(tracking_clicks=True, options={"dkim": "yes"}), AUTOMATIONS))
    assert values(found, "o:tracking-clicks") == ["yes"]
    assert values(found, "o:dkim") == ["yes"]


def test_no_recipient_is_left_without_variables() -> None:
    """Without an entry a recipient would read the addresses of all; and an entry is found by its exact spelling."""
    given = message(
        to=["Ann <Ann@X.net>", "b@x.net, c@x.net", ("D, E", "d@x.net")], recipient_variables={"ann@x.net": {"n": 1}}
    )
    assert json.loads(dict(fields_of(given))["recipient-variables"]) == {
        "Ann@X.net": {"n": 1},
        "b@x.net": {},
        "c@x.net": {},
        "d@x.net": {},
    }
    assert json.loads(dict(fields_of(evolve(given, recipient_variables={})))["recipient-variables"])["b@x.net"] == {}


def test_an_empty_text_is_no_recipient() -> None:
    with pytest.raises(ConfigError, match=r"^to: there is no recipient"):
        encode(message(to=""), MAILGUN)
    assert not [pair for pair in fields_of(message(cc="", reply_to="")) if pair[0] in {"cc", "reply_to"}]


def test_reserved_headers_pass() -> None:
    """The system sets them; whether yours survives is its matter."""
    assert options_of(headers={"List-Unsubscribe": "<https://x.net>"}) == [("h:List-Unsubscribe", "<https://x.net>")]


def test_reprs_show_who_and_what_about_and_no_body() -> None:
    """A body may have a link in it that resets a password."""
    given = message(cc="cid@x.net", html="secret", template="welcome", custom={"secret": "secret"}, text="secret")
    assert repr(given) == (
        "Message(from_='ann@mail.example.com', to='bob@example.net', cc='cid@x.net', subject='Hello', "
        "template='welcome')"
    )
    assert "secret" not in repr(Queued(id="<1@x.net>", extra={"to": "secret"}))
