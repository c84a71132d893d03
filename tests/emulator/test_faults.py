"""Faults: every one as a client would meet it on the wire."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.emulator import Chaos, Emulator
from omnivery.errors import ConfigError


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=()) as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


def check(emu: Emulator, *, timeout: float = 5.0) -> httpx.Response:
    """A single check of an event that is always a bot's."""
    return httpx.post(
        f"{emu.automations_url}/{emu.domain}/bot",
        data={"ip": "192.0.2.1"},
        headers={"ov-token": emu.token},
        timeout=timeout,
        verify=False,
        trust_env=False,
    )


def result(emu: Emulator) -> httpx.Response:
    url = f"{emu.automations_url}/{emu.domain}/bot/unknown"
    return httpx.get(url, headers={"ov-token": emu.token}, verify=False, trust_env=False)


def test_a_fault_is_a_500_unless_told_otherwise_and_passes(emu: Emulator) -> None:
    emu.fail_next("bot")
    response = check(emu)
    assert (response.status_code, response.json()) == (500, {"message": "Internal Server Error"})
    assert emu.bot_events == []
    assert check(emu).status_code == 200
    assert emu.requests == [("POST", "bot", 500), ("POST", "bot", 200)]


def test_times_and_order(emu: Emulator) -> None:
    emu.fail_next("bot", status=429, times=2)
    emu.fail_next("bot", status=503)
    assert [check(emu).status_code for _ in range(4)] == [429, 429, 503, 200]


def test_a_fault_meets_its_own_route_only(emu: Emulator) -> None:
    emu.fail_next("bot.result", status=503)
    assert check(emu).status_code == 200
    assert result(emu).status_code == 503


def test_a_star_meets_any_api_route_but_not_the_control_api(emu: Emulator) -> None:
    emu.fail_next("*", status=503)
    assert httpx.get(f"{emu.automations_url}/_/events", verify=False, trust_env=False).status_code == 200
    assert result(emu).status_code == 503


@pytest.mark.parametrize(
    ("sent", "seen"),
    [(0, "0"), (1.5, "1.5"), ("Wed, 21 Oct 2015 07:28:00 GMT",) * 2, ("soon", "soon"), (10**9, "1000000000")],
)
def test_retry_after_is_sent_word_for_word(emu: Emulator, sent: float | str, seen: str) -> None:
    emu.fail_next("bot", status=429, retry_after=sent)
    assert check(emu).headers["retry-after"] == seen


@pytest.mark.parametrize(
    ("body", "media_type"),
    [("<html>", "text/html"), (b'{"a":1}', "application/json"), ("busy", "text/plain"), ("", "text/plain")],
)
def test_a_body_may_be_anything(emu: Emulator, body: bytes | str, media_type: str) -> None:
    """Proxies respond 200 with their own pages."""
    emu.fail_next("bot", status=200, body=body)
    response = check(emu)
    assert response.status_code == 200
    assert response.text == (body if isinstance(body, str) else body.decode())
    assert response.headers["content-type"] == media_type
    assert emu.bot_events == []


def test_headers_make_a_redirect(emu: Emulator) -> None:
    emu.fail_next("bot", status=302, headers={"Location": "https://elsewhere.invalid/"})
    response = check(emu)
    assert (response.status_code, response.headers["location"]) == (302, "https://elsewhere.invalid/")


@pytest.mark.parametrize(("after", "acted"), [("received", 0), ("accepted", 1)])
def test_a_cut_connection_gives_no_response_at_all(
    emu: Emulator, caplog: pytest.LogCaptureFixture, after: Any, acted: int
) -> None:
    """A client cannot tell the two apart: that is what makes them worth testing with."""
    emu.fail_next("bot", after=after)
    with caplog.at_level(logging.WARNING), pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        check(emu)
    assert len(emu.bot_events) == acted
    # Nor may the server take its own cut for a broken application.
    assert check(emu).status_code == 200
    assert caplog.records == []
    assert emu.requests == [("POST", "bot", None), ("POST", "bot", 200)]


def test_accepted_with_a_status_acts_and_responds_with_it(emu: Emulator) -> None:
    """A gateway's 502 after the server behind it did its work."""
    emu.fail_next("bot", after="accepted", status=502)
    assert check(emu).status_code == 502
    assert len(emu.bot_events) == 1


def test_a_delay_alone_only_makes_the_response_late(emu: Emulator) -> None:
    emu.fail_next("bot", delay=0.05)
    assert check(emu).status_code == 200


def test_a_long_delay_outlasts_the_clients_patience_but_not_the_emulator() -> None:
    """The event is not acted upon at the end: a delay that is cut short is a server that died."""
    with Emulator() as emu:
        emu.fail_next("bot", delay=600)
        with pytest.raises(httpx.ReadTimeout):
            check(emu, timeout=0.1)
    assert emu.bot_events == []


@pytest.mark.parametrize("options", [{"where": "bots"}, {"where": "bot", "times": 0}])
def test_an_order_that_can_never_come_true_is_refused(emu: Emulator, options: dict[str, Any]) -> None:
    """A misspelt name would otherwise let a test pass that tests nothing."""
    with pytest.raises(ConfigError):
        emu.fail_next(**options)


def test_a_slip_in_an_order_shows_at_once(emu: Emulator) -> None:
    wrong: Any = "sometime"
    with pytest.raises(ValueError, match="after"):
        emu.fail_next("bot", after=wrong)
    with pytest.raises(ValueError, match="status"):
        emu.fail_next("bot", status=99)
    with pytest.raises(TypeError):
        emu.fail_next("bot", delay=wrong)


def test_faults_can_be_ordered_over_http(emu: Emulator) -> None:
    order = {"where": "bot", "status": 429, "retry_after": 3, "times": 1}
    assert httpx.post(f"{emu.automations_url}/_/fail", json=order, verify=False, trust_env=False).status_code == 200
    response = check(emu)
    assert (response.status_code, response.headers["retry-after"]) == (429, "3")


@pytest.mark.parametrize(
    "order", [{}, {"where": "bots"}, {"where": "bot", "what": 1}, {"where": "bot", "status": "500"}, [1]]
)
def test_a_wrong_order_over_http_is_400(emu: Emulator, order: Any) -> None:
    response = httpx.post(f"{emu.automations_url}/_/fail", json=order, verify=False, trust_env=False)
    assert response.status_code == 400
    assert response.json()["message"]
    assert check(emu).status_code == 200


def outcomes(emu: Emulator, chaos: Chaos, count: int) -> list[int | None]:
    emu.reset()
    emu.chaos = chaos
    for _ in range(count):
        try:
            check(emu)
        except httpx.TransportError:
            continue
    emu.chaos = None
    return [seen.status for seen in emu.requests]


def test_seeded_chaos_repeats_itself(emu: Emulator) -> None:
    """A failure found by chance must be found again on purpose."""
    rates: dict[str, Any] = {"throttle": 0.3, "error": 0.2, "cut_before": 0.1, "cut_after": 0.1}
    first = outcomes(emu, Chaos(seed=7, **rates), 40)
    assert set(first) == {200, 429, 500, None}
    assert outcomes(emu, Chaos(seed=7, **rates), 40) == first
    assert outcomes(emu, Chaos(seed=8, **rates), 40) != first


@pytest.mark.parametrize(
    ("chaos", "status", "acted"),
    [
        (Chaos(throttle=1), 429, 0),
        (Chaos(error=1), 500, 0),
        (Chaos(cut_before=1), None, 0),
        (Chaos(cut_after=1, delay=0.01), None, 1),
        (Chaos(delay=0.01), 200, 1),
    ],
)
def test_each_standing_fault(emu: Emulator, chaos: Chaos, status: int | None, acted: int) -> None:
    assert outcomes(emu, chaos, 1) == [status]
    assert len(emu.bot_events) == acted


def test_a_throttled_client_is_told_when_to_come_back() -> None:
    with Emulator(chaos=Chaos(throttle=1, retry_after="3")) as emu:
        assert check(emu).headers["retry-after"] == "3"


@pytest.mark.parametrize("rates", [{"throttle": 0.6, "error": 0.6}, {"error": 1.1}, {"cut_after": -0.1}])
def test_shares_that_cannot_be_are_refused(rates: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Chaos(**rates)  # type: ignore[arg-type]  # mypy takes the mapping for the seed as well
