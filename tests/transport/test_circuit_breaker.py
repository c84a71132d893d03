"""A circuit that opens in an outage, and is closed by a probe."""

from __future__ import annotations

import math

import pytest

from omnivery.transport.circuit_breaker import Admission, CircuitBreaker


def broken(**settings: float) -> CircuitBreaker:
    """A circuit that opened at 100.0, after responses had come: it probes at 100.25."""
    breaker = CircuitBreaker(**settings)  # type: ignore[arg-type]  # threshold is a whole number in each test
    breaker.succeeded()
    for _ in range(breaker.threshold):
        breaker.failed(100.0, random=0.5, probe=False, responded=False)
    return breaker


def test_the_circuit_opens_after_so_many_failures_in_a_row() -> None:
    breaker = CircuitBreaker(threshold=3)
    breaker.succeeded()
    for _ in range(5):
        for _ in range(2):
            breaker.failed(100.0, random=0.5, probe=False, responded=True)
        assert breaker.admit(100.0) is Admission.GO
        breaker.succeeded()
    for _ in range(3):
        assert not breaker.is_open
        breaker.failed(100.0, random=0.5, probe=False, responded=True)
    assert breaker.is_open
    assert breaker.opened_at == 100.0
    assert breaker.admit(100.0) is Admission.WAIT


def test_a_circuit_stays_closed_until_there_was_a_response() -> None:
    """A wrong setting is likelier than an outage: it must come out as an error, and not as a silent wait."""
    breaker = CircuitBreaker(threshold=2)
    for _ in range(10):
        breaker.failed(100.0, random=0.5, probe=False, responded=False)
    assert breaker.admit(100.0) is Admission.GO
    breaker.failed(100.0, random=0.5, probe=False, responded=True)
    assert breaker.admit(100.0) is Admission.WAIT


def test_one_request_at_a_time_finds_out_whether_the_service_is_back() -> None:
    breaker = broken()
    assert breaker.ask_again_at == 100.25
    assert breaker.admit(100.2) is Admission.WAIT
    assert breaker.admit(100.25) is Admission.PROBE
    assert breaker.admit(100.25) is Admission.WAIT
    assert breaker.ask_again_at == math.inf, "until the probe has ended there is nothing to ask for"


def test_a_probe_that_succeeds_closes_the_circuit() -> None:
    breaker = broken()
    breaker.admit(101.0)
    breaker.succeeded()
    assert (breaker.is_open, breaker.failing_since) == (False, None)
    assert [breaker.admit(101.0) for _ in range(3)] == [Admission.GO] * 3


def test_probes_follow_one_another_at_growing_intervals() -> None:
    breaker = broken(cap=2.0)
    now, intervals = 100.0, []
    for _ in range(6):
        intervals.append(breaker.ask_again_at - now)
        now += intervals[-1]
        assert breaker.admit(now) is Admission.PROBE
        breaker.failed(now, random=0.5, probe=True, responded=False)
    assert intervals == pytest.approx([0.25, 0.5, 1.0, 2.0, 2.0, 2.0])


def test_half_of_an_interval_is_chance() -> None:
    """So that the processes of a service do not all probe in the same moment, and none at once."""
    waits = []
    for random in (0.0, 0.5, 0.999):
        breaker = CircuitBreaker(threshold=1)
        breaker.failed(100.0, random=random, probe=False, responded=True)
        waits.append(breaker.ask_again_at - 100.0)
    assert waits == pytest.approx([0.125, 0.25, 0.375], rel=0.01)


def test_intervals_start_small_again_after_a_success() -> None:
    breaker = broken()
    for now in (101.0, 102.0, 103.0):
        assert breaker.admit(now) is Admission.PROBE
        breaker.failed(now, random=0.0, probe=True, responded=False)
    breaker.succeeded()
    for _ in range(breaker.threshold):
        breaker.failed(200.0, random=0.5, probe=False, responded=False)
    assert breaker.ask_again_at == 200.25


def test_failures_of_requests_that_went_out_before_move_no_probe() -> None:
    breaker = broken()
    breaker.failed(100.2, random=0.5, probe=False, responded=False)
    assert breaker.ask_again_at == 100.25


def test_a_probe_that_was_cancelled_leaves_its_place_to_the_next() -> None:
    breaker = broken()
    assert breaker.admit(101.0) is Admission.PROBE
    breaker.abandoned()
    assert breaker.admit(101.0) is Admission.PROBE


def test_after_max_outage_nothing_goes_out() -> None:
    breaker = broken(max_outage=60.0)
    breaker.admit(159.9)
    assert breaker.ask_again_at == 160.0, "while it probes, the end of the outage is next"
    breaker.failed(159.9, random=0.5, probe=True, responded=False)
    assert breaker.admit(160.0) is Admission.REFUSED


def test_an_outage_is_counted_from_its_first_failure() -> None:
    breaker = broken(max_outage=60.0)
    breaker.succeeded()
    breaker.failed(500.0, random=0.5, probe=False, responded=False)
    breaker.failed(550.0, random=0.5, probe=False, responded=False)
    assert breaker.failing_since == 500.0
    assert breaker.admit(559.9) is Admission.GO
    assert breaker.admit(560.0) is Admission.REFUSED


def test_a_throttled_service_is_there_but_accepts_nothing() -> None:
    """429 closes the circuit, and lets `max_outage` go on."""
    breaker = broken(max_outage=60.0)
    breaker.throttled(110.0)
    assert (breaker.is_open, breaker.failing_since) == (False, 100.0)
    assert breaker.admit(159.9) is Admission.GO
    assert breaker.admit(160.0) is Admission.REFUSED
    fresh = CircuitBreaker(max_outage=60.0)
    fresh.throttled(110.0)
    assert (fresh.responded, fresh.failing_since) == (True, 110.0)


def test_without_a_failure_there_is_nothing_to_wait_for() -> None:
    assert CircuitBreaker(max_outage=60.0).ask_again_at == 0.0


def test_a_stopped_run_sends_nothing_any_more() -> None:
    breaker = CircuitBreaker()
    breaker.stopped = True
    assert breaker.admit(100.0) is Admission.REFUSED


@pytest.mark.parametrize("failures", [1, 5])
def test_after_a_429_in_an_outage_the_next_failure_opens_the_circuit_again(failures: int) -> None:
    """However it came to be open: a service that throttles its probe is hardly back."""
    breaker = CircuitBreaker()
    for _ in range(failures):
        breaker.failed(100.0, random=0.5, probe=False, responded=True)
    breaker.trip(100.0, random=0.5)
    breaker.throttled(101.0)
    assert not breaker.is_open
    breaker.failed(102.0, random=0.5, probe=False, responded=True)
    assert breaker.is_open


def test_a_429_among_failures_neither_adds_to_them_nor_ends_their_row() -> None:
    breaker = CircuitBreaker(threshold=3)
    breaker.failed(100.0, random=0.5, probe=False, responded=True)
    for now in (101.0, 102.0):
        breaker.throttled(now)
        assert not breaker.is_open
    breaker.failed(103.0, random=0.5, probe=False, responded=True)
    assert not breaker.is_open
    breaker.failed(104.0, random=0.5, probe=False, responded=True)
    assert breaker.is_open


def test_it_is_counted_how_often_the_circuit_opened() -> None:
    """A run tells by it whether a batch failed in an outage, or for its own sake."""
    breaker = CircuitBreaker()
    counts = [breaker.openings]
    for now in (100.0, 200.0):
        breaker.failed(now, random=0.5, probe=False, responded=True)
        for _ in range(2):
            breaker.trip(now, random=0.5)
        counts.append(breaker.openings)
        breaker.succeeded()
    assert counts == [0, 1, 2]
