"""The honeypot's link catches each client that requests it, as the API's page describes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery import Automations
from omnivery.emulator import Emulator
from omnivery.emulator.honeypot import MEMORY, Honeypot
from tests.support.emulator import automations_client

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
SCANNER = "2001:db8::7"


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(bot_domains=["mail.example.com", "news.example.com"]) as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def client(emu: Emulator) -> Iterator[httpx.Client]:
    with automations_client(emu) as made:
        yield made


def visit(emu: Emulator, path: str, *, ip: str = SCANNER, method: str = "GET") -> httpx.Response:
    """Request a link as a mail scanner does: without a token."""
    headers = {"user-agent": BROWSER, "x-forwarded-for": f"{ip}, 10.0.0.1"}
    return httpx.request(method, f"{emu.automations_url}{path}", headers=headers, trust_env=False)


def is_bot(client: httpx.Client, emu: Emulator, **changes: Any) -> bool:
    event = {"ip": SCANNER, "uas": BROWSER, "message_id": "m/1", **changes}
    found: bool = client.post(f"/{emu.domain}/bot", data=event).json()["is_bot"]
    return found


@pytest.mark.parametrize(
    "path", ["/m%2F1/hclick", "/mail.example.com/m%2F1/hclick", "/email.News.example.com/m%2F1/hclick"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_requested_the_honeypot_of_a_message_is_a_bot(
    emu: Emulator, client: httpx.Client, path: str, method: str
) -> None:
    assert is_bot(client, emu) is False
    response = visit(emu, path, method=method)
    assert (response.status_code, response.content) == (200, b"")
    assert is_bot(client, emu) is True


@pytest.mark.parametrize(
    "other", [{"message_id": "m2"}, {"ip": "2001:db8::8"}, {"uas": f"{BROWSER} Other"}, {"ip": "198.51.100.7"}]
)
def test_others_and_other_messages_are_not_caught(emu: Emulator, client: httpx.Client, other: dict[str, str]) -> None:
    """The service keeps IP address and user agent; the fixed networks come first, as everywhere."""
    visit(emu, "/m%2F1/hclick", ip="198.51.100.7" if other.get("ip") == "198.51.100.7" else SCANNER)
    assert is_bot(client, emu, **other) is False


def test_an_ipv4_mapped_visitor_is_its_ipv4_address(emu: Emulator, client: httpx.Client) -> None:
    visit(emu, "/m%2F1/hclick", ip="::ffff:8.8.4.4")
    assert is_bot(client, emu, ip="8.8.4.4") is True
    assert is_bot(client, emu, ip="::FFFF:808:404") is True


def test_without_a_forwarded_address_the_peer_is_the_visitor(emu: Emulator, client: httpx.Client) -> None:
    httpx.get(f"{emu.automations_url}/m%2F1/hclick", headers={"user-agent": BROWSER}, trust_env=False)
    assert is_bot(client, emu, ip="127.0.0.1") is True


def test_a_domain_without_bot_detection_has_no_honeypot(emu: Emulator) -> None:
    assert visit(emu, "/other.example.com/m1/hclick").status_code == 404


def test_a_reset_forgets_the_visits(emu: Emulator, client: httpx.Client) -> None:
    visit(emu, "/m%2F1/hclick")
    emu.reset()
    assert is_bot(client, emu) is False


def test_a_visit_is_forgotten_after_half_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events must be submitted within that time (documented)."""
    honeypot, now = Honeypot(), 1000.0
    monkeypatch.setattr("omnivery.emulator.honeypot.time.monotonic", lambda: now)
    honeypot.add("m1", ip=SCANNER, agent=BROWSER)
    now += MEMORY - 1
    assert honeypot.caught("m1", ip=SCANNER, agent=BROWSER)
    now += 1
    assert not honeypot.caught("m1", ip=SCANNER, agent=BROWSER)


def test_a_flood_of_visits_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnivery.emulator.honeypot.MOST_VISITS", 3)
    honeypot = Honeypot()
    for number in range(4):
        honeypot.add(str(number), ip=SCANNER, agent=BROWSER)
    assert [honeypot.caught(str(number), ip=SCANNER, agent=BROWSER) for number in range(4)] == [False, True, True, True]


def test_the_sdks_link_leads_to_the_emulator(emu: Emulator, client: httpx.Client) -> None:
    """As mail has it; a test sends it to the emulator's port, with the host of the link."""
    with Automations(emu.token, base_url=emu.automations_url, domain=emu.domain) as sdk:
        link = httpx.URL(sdk.honeypots.url("m/1"))
    headers = {"host": link.host, "user-agent": BROWSER, "x-forwarded-for": SCANNER}
    url = f"{emu.automations_url}{link.raw_path.decode()}"
    assert httpx.get(url, headers=headers, trust_env=False).status_code == 200
    assert is_bot(client, emu) is True


def test_events_of_a_batch_are_caught_as_single_ones_are(emu: Emulator, client: httpx.Client) -> None:
    """And the fixed networks are known by their IPv4-mapped forms, with letters or digits, there too."""
    visit(emu, "/m%2F1/hclick")
    shared = {"uas": BROWSER, "message_id": "m/1"}
    ips = [SCANNER, "2001:db8::8", "::ffff:192.0.2.1", "::FFFF:c633:6407", "::ffff:203.0.113.9"]
    events = [{**shared, "ip": ip, "event_id": str(number)} for number, ip in enumerate(ips)]
    response = client.post(f"/{emu.domain}/bot", json={"events": events, "webhook_url": emu.webhook_url})
    assert response.status_code == 200
    emu.wait_idle(30)
    told = {verdict.event_id: verdict.is_bot for verdict in emu.verdicts}
    assert told == {"0": True, "1": False, "2": True, "3": False}
