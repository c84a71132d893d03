"""Faults, and the reset: what the page changes, it changes through the control API."""

from __future__ import annotations

import httpx

from omnivery.emulator import Emulator
from tests.support.emulator import automations_client
from tests.web.conftest import Tab

FAULTS = "/_/page/faults"


def check(emu: Emulator) -> int:
    with automations_client(emu) as client:
        return client.post(f"/{emu.domain}/bot", data={"ip": "192.0.2.1"}).status_code


def test_faults_by_chance_are_set_and_switched_off(tab: Tab, emu: Emulator) -> None:
    page = tab.open(FAULTS)
    page.get_by_label("Faults by chance").fill("503=100%,delay=1ms")
    page.get_by_label("Faults by chance").press("Enter")
    page.get_by_role("switch", name="503=100%").wait_for()
    assert check(emu) == 503
    page.get_by_role("switch", name="503=100%").click()
    page.get_by_role("switch", name="503=100%").wait_for(state="detached")
    assert check(emu) == 200
    tab.open("/")
    assert page.get_by_text("Faults are in force").is_visible()
    tab.open(FAULTS)
    page.get_by_role("switch", name="delay=1ms").click()
    page.get_by_role("switch", name="delay=1ms").wait_for(state="detached")
    assert str(emu.faults) == ""
    assert page.get_by_label("Faults by chance").input_value() == ""
    page.get_by_role("switch", name="429=5%").click()
    page.get_by_role("switch", name="429=5%", checked=True).wait_for()
    assert str(emu.faults) == "429=5%"
    page.get_by_role("switch", name="429=5%").click()
    page.get_by_role("switch", name="429=5%", checked=False).wait_for()


def test_a_specification_that_is_none_is_refused_in_words(tab: Tab) -> None:
    page = tab.open(FAULTS)
    page.get_by_label("Faults by chance").fill("nonsense=5%")
    page.get_by_role("button", name="Set").click()
    page.get_by_text("no fault is named 'nonsense'").wait_for()
    tab.complaints.clear()  # the browser reports the refusal, too


def test_the_next_request_fails_as_it_was_told_to(tab: Tab, emu: Emulator) -> None:
    page = tab.open(FAULTS)
    page.get_by_label("Route").select_option("bot")
    page.get_by_label("Status").fill("429")
    page.get_by_label("Retry-After", exact=True).fill("3")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("gets 429, with Retry-After: 3").wait_for()
    assert check(emu) == 429
    page.get_by_text("None is waiting.").wait_for()
    assert check(emu) == 200


def test_a_reset_asks_first_and_deletes_everything(tab: Tab, emu: Emulator) -> None:
    assert check(emu) == 200
    page = tab.open("/")
    page.get_by_role("button", name="Reset…").click()
    page.get_by_role("heading", name="Nothing arrived yet").wait_for()
    assert tab.dialogs == ["Delete all records of this emulator?"]
    assert emu.statistics.requests == 0


def test_no_other_site_can_change_anything(tab: Tab, emu: Emulator) -> None:
    """A page of another origin, which a person happens to have open, cannot command the emulator."""
    check(emu)
    tab.page.route(
        "http://elsewhere.example/", lambda route: route.fulfill(body="<h1>x</h1>", content_type="text/html")
    )
    tab.page.goto("http://elsewhere.example/")
    for headers in (
        "{}",
        "{'content-type': 'text/plain'}",
        "{'content-type': 'application/json'}",
        "{'x-omnivery': '1'}",
    ):
        script = f"fetch('{tab.base}/_/reset', {{method: 'POST', headers: {headers}, body: '{{}}'}}).catch(() => 0)"
        tab.page.evaluate(script)
        no_cors = f"fetch('{tab.base}/_/reset', {{method: 'POST', mode: 'no-cors', body: '{{}}'}}).catch(() => 0)"
        tab.page.evaluate(no_cors)
    assert emu.statistics.requests > 0
    assert (
        tab.page.evaluate(f"fetch('{tab.base}/_/events').then((r) => r.text()).catch(() => 'unreadable')")
        == "unreadable"
    )
    assert httpx.get(emu.page_url, headers={"host": "elsewhere.example"}, trust_env=False).status_code == 421
    tab.complaints.clear()
