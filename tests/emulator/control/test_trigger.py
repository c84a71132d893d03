"""Webhook calls on demand."""

from __future__ import annotations

import httpx
import pytest

from omnivery.emulator import Emulator
from tests.support.emulator import listening


def test_it_goes_to_the_own_receiver_unless_there_is_another(emu: Emulator, control: httpx.Client) -> None:
    made = control.post("/_/trigger/verdicts", json={"fields": {"campaign": "c1"}})
    assert (made.status_code, made.json()["urls"]) == (202, [emu.webhook_url])
    emu.wait_idle(30)
    assert [(verdict.is_bot, verdict.attributes["campaign"]) for verdict in emu.verdicts] == [
        (True, "c1"),
        (False, "c1"),
    ]


def test_it_goes_to_the_urls_of_the_domain(emu: Emulator, control: httpx.Client, mailgun: httpx.Client) -> None:
    with listening() as hook:
        urls = [f"{hook.url}/hook", f"{hook.url}/other"]
        mailgun.post("/domains/mail.example.com/webhooks", data={"id": "hardbounced", "url": urls}).raise_for_status()
        hook.calls.clear()
        made = control.post("/_/trigger/bounce", json={"fields": {"recipient": "me@example.com"}}).json()
        assert made["urls"] == urls
        emu.wait_idle(30)
        assert sorted(path for path, _ in hook.calls) == ["/hook", "/other"]
        assert hook.events()[0]["recipient"] == "me@example.com"
        given = control.post("/_/trigger/bounce", json={"url": f"{hook.url}/mine"}).json()
        assert given["urls"] == [f"{hook.url}/mine"]


@pytest.mark.parametrize(
    ("kind", "options", "status", "words"),
    [
        ("nothing", {}, 404, "there are accepted, delivered"),
        ("opened", {"url": "x"}, 400, "url must be"),
        ("opened", {"fields": [1]}, 400, "fields must be a JSON object"),
        ("opened", {"fields": {"recipient.x": 1}}, 400, "recipient is not an object"),
        ("opened", {"domain": 1}, 400, "domain must be text"),
        ("opened", {"domain": "unknown.example"}, 404, "Domain not found"),
        ("opened", {"filds": {}}, 400, "no parameter is named 'filds'"),
        ("opened", [], 400, "the body must be a JSON object"),
    ],
)
def test_what_is_wrong_is_said(control: httpx.Client, kind: str, options: object, status: int, words: str) -> None:
    response = control.post(f"/_/trigger/{kind}", json=options)
    assert (response.status_code, words in response.json()["message"]) == (status, True), response.text
