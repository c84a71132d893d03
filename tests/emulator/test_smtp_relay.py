"""The SMTP relay, against a real SMTP server: what arrives, and what happens if nothing can."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from omnivery.emulator import Activity, Emulator, smtp_relay
from omnivery.emulator.activity import ActivityFeed
from omnivery.emulator.smtp_connection import SmtpServer
from omnivery.emulator.smtp_relay import SmtpRelay
from omnivery.emulator.smtp_statistics import SmtpStatistics
from omnivery.errors import ConfigError
from tests.emulator.test_composition import VARIABLES, stored
from tests.support.cli import free_port
from tests.support.smtp import SmtpTestServer, smtp_server
from tests.support.waiting import wait_until


@pytest.fixture
def server() -> Iterator[SmtpTestServer]:
    with smtp_server() as running:
        yield running


@pytest.fixture
def seen() -> list[Activity]:
    return []


@pytest.fixture
def relay(server: SmtpTestServer, seen: list[Activity]) -> Iterator[SmtpRelay]:
    feed = ActivityFeed()
    feed.watch(seen.append)
    made = SmtpRelay(SmtpServer.parse(server.address), feed=feed, retry_delays=(0.001, 0.001))
    made.start()
    yield made
    made.stop()


def notes(seen: list[Activity]) -> list[tuple[str, int | None, str]]:
    return [(each.name, each.status, each.note) for each in seen]


def test_an_accepted_message_arrives_with_all_its_recipients_and_no_bcc(server: SmtpTestServer) -> None:
    form = {
        "from": "News <news@example.com>",
        "to": ["Ann <ann@example.com>", "bob@example.com"],
        "cc": "c@example.org",
        "bcc": "hidden@example.org",
        "subject": "Grüße",
        "text": "Hällo",
    }
    with Emulator(smtp=server.address) as emulator:
        for extra in ({}, {"o:testmode": "yes"}):
            httpx.post(
                f"{emulator.mailgun_url}/{emulator.domain}/messages",
                data={**form, **extra},
                auth=("api", emulator.api_key),
                trust_env=False,
                verify=False,
            ).raise_for_status()
        emulator.wait_idle(30)
        assert emulator.smtp_statistics == SmtpStatistics(passed_on=1)
        shown = httpx.get(f"{emulator.automations_url}/_/smtp", trust_env=False, verify=False).json()
        assert (shown["server"], shown["passed_on"], shown["last_error"]) == (server.address, 1, None)
        [arrived] = server.arrived
        assert arrived.sender == "news@example.com"
        assert arrived.recipients == ("ann@example.com", "bob@example.com", "c@example.org", "hidden@example.org")
        assert (arrived.message["Subject"], arrived.message["Cc"]) == ("Grüße", "c@example.org")
        assert b"hidden" not in arrived.data
        assert arrived.message["Message-ID"] == emulator.messages[0].id
        emulator.reset()
        assert emulator.smtp_statistics == SmtpStatistics()


def test_a_batch_becomes_a_message_for_each_recipient(server: SmtpTestServer, relay: SmtpRelay) -> None:
    relay.add(stored(VARIABLES, to=("ann@example.com", "bob@example.com"), text="%recipient.name%"))
    assert relay.wait_idle(30)
    assert [each.recipients for each in server.arrived] == [("ann@example.com",), ("bob@example.com",)]
    assert [each.message.get_content().strip() for each in server.arrived] == ["Änn", "%recipient.name%"]
    assert relay.statistics.passed_on == 2


def test_messages_in_a_row_share_a_connection(server: SmtpTestServer, relay: SmtpRelay) -> None:
    with relay._change:
        for _ in range(20):
            relay.add(stored())
    assert relay.wait_idle(30)
    assert (len(server.arrived), server.connections) == (20, 1)


def test_what_may_pass_is_tried_again(server: SmtpTestServer, relay: SmtpRelay, seen: list[Activity]) -> None:
    server.replies = {"MAIL": ["451 busy", ""]}
    relay.add(stored())
    assert relay.wait_idle(30)
    assert notes(seen) == [
        ("failed", 451, "busy"),
        ("failed", None, "attempt 2, Connection unexpectedly closed"),
        ("passed on", 250, "attempt 3"),
    ]
    assert relay.statistics == SmtpStatistics(passed_on=1)


def test_a_refusal_is_final_and_the_next_message_is_sent(
    server: SmtpTestServer, relay: SmtpRelay, seen: list[Activity]
) -> None:
    server.replies = {"RCPT": ["550 no such user"], "DATA": ["554 spam"]}
    relay.add(stored())
    relay.add(stored())
    relay.add(stored())
    assert relay.wait_idle(30)
    assert notes(seen) == [("failed", 550, "no such user"), ("failed", 554, "spam"), ("passed on", 250, "")]
    assert relay.statistics == SmtpStatistics(passed_on=1, failed=2, last_error="spam")


def test_a_recipient_who_is_refused_does_not_stop_the_others(
    server: SmtpTestServer, relay: SmtpRelay, seen: list[Activity]
) -> None:
    server.replies = {"RCPT": ["550 no such user"]}
    relay.add(stored(to=("ann@example.com", "bob@example.com")))
    assert relay.wait_idle(30)
    assert [each.recipients for each in server.arrived] == [("bob@example.com",)]
    assert notes(seen) == [("passed on", 250, "2 recipients, 1 of 2 recipients refused")]


def test_a_server_that_is_down_never_holds_up_a_call_and_costs_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_relay, "CAPACITY", 3)
    monkeypatch.setattr(smtp_relay, "STOP_TIMEOUT", 60)
    seen: list[Activity] = []
    feed = ActivityFeed()
    feed.watch(seen.append)
    relay = SmtpRelay(SmtpServer(host="127.0.0.1", port=free_port()), feed=feed, retry_delays=(60,))
    relay.start()
    started = time.monotonic()
    for _ in range(5):
        relay.add(stored())
    assert time.monotonic() - started < 30
    assert (relay.statistics.waiting, relay.statistics.dropped) == (3, 2)
    wait_until(lambda: len(seen) == 3)
    relay.stop()
    assert time.monotonic() - started < 50, "it does not wait for a server that is down"
    assert sorted(each.name for each in seen) == ["dropped", "dropped", "failed"]
    assert relay.statistics == SmtpStatistics(dropped=5, last_error="the emulator stopped")


def test_many_bytes_are_too_many_messages_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_relay, "CAPACITY_BYTES", 1000)
    relay = SmtpRelay(SmtpServer(host="127.0.0.1", port=1), feed=ActivityFeed())
    for _ in range(3):
        relay.add(stored(mime=b"x" * 400))
    assert (relay.statistics.waiting, relay.statistics.dropped) == (2, 1)


def test_a_reset_forgets_what_waits_and_the_counts() -> None:
    relay = SmtpRelay(SmtpServer(host="127.0.0.1", port=1), feed=ActivityFeed())
    relay.add(stored())
    relay.reset()
    assert relay.wait_idle(0)
    assert relay.statistics == SmtpStatistics()


def test_a_message_on_its_way_still_leaves_when_the_emulator_stops(
    server: SmtpTestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_relay, "STOP_TIMEOUT", 30)
    relay = SmtpRelay(SmtpServer.parse(server.address), feed=ActivityFeed())
    relay.add(stored())
    threading.Timer(0.02, relay.start).start()
    relay.stop()
    assert len(server.arrived) == 1


def test_the_server_is_checked_at_once() -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        Emulator(smtp="mailpit")
