"""Headers of a message that speak to the service: its options, and the sender's own message id."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator
from tests.support.emulator import Hook, listening, mailgun_client

HEAD = "From: a@mail.example.com\r\nTo: click@example.org\r\nSubject: s\r\n"
BODY = "\r\nSee https://example.com/\r\n"
FORM = {"from": "a@mail.example.com", "to": "click@example.org", "subject": "s", "text": "See https://example.com/"}


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def client(emu: Emulator) -> Iterator[httpx.Client]:
    with mailgun_client(emu) as made:
        made.base_url = f"{emu.mailgun_url}/{emu.domain}"
        yield made


@pytest.fixture(scope="module")
def listener() -> Iterator[Hook]:
    with listening() as hook:
        yield hook


@pytest.fixture
def hook(listener: Hook) -> Hook:
    listener.calls.clear()
    return listener


def send_mime(client: httpx.Client, headers: str, **fields: str) -> str:
    """Send a MIME message with more headers, and return its id."""
    data = {"to": "click@example.org", "message": f"{HEAD}{headers}{BODY}", **fields}
    response = client.post("/messages.mime", data=data)
    assert response.status_code == 200, response.text
    found: str = response.json()["id"]
    return found


def test_headers_of_a_mime_message_are_options(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    """As the service's guide to sending says."""
    variables = json.dumps({"order": {"no": 7}, "kind": "new"})
    headers = f"X-OV-Callback-URL: {hook.url}/hook\r\nX-OV-Tag: a\r\nx-ov-tag: b\r\nX-OV-Variables: {variables}\r\n"
    send_mime(client, headers, **{"o:tag": "c", "v:kind": "old"})
    emu.wait_idle(30)
    assert [event["event"] for event in hook.events()] == ["delivered", "opened", "clicked"]
    for event in hook.events():
        assert event["tags"] == ["c", "a", "b"]
        # A field of the request outweighs a header.
        assert event["user-variables"] == {"order": {"no": 7}, "kind": "old"}


@pytest.mark.parametrize(
    ("header", "fields", "events"), [("false", {}, 1), ("true", {}, 3), ("false", {"o:tracking": "yes"}, 3)]
)
def test_a_header_turns_tracking_off(emu: Emulator, hook: Hook, header: str, fields: Any, events: int) -> None:
    headers = f"X-OV-Track: {header}\r\nX-OV-Callback-URL: http://127.0.0.1:9/\r\n"
    with mailgun_client(emu) as client:
        client.base_url = f"{emu.mailgun_url}/{emu.domain}"
        send_mime(client, headers, callback_url=f"{hook.url}/hook", **fields)
    emu.wait_idle(30)
    assert len(hook.events()) == events


def test_a_form_may_set_the_headers(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    more = {"h:X-OV-Callback-URL": f"{hook.url}/hook", "h:X-OV-Tag": "a", "h:X-OV-Variables": '{"order": 7}'}
    assert client.post("/messages", data={**FORM, **more}).status_code == 200
    emu.wait_idle(30)
    assert {(event["tags"][0], event["user-variables"]["order"]) for event in hook.events()} == {("a", "7")}


@pytest.mark.parametrize("variables", ["", "7", "[1]", "{", '{"a":' * 2000])
def test_variables_that_are_no_object_are_left_out(emu: Emulator, client: httpx.Client, variables: str) -> None:
    send_mime(client, f'X-OV-Variables: {variables}\r\nX-Mailgun-Variables: {{"mine": 1}}\r\n')
    assert emu.messages[0].header_options == (("v:mine", "1"),)


def test_in_a_form_mailguns_header_holds_a_templates_data(emu: Emulator, client: httpx.Client) -> None:
    """By the page of the Automations API; they are none of the sender's variables, which webhooks return."""
    client.post("/messages", data={**FORM, "h:X-Mailgun-Variables": '{"shop": "x"}', "h:X-OV-Variables": '{"mine": 1}'})
    assert emu.messages[0].header_options == (("v:mine", "1"),)


OWN = "<order-7.2026@shop.example.org>"


@pytest.mark.parametrize("name", ["h:Message-Id", "h:message-id", "h:Message-ID"])
def test_the_senders_own_message_id_is_kept(emu: Emulator, client: httpx.Client, hook: Hook, name: str) -> None:
    """Replies name it; with another id, nobody would find the message they belong to."""
    response = client.post("/messages", data={**FORM, name: OWN, "callback_url": f"{hook.url}/hook"})
    assert response.json()["id"] == OWN
    assert emu.messages[0].id == OWN
    emu.wait_idle(30)
    assert {event["message"]["headers"]["message-id"] for event in hook.events()} == {"order-7.2026"}


def test_the_message_id_of_a_mime_message_is_kept(emu: Emulator, client: httpx.Client) -> None:
    assert send_mime(client, f"Message-ID:\r\n {OWN}\r\n") == OWN
    assert send_mime(client, f"Message-ID: {OWN}\r\n", **{"h:Message-Id": "<a@b>"}) == "<a@b>"


@pytest.mark.parametrize(
    "value", ["", "order-7", "order-7@shop", "<a@b", "<a b@c>", "<a@b@c>", "<ä@b>", f"<{'a' * 1000}@b>", "<a@b> <c@d>"]
)
def test_what_is_no_message_id_gets_another(emu: Emulator, client: httpx.Client, value: str) -> None:
    made = client.post("/messages", data={**FORM, "h:Message-Id": value}).json()["id"]
    assert re.fullmatch(r"<[0-9a-f-]{36}@mail\.example\.com>", made)


def test_mailguns_webhooks_have_mailguns_spellings(hook: Hook) -> None:
    with Emulator(dialect="mailgun") as emu, mailgun_client(emu) as client:
        form = {**FORM, "callback_url": f"{hook.url}/hook"}
        sent: Any = client.post(f"/{emu.domain}/messages", data=form).json()
        emu.wait_idle(30)
    delivered, opened, _clicked = hook.events()
    for event in (delivered, opened):
        assert event["message"]["headers"]["message-id"] == sent["id"].strip("<>")
        assert event["flags"]["is-test-mode"] is False
    assert set(opened["geolocation"]) == {"country", "region", "city"}
    assert (opened["client-info"]["bot"], "suspected-bot" in opened["client-info"]) == ("", False)


def test_a_stored_message_has_its_headers_options(emu: Emulator, client: httpx.Client) -> None:
    """What the records say of a message is what was received."""
    send_mime(client, "X-OV-Tag: a\r\n", **{"o:tag": "b"})
    (message,) = emu.messages
    assert (message.options("o:tag"), message.values("o:tag")) == (["b", "a"], ["b"])
