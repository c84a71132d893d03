"""Webhooks: attempts as they are made, and sending one again."""

from __future__ import annotations

from omnivery.emulator import Emulator
from omnivery.webhooks import verify
from tests.support.emulator import Hook, mailgun_client
from tests.web.conftest import Tab

WEBHOOKS = "/_/page/deliveries"


def send(emu: Emulator, url: str) -> None:
    with mailgun_client(emu) as client:
        data = {"from": f"n@{emu.domain}", "to": "ann@example.com", "subject": "Hi", "text": "x", "callback_url": url}
        client.post(f"/{emu.domain}/messages", data=data).raise_for_status()


def test_a_webhook_is_sent_again_to_its_url_and_to_another(tab: Tab, emu: Emulator, hook: Hook) -> None:
    page = tab.open(WEBHOOKS)
    assert page.get_by_role("heading", name="No webhook yet").is_visible()
    send(emu, f"{hook.url}/gone")
    page.get_by_text("given up · 404").wait_for()
    page.get_by_role("link", name="/gone").click()
    page.get_by_role("heading", name="1 attempt").wait_for()
    page.get_by_role("button", name="Send again").click()
    page.get_by_text("Sent again").wait_for()
    emu.wait_idle(30)
    assert [path for path, _ in hook.calls] == ["/gone", "/gone"]
    page.get_by_label("URL").fill(f"{hook.url}/other")
    page.get_by_label("URL").press("Enter")
    page.keyboard.press("Escape")
    page.locator('[data-count="deliveries"]', has_text="3").wait_for()
    emu.wait_idle(30)
    path, body = hook.calls[-1]
    assert path == "/other"
    verify(body, emu.signing_key)
    tab.open(f"{WEBHOOKS}?state=delivered")
    page.get_by_role("link", name="/other").click()
    page.get_by_role("link", name="webhook 1").wait_for()


def test_a_url_that_is_none_is_refused_in_words(tab: Tab, emu: Emulator) -> None:
    page = tab.open(f"{WEBHOOKS}/1")
    page.get_by_label("URL").fill("ftp://example.com/")
    page.get_by_label("URL").press("Enter")
    page.get_by_text("url must be an http or https URL").wait_for()
    tab.complaints.clear()  # the browser reports the refusal, too


def test_an_example_of_any_kind_is_sent(tab: Tab, emu: Emulator, hook: Hook) -> None:
    page = tab.open(WEBHOOKS)
    page.get_by_text("Send an example").click()
    page.get_by_label("Kind").select_option("clicked")
    page.get_by_label("URL", exact=True).fill(f"{hook.url}/hook")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("The example is sent").wait_for()
    emu.wait_idle(30)
    assert [event["event"] for event in hook.events()] == ["clicked"]
