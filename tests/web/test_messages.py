"""Messages: rows that come in, search, tags, paging, deep links; and 100,000 of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator
from omnivery.emulator.message import StoredMessage
from tests.support.emulator import mailgun_client
from tests.web.conftest import Tab

MESSAGES = "/_/page/messages"


def send(emu: Emulator, subject: str, *, files: Any = None, **fields: Any) -> None:
    with mailgun_client(emu) as client:
        data = {"from": f"News <news@{emu.domain}>", "to": "ann@example.com", "subject": subject, "text": "Hello"}
        client.post(f"/{emu.domain}/messages", data={**data, **fields}, files=files).raise_for_status()


@pytest.fixture(autouse=True)
def _empty(emu: Emulator) -> Iterator[None]:
    yield
    emu.reset()


def subjects(page: Any) -> list[str]:
    return [str(text) for text in page.locator("#list a.open").all_inner_texts()]


def test_a_message_appears_while_one_looks(tab: Tab, emu: Emulator) -> None:
    page = tab.open(MESSAGES)
    assert page.locator("h2").first.inner_text() == "No message yet"
    assert f"{emu.mailgun_url}/{emu.domain}/messages" in page.locator("pre").inner_text()
    send(emu, "First")
    page.get_by_role("link", name="First").wait_for()
    send(emu, "Second")
    page.get_by_role("link", name="Second").wait_for()
    assert subjects(page) == ["Second", "First"]
    assert page.locator('[data-count="messages"]').inner_text() == "2"


def test_nothing_else_moves_when_a_row_comes(tab: Tab, emu: Emulator) -> None:
    for number in range(50):
        send(emu, f"Message {number}")
    page = tab.open(MESSAGES)
    places = ("#nav a:last-child", "h1", "#q", "#list thead", ".pager", "#list tbody tr:nth-child(2)")
    before = [page.locator(place).bounding_box() for place in places]
    send(emu, "One more")
    page.get_by_role("link", name="One more").wait_for()
    assert [page.locator(place).bounding_box() for place in places] == before


def test_a_tab_in_the_background_holds_no_connection(tab: Tab, emu: Emulator) -> None:
    """Browsers have six connections for each server: the seventh tab would show nothing."""
    page = tab.open(MESSAGES)
    page.evaluate(HIDE, True)
    send(emu, "Unseen")
    page.wait_for_timeout(1200)
    assert subjects(page) == []
    page.evaluate(HIDE, False)
    page.get_by_role("link", name="Unseen").wait_for()


HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_rows_wait_while_the_keyboard_is_in_the_list(tab: Tab, emu: Emulator) -> None:
    """What one is about to open must not move away."""
    send(emu, "First")
    page = tab.open(MESSAGES)
    page.keyboard.press("j")
    send(emu, "Second")
    page.locator("#new.on").wait_for()
    assert subjects(page) == ["First"]
    page.locator("#new").click()
    page.get_by_role("link", name="Second").wait_for()
    assert page.locator("#new.on").count() == 0


def test_the_live_view_can_be_paused(tab: Tab, emu: Emulator) -> None:
    page = tab.open(MESSAGES)
    page.keyboard.press("p")
    page.get_by_role("button", name="Paused").wait_for()
    send(emu, "Meanwhile")
    page.wait_for_timeout(1200)
    assert subjects(page) == []
    page.keyboard.press("p")
    page.get_by_role("link", name="Meanwhile").wait_for()


def test_a_search_is_in_the_url(tab: Tab, emu: Emulator) -> None:
    # Words that the id of no message has: its digits, of base 16, are those of the time.
    for subject, tag in (("Invoice North", "billing"), ("Invoice South", "billing"), ("Welcome", "onboarding")):
        send(emu, subject, **{"o:tag": tag})
    page = tab.open(MESSAGES)
    page.keyboard.press("/")
    page.keyboard.type("invoice")
    page.wait_for_url("**/messages?q=invoice")
    page.get_by_role("link", name="Welcome").wait_for(state="detached")
    assert subjects(page) == ["Invoice South", "Invoice North"]
    tab.open(f"{MESSAGES}?q=invoice+north")
    assert subjects(page) == ["Invoice North"]
    tab.open(MESSAGES)
    page.get_by_role("link", name="onboarding 1").click()
    page.wait_for_url("**/messages?tag=onboarding")
    assert subjects(page) == ["Welcome"]
    page.go_back()
    page.wait_for_url(f"**{MESSAGES}")
    assert len(subjects(page)) == 3


def test_a_search_is_not_lost_while_the_page_is_fetched(tab: Tab, emu: Emulator) -> None:
    """The URL named it, and the list showed what had been looked for before, until the next message came."""
    for subject in ("Invoice North", "Invoice South"):
        send(emu, subject)
    page, held = tab.open(MESSAGES), list[Any]()
    page.route("**/messages*", lambda route: route.continue_() if held else held.append(route))
    send(emu, "Invoice West")
    while not held:
        page.wait_for_timeout(10)
    page.keyboard.press("/")
    page.keyboard.type("north")
    page.wait_for_url("**/messages?q=north")
    held[0].continue_()
    page.get_by_role("link", name="Invoice South").wait_for(state="detached")
    assert subjects(page) == ["Invoice North"]


def test_one_message_has_all_its_parts(tab: Tab, emu: Emulator) -> None:
    files = [("attachment", ("report.html", b"<script>top.x = 1</script>", "text/html"))]
    html = '<h1>Hello</h1><a href="https://example.com/a">Read</a><img src="https://example.com/p.gif" alt="A pixel">'
    send(emu, "Parts", files=files, html=html, **{"h:X-Own": "yes", "o:tag": ["one", "two"]})
    page = tab.open(MESSAGES)
    page.get_by_role("link", name="Parts").click()
    page.wait_for_url(re.compile("/messages/[0-9]+$"))
    assert page.frame_locator("iframe").locator("h1").inner_text() == "Hello"
    for key, text in (
        ("2", "Hello"),
        ("3", "<h1>Hello</h1>"),
        ("4", "X-Own"),
        ("5", "multipart/mixed"),
        ("6", "o:tag"),
        ("7", "A pixel"),
        ("8", "report.html"),
        ("9", "No webhooks"),
    ):
        page.keyboard.press(key)
        page.locator("main", has_text=text).wait_for()
    page.keyboard.press("8")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert downloading.value.suggested_filename == "report.html"
    page.go_back()
    page.keyboard.press("u")
    page.wait_for_url(f"**{MESSAGES}")


def test_messages_are_deleted_one_or_all(tab: Tab, emu: Emulator) -> None:
    for subject in ("One", "Two", "Three"):
        send(emu, subject)
    page = tab.open(MESSAGES)
    page.get_by_role("link", name="Two").click()
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url(f"**{MESSAGES}")
    assert subjects(page) == ["Three", "One"]
    page.get_by_role("button", name="Delete all…").click()
    page.get_by_role("heading", name="No message yet").wait_for()
    assert tab.dialogs == ["Delete all messages? Everything else stays."]
    assert emu.messages == []


def test_a_hundred_thousand_messages_are_found_and_paged(tab: Tab, emu: Emulator) -> None:
    with emu._parts.store.database.transaction():
        for number in range(100_000):
            emu._parts.store.messages.add(message(number))
    page = tab.open(MESSAGES)
    assert subjects(page)[0] == "Invoice 99999"
    assert "50 of 100,000 messages" in page.locator(".pager").inner_text()
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**before=**")
    assert subjects(page)[0] == "Invoice 99949"
    page.get_by_role("link", name="Newer").click()
    page.wait_for_url("**after=**")
    assert subjects(page)[0] == "Invoice 99999"
    page.keyboard.press("/")
    page.keyboard.type("31415")
    page.get_by_role("link", name="Invoice 31415").wait_for()
    assert len(subjects(page)) == 1
    for query in ("", "?q=invoice", "?q=i+h+r", "?q=nothing", "?tag=campaign-7", "?before=50000"):
        assert any(seconds_of(f"{emu.automations_url}{MESSAGES}{query}") < 0.5 for _ in range(5)), query
    send(emu, "One more")
    tab.open(MESSAGES)
    assert subjects(page)[0] == "One more"


def seconds_of(url: str) -> float:
    """How long a page takes. One that a busy machine holds up is quick the next time."""
    start = time.perf_counter()
    assert httpx.get(url, timeout=60, trust_env=False).status_code == 200
    return time.perf_counter() - start


def message(number: int) -> StoredMessage:
    return StoredMessage(
        id=f"<{number}@mail.example.com>",
        domain="mail.example.com",
        surface="mailgun",
        sender="news@mail.example.com",
        to=(f"user{number}@example.com",),
        subject=f"Invoice {number}",
        text=f"Hello, invoice {number} is ready.",
        fields=(("o:tag", f"campaign-{number % 40}"),),
    )
