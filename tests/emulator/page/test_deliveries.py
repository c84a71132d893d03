"""Webhook deliveries: states, attempts, and what was sent and received."""

from __future__ import annotations

from omnivery.emulator import Emulator
from tests.emulator.page.conftest import Get
from tests.support.emulator import automations_client


def test_states_are_counted_and_chosen(get: Get) -> None:
    page = get("/_/page/deliveries").text
    assert 'delivered <span class="number">2</span>' in page
    assert get("/_/page/deliveries?state=delivered").text.count('<tr class="link"') == 2
    assert "No webhook matches" in get("/_/page/deliveries?state=rejected").text
    assert get("/_/page/deliveries?q=a%3D%3Cb%3E").text.count('<tr class="link"') == 1


def test_a_receiver_that_is_down_is_seen_in_the_list() -> None:
    with Emulator(webhook_retry_delays=()) as emu, automations_client(emu) as client:
        content = {"events": [{"ip": "192.0.2.1", "uas": "x", "event_id": "1"}], "webhook_url": "http://127.0.0.1:9/"}
        client.post(f"/{emu.domain}/bot", json=content).raise_for_status()
        emu.wait_idle(30)
        page = client.get("/_/page/deliveries").text
        assert ">given up</span>" in page
        assert "refused" in page
        assert client.get("/_/page/deliveries/1").text.count("refused") == 1


def test_a_delivery_shows_its_attempts_and_its_body(get: Get) -> None:
    page = get("/_/page/deliveries/1").text
    assert "<h2>1 attempt</h2>" in page
    assert "Signature of this attempt" in page
    assert "&#34;event&#34;: &#34;delivered&#34;" in page
    assert "/_/page/messages/1" in page, "what it is about"
