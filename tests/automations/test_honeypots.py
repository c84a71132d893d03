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


def test_the_address_is_that_of_the_documents() -> None:
    honeypots = client_of(service({})).honeypots
    assert honeypots.url("4e1243bd") == "https://email.mail.example.com/4e1243bd/hclick"
    assert honeypots.url("4e1243bd", domain="other.example") == "https://email.other.example/4e1243bd/hclick"


def test_any_message_id_is_one_segment_of_the_path() -> None:
    """It must come back as the very text that the events carry."""
    address = client_of(service({})).honeypots.url(NASTY)
    parts = urlsplit(address)
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
def test_what_makes_no_address_is_refused(message_id: str, domain: str | None, argument: str) -> None:
    """A broken link in a newsletter is found out when it is too late."""
    with pytest.raises(ConfigError, match=argument):
        client_of(service({}), domain=None).honeypots.html(message_id, domain=domain)
