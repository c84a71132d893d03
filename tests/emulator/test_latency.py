"""Latency: at once in tests, and as the service otherwise."""

from __future__ import annotations

import time

import httpx
import pytest

from omnivery.emulator import Emulator, latency
from omnivery.emulator.delivery import FIXED
from omnivery.emulator.latency import CHECK, EVENTS, VERDICTS, Latency


def test_without_it_nothing_takes_time() -> None:
    none = Latency("none")
    assert (none.check(), none.verdicts(), none.event("opened")) == (0, 0, 0)


def test_times_lie_in_their_ranges_and_come_again_with_the_seed() -> None:
    one, same = Latency("real", seed=7), Latency("real", seed=7)
    times = [one.check() for _ in range(50)]
    assert times == [same.check() for _ in range(50)]
    assert len(set(times)) == 50
    assert CHECK[0] <= min(times) <= max(times) <= CHECK[1]
    assert VERDICTS[0] <= one.verdicts() <= VERDICTS[1]


def test_a_check_takes_at_least_the_documented_second() -> None:
    assert CHECK[0] >= 1


def test_every_event_that_mail_has_takes_time() -> None:
    assert {happening.event for happenings in FIXED.values() for happening in happenings} <= set(EVENTS)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "CHECK", (0.05, 0.05))
    monkeypatch.setattr(latency, "EVENTS", {"delivered": (0.02, 0.02), "opened": (0.03, 0.03)})


@pytest.mark.usefixtures("short")
def test_checks_and_webhooks_take_their_time() -> None:
    with Emulator(latency="real") as emu, httpx.Client(trust_env=False, verify=False) as client:
        started = time.monotonic()
        client.post(
            f"{emu.automations_url}/{emu.domain}/bot", data={"ip": "192.0.2.1"}, headers={"ov-token": emu.token}
        )
        assert time.monotonic() - started >= 0.05
        form = {"from": "a@example.com", "to": "open@example.org", "text": "Hi", "callback_url": emu.webhook_url}
        started = time.monotonic()
        client.post(f"{emu.mailgun_url}/{emu.domain}/messages", data=form, auth=("api", emu.api_key))
        emu.wait_idle(30)
        took = time.monotonic() - started
        assert took >= 0.05
        delivered, opened = emu.delivery_events
    assert 0.025 <= (opened.timestamp or 0) - (delivered.timestamp or 0) <= took


def test_a_check_does_not_outlast_the_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "CHECK", (600, 600))
    with Emulator(latency="real") as emu:
        url = f"{emu.automations_url}/{emu.domain}/bot"
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                url,
                data={"ip": "192.0.2.1"},
                headers={"ov-token": emu.token},
                timeout=httpx.Timeout(30, read=0.1),
                trust_env=False,
            )
        started = time.monotonic()
    assert time.monotonic() - started < 60
