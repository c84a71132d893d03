"""Honeypots: links that are built, quoted and escaped, and never requested."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from omnivery.errors import ConfigError
from tests.support.automations import client_of, service

NASTY = "a+b/c@d.e?x=1&y=%2F#\"><script>'"


class Link(HTMLParser):
    """What a mail program makes of a snippet."""

    def __init__(self, snippet: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.text = ""
        self.feed(snippet)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_url_is_that_of_the_page() -> None:
    honeypots = client_of(service({})).honeypots
    assert honeypots.url("4e1243bd") == "https://email.mail.example.com/4e1243bd/hclick"
    assert honeypots.url("4e1243bd", domain="other.example") == "https://email.other.example/4e1243bd/hclick"


def test_any_message_id_is_one_segment_of_the_path() -> None:
    """It must come back as the very text that the events carry."""
    parts = urlsplit(client_of(service({})).honeypots.url(NASTY))
    first, second = parts.path.removeprefix("/").split("/")
    assert (unquote(first), second) == (NASTY, "hclick")
    assert (parts.query, parts.fragment) == ("", "")


def test_the_snippet_is_one_link_that_nobody_sees_or_reaches() -> None:
    """People with a screen reader or without a mouse would pass for bots."""
    honeypots = client_of(service({})).honeypots
    link = Link(honeypots.html(NASTY, content='<img src="x"> & more'))
    assert link.tags == ["a"]
    assert link.attributes == {
        "href": honeypots.url(NASTY),
        "style": "display:none",
        "aria-hidden": "true",
        "tabindex": "-1",
    }
    assert link.text == '<img src="x"> & more'
    assert Link(honeypots.html("m1")).text == ""


PIXEL = '<img src="https://t.example/p.gif?a=1&amp;b=2" width="1" height=1 alt=\'\' hidden>'


@pytest.mark.parametrize("pixel", [PIXEL, f" {PIXEL}\n{PIXEL}", "<IMG SRC=https://t.example/p.gif />"])
def test_a_tracking_pixel_is_taken_as_it_is_and_not_hidden(pixel: str) -> None:
    """The page's most common form. A mail program does not load an image that is not displayed."""
    snippet = client_of(service({})).honeypots.html("m1", content=pixel)
    assert f">{pixel}</a>" in snippet
    link = Link(snippet)
    assert link.tags == ["a", *["img"] * pixel.lower().count("<img")]
    assert "style" not in link.attributes
    assert (link.attributes["aria-hidden"], link.attributes["tabindex"]) == ("true", "-1")


class Markup(str):
    """What markupsafe and Django have for text that is HTML."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def test_an_object_that_says_so_is_html() -> None:
    snippet = client_of(service({})).honeypots.html("m1", content=Markup("<span><b>x</b></span>"))
    assert snippet.endswith("><span><b>x</b></span></a>")
    assert "display:none" not in snippet


@pytest.mark.parametrize(
    "text",
    [
        "5 < 6 & 7",
        "<img src=x onerror=alert(1)>",
        "<img src=x ONLOAD='alert(1)'>",
        "<img/onerror=alert(1) src=x>",
        "<script>alert(1)</script>",
        "<img src=x><script>alert(1)</script>",
        "<img src=x",
        '<img src="x" <b>>',
        "<imgx>",
    ],
)
def test_all_other_text_is_escaped_and_hidden(text: str) -> None:
    link = Link(client_of(service({})).honeypots.html("m1", content=text))
    assert (link.tags, link.text) == (["a"], text)
    assert link.attributes["style"] == "display:none"


def test_nothing_is_ever_requested() -> None:
    """A request from here would be recorded as a bot's hit."""
    asked = service({})
    honeypots = client_of(asked).honeypots
    honeypots.url("m1")
    honeypots.html("m1")
    assert asked.requests == []


@pytest.mark.parametrize(
    ("message_id", "domain", "argument"),
    [
        ("", "mail.example.com", "message_id"),
        ("..", "mail.example.com", "message_id"),
        ("m1", "mail.example.com/evil", "domain"),
        ("m1", "user@evil.example", "domain"),
        ("m1", "mail.example.com ", "domain"),
        ("m1", "", "domain"),
        ("m1", None, "domain"),
    ],
)
def test_what_makes_no_url_is_refused(message_id: str, domain: str | None, argument: str) -> None:
    """A broken link in a newsletter is found out when it is too late."""
    with pytest.raises(ConfigError, match=argument):
        client_of(service({}), domain=None).honeypots.html(message_id, domain=domain)
