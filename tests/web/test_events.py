"""Bot events: verdicts as they stream, however many there are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from omnivery.emulator import Emulator
from tests.support.emulator import automations_client
from tests.web.conftest import Tab

EVENTS = "/_/page/events"


@pytest.fixture(autouse=True)
def _empty(emu: Emulator) -> Iterator[None]:
    yield
    emu.reset()


def submit(emu: Emulator, *ids: str, network: str = "192.0.2") -> None:
    events = [{"ip": f"{network}.7", "uas": "Mozilla/5.0", "event_id": name, "action": "click"} for name in ids]
    with automations_client(emu) as client:
        content = {"events": events, "webhook_url": emu.webhook_url}
        client.post(f"/{emu.domain}/bot", json=content).raise_for_status()


def rows(page: Any) -> list[str]:
    return [str(text) for text in page.locator("#list tbody tr").all_inner_texts()]


def test_verdicts_appear_while_one_looks(tab: Tab, emu: Emulator) -> None:
    page = tab.open(EVENTS)
    assert page.get_by_role("heading", name="No event yet").is_visible()
    submit(emu, "first")
    page.locator("#list", has_text="first").wait_for()
    submit(emu, "second", network="198.51.100")
    page.locator("#list", has_text="second").wait_for()
    newest, oldest = rows(page)
    assert "human" in newest
    assert "bot" in oldest
    assert page.locator("svg.chart rect").count() >= 2
    assert page.get_by_role("link", name="192.0.2.0/24").is_visible()
    page.get_by_role("link", name="192.0.2.0/24").click()
    page.wait_for_url("**ip=192.0.2.")
    assert len(rows(page)) == 1
    page.get_by_role("link", name="ip: 192.0.2.").click()
    page.wait_for_url(f"**{EVENTS}")
    page.locator("a.chip", has_text="Humans").click()
    page.wait_for_url("**verdict=human")
    assert len(rows(page)) == 1
    page.go_back()
    page.wait_for_url(f"**{EVENTS}")


def test_a_flood_is_counted_and_sampled(tab: Tab, emu: Emulator) -> None:
    """Thousands a second: the page stays usable, says how many come, and shows the newest."""
    submit(emu, "before")
    page = tab.open(EVENTS)
    ended = threading.Event()

    def flood() -> None:
        number = 0
        while not ended.wait(0.05):
            submit(emu, *(f"{number}-{n}" for n in range(400)))
            number += 1

    sender = threading.Thread(target=flood)
    sender.start()
    try:
        page.get_by_text("all are counted, and each look shows the newest 50").wait_for(timeout=30_000)
        assert len(rows(page)) == 50
        page.keyboard.press("p")
        page.get_by_role("button", name="Paused").wait_for()
    finally:
        ended.set()
        sender.join()
    page.keyboard.press("p")
    total = f"{emu.statistics.bot_events:,}"
    page.locator('[data-count="events"]', has_text=total).wait_for()
    page.locator(".pager", has_text=f"50 of {total} events").wait_for()


def test_an_event_leads_to_its_webhook(tab: Tab, emu: Emulator) -> None:
    submit(emu, "one", "two")
    emu.wait_idle(30)
    page = tab.open(EVENTS)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Event two").wait_for()
    page.get_by_role("link", name="Webhook with the verdict").click()
    page.get_by_role("heading", name="bot webhook").wait_for()
    page.get_by_role("link", name="batch").click()
    page.wait_for_url("**batch=**")
    assert len(rows(page)) == 2
