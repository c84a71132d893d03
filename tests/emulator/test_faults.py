"""Faults: every one as a client would meet it on the wire."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator, FaultSpec
from omnivery.emulator.fault import Fault
from omnivery.emulator.faults import StandingFaults
from omnivery.errors import ConfigError


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=()) as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


def check(emu: Emulator, *, timeout: float | httpx.Timeout = 30.0) -> httpx.Response:
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
            check(emu, timeout=httpx.Timeout(30, read=0.1))
    assert emu.bot_events == []


@pytest.mark.parametrize(
    "options", [{"where": "bots"}, *({"where": "bot", "times": times} for times in (0, 1.5, True, 1e20))]
)
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


def outcomes(emu: Emulator, faults: str, count: int) -> list[int | None]:
    emu.reset()
    emu.faults = faults
    for _ in range(count):
        try:
            check(emu)
        except httpx.TransportError:
            continue
    emu.faults = None
    return [seen.status for seen in emu.requests]


def test_seeded_faults_repeat_themselves(emu: Emulator) -> None:
    """A failure found by chance must be found again on purpose."""
    shares = "429=30%,500=20%,cut=20%"
    first = outcomes(emu, f"{shares},seed=7", 40)
    assert set(first) == {200, 429, 500, None}
    assert outcomes(emu, f"{shares},seed=7", 40) == first
    assert outcomes(emu, f"{shares},seed=8", 40) != first


@pytest.mark.parametrize(
    ("faults", "status", "acted"),
    [
        ("429=100%", 429, 0),
        ("500=100%", 500, 0),
        ("bot:503=100%", 503, 0),
        ("bot.result:503=100%", 200, 1),
        ("cut-before=100%", None, 0),
        ("cut-after=100%,delay=10ms", None, 1),
        ("delay=10ms±5ms", 200, 1),
    ],
)
def test_each_fault_by_chance(emu: Emulator, faults: str, status: int | None, acted: int) -> None:
    assert outcomes(emu, faults, 1) == [status]
    assert len(emu.bot_events) == acted


def test_a_throttled_client_is_told_when_to_come_back(emu: Emulator) -> None:
    emu.faults = "429=100%,retry-after=3s"
    assert check(emu).headers["retry-after"] == "3"
    emu.faults = "limit=1/m"
    assert check(emu).status_code == 200
    refused = check(emu)
    emu.faults = None
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")


def test_faults_that_name_no_route_or_cannot_be_read_are_refused_and_change_nothing(emu: Emulator) -> None:
    emu.faults = "429=1%"
    for wrong in ("bots:429=5%", "429=5"):
        with pytest.raises(ConfigError):
            emu.faults = wrong
        assert str(emu.faults) == "429=1%"
    emu.faults = None
    with pytest.raises(ConfigError, match="bots"):
        Emulator(faults="bots:429=5%")


def drawn(spec: str, count: int = 200, *, route: str = "bot", seed: int = 7) -> list[Fault | None]:
    standing = StandingFaults(FaultSpec.parse(spec), seed=seed)
    return [standing.draw(route) for _ in range(count)]


def test_shares_are_those_that_were_asked_for() -> None:
    statuses = Counter(fault.status if fault else 200 for fault in drawn("429=20%,500=10%", 5000))
    assert statuses[429] == pytest.approx(1000, rel=0.1)
    assert statuses[500] == pytest.approx(500, rel=0.1)


def test_a_part_for_a_route_replaces_the_one_for_all() -> None:
    assert {fault.status if fault else 200 for fault in drawn("429=100%,messages:429=0%", route="messages")} == {200}


def test_a_cut_is_before_acceptance_or_after_it() -> None:
    assert {fault.after for fault in drawn("cut=100%") if fault} == {"received", "accepted"}


def test_a_change_of_one_part_leaves_the_other_faults_of_a_run_as_they_were() -> None:
    plain = [fault and fault.status for fault in drawn("500=30%")]
    assert [fault and fault.status for fault in drawn("500=30%,delay=50ms±20ms")] == plain


def test_requests_of_another_route_do_not_change_what_a_route_meets() -> None:
    """Otherwise a poll more or less would change the whole run."""
    alone = drawn("500=30%", 20)
    standing = StandingFaults(FaultSpec.parse("500=30%"), seed=7)
    mixed = []
    for _ in range(20):
        standing.draw("bot.result")
        mixed.append(standing.draw("bot"))
    assert mixed == alone


def test_delays_spread_over_their_whole_range() -> None:
    delays = [fault.delay for fault in drawn("delay=50ms±20ms") if fault and fault.delay]
    assert len(delays) == 200
    assert 0.030 <= min(delays) < 0.035
    assert 0.065 < max(delays) <= 0.070


def test_webhooks_come_late_and_twice() -> None:
    standing = StandingFaults(FaultSpec.parse("dup=50%,late=2s±1s"), seed=7)
    faults = [standing.draw_webhook() for _ in range(200)]
    assert Counter(fault.copies for fault in faults)[2] == pytest.approx(100, rel=0.2)
    assert 1 <= min(fault.late for fault in faults) < max(fault.late for fault in faults) <= 3


def test_without_a_seed_every_run_has_other_faults() -> None:
    spec = FaultSpec.parse("500=50%")
    runs = [[StandingFaults(spec).draw("bot") for _ in range(1)] for _ in range(100)]
    assert len({str(run) for run in runs}) == 2
