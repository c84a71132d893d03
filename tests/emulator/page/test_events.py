"""Bot events: filters, groups, and what one event leads to."""

from __future__ import annotations

import pytest

from omnivery.emulator.page import events
from omnivery.emulator.page.events import _network
from tests.emulator.page.conftest import Get


@pytest.mark.parametrize(
    ("query", "rows"),
    [("", 2), ("q=mozilla", 1), ("verdict=bot", 1), ("verdict=none", 0), ("ip=2001:db8:0:", 0), ("agent=Mozilla", 1)],
)
def test_events_are_filtered(get: Get, query: str, rows: int) -> None:
    page = get(f"/_/page/events?{query}").text
    assert page.count('<tr class="link"') == rows
    assert ("No event matches" in page) is (rows == 0)


def test_a_filter_that_takes_too_long_says_so_and_goes_on(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PATIENCE", 0.0)
    page = get("/_/page/events?q=no-such").text
    assert "No event matches so far" in page
    assert "0 events so far: “Older” searches on" in page
    assert 'rel="next" href="/_/page/events?q=no-such&amp;before=' in page


def test_an_event_leads_to_its_batch_and_to_the_webhook_with_its_verdict(get: Get) -> None:
    page = get("/_/page/events/2").text
    assert "Webhook with the verdict" in page
    assert "Events of the same batch" in page
    assert '<td class="mono">1.5</td>' in page
    assert '<td class="mono">[1]</td>' in page


def test_agents_and_networks_are_counted(get: Get) -> None:
    page = get("/_/page/events").text
    assert '?ip=192.0.2.">192.0.2.0/24</a>' in page
    assert '?agent=Mozilla%2F5.0">Mozilla/5.0</a>' in page


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", ("192.0.2.0/24", "192.0.2.")),
        ("2001:db8:7:1::5", ("2001:db8:7::/48", "2001:db8:7:")),
        ("2001:db8::5", ("2001:db8::/48", "")),
        ("no address", ("no address", "no address")),
    ],
)
def test_a_network_is_also_what_its_addresses_begin_with(ip: str, network: tuple[str, str]) -> None:
    assert _network(ip) == network
