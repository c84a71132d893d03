"""Webhook deliveries: states, attempts, and what was sent and received."""

from __future__ import annotations

from tests.emulator.page.conftest import Get


def test_states_are_counted_and_chosen(get: Get) -> None:
    page = get("/_/page/deliveries").text
    assert 'delivered <span class="number">2</span>' in page
    assert get("/_/page/deliveries?state=delivered").text.count('<tr class="link"') == 2
    assert "No webhook matches" in get("/_/page/deliveries?state=rejected").text
    assert get("/_/page/deliveries?q=a%3D%3Cb%3E").text.count('<tr class="link"') == 1


def test_a_delivery_shows_its_attempts_and_its_body(get: Get) -> None:
    page = get("/_/page/deliveries/1").text
    assert "<h2>1 attempt</h2>" in page
    assert "Signature of this attempt" in page
    assert "&#34;event&#34;: &#34;delivered&#34;" in page
    assert "/_/page/messages/1" in page, "what it is about"
