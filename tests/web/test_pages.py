"""Every page: its policy, its keys, what a deep link shows, light and dark, and a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from omnivery.emulator import Emulator
from tests.support.emulator import automations_client, mailgun_client
from tests.web.conftest import Tab

SECTIONS = ("messages", "events", "deliveries", "suppressions", "domains", "faults", "requests")
PAGES = ("/", *(f"/_/page/{name}" for name in SECTIONS))
ONE = ("/_/page/messages/1", "/_/page/events/1", "/_/page/deliveries/1", "/_/page/domains/mail.example.com")


@pytest.fixture(scope="module", autouse=True)
def _filled(emu: Emulator) -> None:
    with mailgun_client(emu) as client, automations_client(emu) as other:
        client.post(f"/domains/{emu.domain}/webhooks", data={"id": "delivered", "url": emu.webhook_url})
        data = {"from": f"News <news@{emu.domain}>", "subject": "Hello", "text": "Hello", "html": "<h1>Hello</h1>"}
        for to in ("ann@example.com", "bob@example.com", "hardbounce@example.com"):
            client.post(f"/{emu.domain}/messages", data={**data, "to": to}).raise_for_status()
        events = [{"ip": f"192.0.2.{n}", "uas": "Mozilla/5.0", "event_id": str(n)} for n in range(9)]
        other.post(f"/{emu.domain}/bot", json={"events": events, "webhook_url": emu.webhook_url}).raise_for_status()
    emu.wait_idle(30)


def test_a_deep_link_shows_what_it_says(tab: Tab) -> None:
    for path in (*PAGES, *ONE):
        page = tab.open(path)
        assert page.locator("h1").count() == 1
        assert page.locator("[aria-current=page]").count() >= 1
        assert page.url == f"{tab.base}{path}"


def test_a_phone_needs_no_sideways_scrolling(tab: Tab) -> None:
    tab.page.set_viewport_size({"width": 390, "height": 844})
    for path in (*PAGES, *ONE, "/_/page/messages/1?view=request", "/_/page/messages/1?view=headers"):
        page = tab.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert page.evaluate(OUTSIDE) == [], path
        assert page.locator("#nav [aria-current]").is_visible()


OUTSIDE = """() => [...document.querySelectorAll("main :not(.tabs *)")]
  .filter((node) => node.getBoundingClientRect().left >= 390).map((node) => node.outerHTML.slice(0, 80))"""


def test_axe_finds_nothing_to_complain_of(tab: Tab) -> None:
    """The rules of WCAG that a program can check: names, roles, order, contrast; in dark, contrast again."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for path in (*PAGES, *ONE, *(f"/_/page/messages/1?view={view}" for view in ("headers", "files"))):
        page = tab.open(path)
        assert axe.run(page, options={"iframes": False}).response["violations"] == [], path
        page.emulate_media(color_scheme="dark")
        contrast = axe.run(page, options={"iframes": False, "runOnly": ["color-contrast"]})
        assert contrast.response["violations"] == [], path
        page.emulate_media(color_scheme="light")


def test_the_keys_lead_everywhere(tab: Tab) -> None:
    page = tab.open("/")
    for key, path in (("m", "messages"), ("b", "events"), ("w", "deliveries"), ("s", "suppressions"), ("d", "domains")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**/_/page/{path}")
        page.wait_for_selector('#live[data-state="on"]')
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/_/page/messages")
    page.wait_for_selector('#live[data-state="on"]')
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/_/page/messages/2")
    page.keyboard.press("]")
    page.wait_for_url("**/_/page/messages/1")
    page.keyboard.press("[")
    page.wait_for_url("**/_/page/messages/2")
    page.keyboard.press("u")
    page.wait_for_url("**/_/page/messages")


def test_keys_can_be_seen_and_switched_off(tab: Tab) -> None:
    page = tab.open("/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_text("next and previous row").is_visible()
    dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert not dialog.is_visible()


def test_focus_is_visible_and_the_content_can_be_skipped_to(tab: Tab) -> None:
    page = tab.open("/_/page/messages")
    page.keyboard.press("Tab")
    skip = page.get_by_text("Skip to content")
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS_IS_SEEN), page.evaluate("document.activeElement.outerHTML")


FOCUS_IS_SEEN = """() => [document.activeElement, document.activeElement.closest("tr")].some((node) => {
  const style = node && getComputedStyle(node);
  return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
})"""


def test_the_page_keeps_no_connection_when_it_is_left(tab: Tab) -> None:
    """A browser has six connections for each server: pages kept for the back button must not use them up."""
    for _ in range(4):
        tab.open("/_/page/messages")
        tab.open("/_/page/events")
    tab.page.go_back()
    tab.page.wait_for_selector('#live[data-state="on"]')


def test_an_emulator_that_stops_and_starts_again_is_noticed(browser: Any) -> None:
    emulator = Emulator()
    with emulator, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{emulator.page_url}_/page/messages")
        page.wait_for_selector('#live[data-state="on"]')
        port = int(emulator.automations_url.rpartition(":")[2])
        emulator.stop()
        page.get_by_role("button", name="Offline").wait_for()
        with Emulator(port=port) as another, mailgun_client(another) as client:
            page.get_by_role("button", name="Live").wait_for()
            data = {"from": f"news@{another.domain}", "to": "ann@example.com", "subject": "Again", "text": "x"}
            client.post(f"/{another.domain}/messages", data=data).raise_for_status()
            page.get_by_role("link", name="Again").wait_for()


@pytest.fixture
def without_script(browser: Any, emu: Emulator) -> Iterator[Any]:
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_pages_are_complete_without_the_script(without_script: Any, emu: Emulator) -> None:
    for path in PAGES:
        without_script.goto(f"{emu.automations_url}{path}")
        assert without_script.locator("h1").count() == 1
        assert without_script.locator("#list tr, .empty, .panel, .fields").count() >= 1, path
