"""The feed of requests and webhooks: all that clients do, and nothing that only looks."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from omnivery.emulator import Activity, Emulator
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Emulator, list[Activity]]]:
    seen: list[Activity] = []
    with Emulator(webhook_retry_delays=(0.001,)) as emulator:
        emulator.watch(seen.append)
        yield emulator, seen


@pytest.fixture
def emu(running: tuple[Emulator, list[Activity]]) -> Emulator:
    emulator, seen = running
    emulator.reset()
    seen.clear()
    return emulator


@pytest.fixture
def seen(running: tuple[Emulator, list[Activity]]) -> list[Activity]:
    return running[1]


def call(emu: Emulator, method: str, path: str, **options: object) -> None:
    with httpx.Client(base_url=emu.automations_url, trust_env=False, verify=False) as client:
        client.request(method, path, headers={"ov-token": emu.token}, **options)  # type: ignore[arg-type]


def lines(seen: list[Activity]) -> list[tuple[str, str, int | None]]:
    return [(each.name, each.target, each.status) for each in seen]


def test_requests_are_told_even_if_no_route_matches(emu: Emulator, seen: list[Activity]) -> None:
    """A wrong URL is what people watch for. Queries may have secrets."""
    call(emu, "GET", "/test")
    call(emu, "GET", "/no/such%2Fpath?key=secret")
    assert lines(seen) == [("GET", "/test", 200), ("GET", "/no/such%2Fpath", 404)]
    assert all(each.kind == "request" and each.seconds >= 0 for each in seen)


def test_what_only_looks_is_left_out_and_what_changes_is_told(emu: Emulator, seen: list[Activity]) -> None:
    call(emu, "GET", "/")
    call(emu, "GET", "/_/events")
    call(emu, "GET", "/healthz")
    call(emu, "POST", "/_/reset", json={})
    assert lines(seen) == [("POST", "/_/reset", 200)]


def test_a_cut_connection_has_no_status(emu: Emulator, seen: list[Activity]) -> None:
    emu.fail_next("*", after="received")
    with pytest.raises(httpx.TransportError):
        call(emu, "GET", "/test")
    wait_until(lambda: seen)  # the client sees the cut before anyone can be told of it
    assert [(each.status, each.note) for each in seen] == [(None, "fault, connection closed without a response")]


def test_each_attempt_of_a_webhook_is_told_without_the_secrets_of_its_url(emu: Emulator, seen: list[Activity]) -> None:
    url = "http://user:secret@127.0.0.1:9/hook?key=secret"
    events = [{"ip": "192.0.2.1", "uas": "x", "event_id": f"e{n}"} for n in range(2)]
    call(emu, "POST", f"/{emu.domain}/bot", json={"events": events, "webhook_url": url})
    emu.wait_idle(30)
    attempts = [each for each in seen if each.kind == "webhook"]
    assert lines(attempts) == [("bot", "http://127.0.0.1:9/hook", None)] * 2
    assert attempts[0].note.startswith("2 verdicts, ")
    assert attempts[1].note.startswith("2 verdicts, attempt 2, ")
    assert "secret" not in repr(seen)


def test_its_own_receiver_is_told_as_a_webhook_alone(emu: Emulator, seen: list[Activity]) -> None:
    events = [{"ip": "192.0.2.1", "uas": "x", "event_id": "e"}]
    call(emu, "POST", f"/{emu.domain}/bot", json={"events": events, "webhook_url": emu.webhook_url})
    emu.wait_idle(30)
    assert [each.kind for each in seen] == ["request", "webhook"]
