"""What a request has to pass before it goes out: slots that shrink and grow back, rates, and a circuit breaker."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.transport.limits import AdaptiveLimiter, AdaptiveRate, Admission, CircuitBreaker, RateLimiter
from tests.support.fakes import FakeRuntime, drive, response

# Slots


def test_a_burst_of_429_halves_the_slots_once() -> None:
    """Eight responses to one mistake are one mistake."""
    slots = AdaptiveLimiter(ceiling=8)
    windows = [slots.enter() for _ in range(8)]
    for window in windows:
        slots.throttled(window)
    assert slots.limit == 4


def test_each_window_that_is_told_off_halves_again_down_to_one() -> None:
    slots = AdaptiveLimiter(ceiling=8)
    limits = []
    for _ in range(5):
        slots.throttled(slots.enter())
        limits.append(slots.limit)
    assert limits == [4, 2, 1, 1, 1]


def test_a_clean_window_gives_one_slot_back() -> None:
    slots = AdaptiveLimiter(ceiling=4)
    slots.throttled(slots.enter())
    limits = []
    for _ in range(7):
        slots.succeeded(slots.enter())
        limits.append(slots.limit)
    assert limits == [2, 3, 3, 3, 4, 4, 4]


def test_responses_from_before_the_change_say_nothing_about_it() -> None:
    slots = AdaptiveLimiter(ceiling=4)
    old = slots.enter()
    slots.throttled(old)
    for _ in range(10):
        slots.succeeded(old)
        slots.throttled(old)
    assert slots.limit == 2


def test_the_later_of_two_pauses_counts() -> None:
    slots = AdaptiveLimiter(ceiling=4)
    window = slots.enter()
    slots.throttled(window, resume_at=30.0)
    slots.throttled(window, resume_at=10.0)
    assert slots.resume_at == 30.0


@given(st.integers(1, 20), st.lists(st.tuples(st.sampled_from(["enter", "good", "slow"]), st.integers(0, 5))))
def test_slots_stay_between_one_and_the_ceiling(ceiling: int, steps: list[tuple[str, int]]) -> None:
    """Whatever comes, in whatever order: below one nothing would ever go out again."""
    slots = AdaptiveLimiter(ceiling=ceiling)
    windows = [slots.enter()]
    for step, which in steps:
        window, before = windows[-1 - which % len(windows)], slots.limit
        if step == "enter":
            windows.append(slots.enter())
        elif step == "good":
            slots.succeeded(window)
            assert slots.limit in {before, before + 1}
        else:
            slots.throttled(window)
            assert slots.limit in {before, max(1, before // 2)}
        assert 1 <= slots.limit <= ceiling


def test_a_throttled_window_forgets_what_was_clean() -> None:
    """Successes before a 429 are no evidence that the server takes more after it."""
    slots = AdaptiveLimiter(ceiling=8)
    slots.throttled(slots.enter())
    for _ in range(3):
        slots.succeeded(slots.enter())
    slots.throttled(slots.enter())
    assert slots.limit == 2
    slots.succeeded(slots.enter())
    assert slots.limit == 2
    slots.succeeded(slots.enter())
    assert slots.limit == 3


def test_each_throttled_window_has_a_number_of_its_own() -> None:
    """Else a late response from two changes ago would be taken for one from the present window."""
    slots = AdaptiveLimiter(ceiling=16)
    windows = []
    for _ in range(3):
        windows.append(slots.enter())
        slots.throttled(windows[-1])
    assert slots.limit == 2
    for window in windows:
        slots.throttled(window)
    assert slots.limit == 2
    for window in windows * 2:
        slots.succeeded(window)
    assert slots.limit == 2


def learned(status: int, *, random: float = 0.0, retry_after: str = "0") -> AdaptiveLimiter:
    """Slots that were halved once, and then saw two responses."""
    slots = AdaptiveLimiter(ceiling=4)
    slots.throttled(slots.enter())
    for _ in range(2):
        slots.learn(
            response(status, retry_after=retry_after), slots.enter(), now=100.0, max_retry_after=60.0, random=random
        )
    return slots


@pytest.mark.parametrize(("status", "limit"), [(200, 3), (404, 3), (499, 3), (500, 2), (502, 2), (429, 1), (503, 1)])
def test_a_refusal_of_one_request_is_clean_and_an_error_of_the_server_is_not(status: int, limit: int) -> None:
    """404 says that the server keeps up; 500 says nothing about how many requests it can take."""
    assert learned(status).limit == limit


@pytest.mark.parametrize(
    ("asked", "random", "resume_at"),
    [
        ("0.5", 0.0, 100.5),
        ("5", 0.0, 105.0),
        ("5", 0.5, 105.525),
        ("60", 0.5, 162.5),  # at most 5 s of jitter
        ("60.1", 0.5, 0.0),
        ("0", 0.5, 0.0),
    ],
)
def test_a_pause_lasts_as_long_as_asked_and_a_little_longer(asked: str, random: float, resume_at: float) -> None:
    assert learned(429, random=random, retry_after=asked).resume_at == pytest.approx(resume_at)


# A rate that the caller sets


def test_requests_are_spread_evenly_and_the_first_goes_at_once() -> None:
    runtime = FakeRuntime(clock=100.0)
    limiter = RateLimiter(per_second=4.0, runtime=runtime)
    times = []
    for count in (1, 1, 2, 1):
        drive(limiter.wait(count))
        times.append(runtime.clock)
    assert times == [100.0, 100.25, 100.5, 101.0]
    assert runtime.slept == [0.25, 0.25, 0.5], "the first does not wait, not even for nothing"


def test_a_rest_earns_no_burst() -> None:
    runtime = FakeRuntime(clock=100.0)
    limiter = RateLimiter(per_second=1.0, runtime=runtime)
    drive(limiter.wait())
    runtime.clock = 1000.0
    times = []
    for _ in range(3):
        drive(limiter.wait())
        times.append(runtime.clock)
    assert times == [1000.0, 1001.0, 1002.0]


# A rate that the server teaches


def offered(rate: AdaptiveRate, start: float, seconds: float, step: float = 0.05) -> int:
    """How many requests go out while one is offered at every step."""
    times = (start + step * number for number in range(round(seconds / step)))
    return sum(rate.turn(now) == 0.0 for now in times)


def accepting(rate: AdaptiveRate, per_second: int, *, start: float, seconds: int) -> None:
    """A server that takes so many requests a second."""
    for number in range(per_second * seconds):
        now = start + number / per_second
        rate.turn(now)
        rate.accepted(now)


def test_without_a_429_there_is_no_limit() -> None:
    rate = AdaptiveRate()
    accepting(rate, 10, start=100.0, seconds=10)
    assert rate.per_second(110.0) == math.inf
    assert [rate.turn(110.0) for _ in range(100)] == [0.0] * 100


def test_a_429_sets_the_rate_to_what_was_accepted() -> None:
    rate = AdaptiveRate()
    accepting(rate, 10, start=100.0, seconds=20)
    rate.throttled(120.0, 0.5, resume_at=None)
    assert rate.per_second(120.0) == pytest.approx(10.0, rel=0.06)
    assert offered(rate, 120.0, 1.0) <= 12


def test_what_was_accepted_takes_little_memory() -> None:
    rate = AdaptiveRate()
    accepting(rate, 1000, start=100.0, seconds=10)
    assert len(rate._counts) <= 21


def test_refusals_before_anything_is_known_pause_twice_as_long_each_time() -> None:
    """There is nothing to measure a rate by, and a burst would only be refused again."""
    rate = AdaptiveRate(longest_pause=0.1)
    now, pauses = 100.0, []
    for _ in range(4):
        assert rate.turn(now) == 0.0
        rate.throttled(now, 0.5, resume_at=None)
        pauses.append(rate.turn(now))
        now += pauses[-1]
    assert pauses == pytest.approx([0.03, 0.06, 0.1, 0.1])
    assert rate.per_second(now) == math.inf


def test_a_success_ends_the_growth_of_pauses() -> None:
    rate = AdaptiveRate()
    for now in (100.0, 101.0, 102.0):
        rate.throttled(now, 0.5, resume_at=None)
    rate.accepted(103.0)
    rate.throttled(103.0, 0.5, resume_at=None)
    assert rate.turn(103.0) == pytest.approx(0.03)


def test_half_of_a_pause_is_chance() -> None:
    waits = []
    for random in (0.0, 0.999):
        rate = AdaptiveRate()
        rate.throttled(100.0, random, resume_at=None)
        waits.append(rate.turn(100.0))
    assert waits == pytest.approx([0.015, 0.045], rel=0.01)


def test_a_refusal_that_says_when_to_come_back_costs_no_pause_of_ours() -> None:
    rate = AdaptiveRate()
    rate.throttled(100.0, 0.5, resume_at=101.0)
    assert rate.turn(100.0) == 1.0
    assert rate.turn(101.0) == 0.0


def test_one_refusal_at_a_known_rate_costs_no_pause() -> None:
    rate = AdaptiveRate()
    accepting(rate, 2, start=100.0, seconds=5)
    rate.throttled(105.0, 0.5, resume_at=None)
    assert rate.turn(105.0) == 0.0
    rate.throttled(105.0, 0.5, resume_at=None)
    assert rate.turn(105.0) > 0.0


def test_what_was_accepted_long_ago_does_not_count() -> None:
    rate = AdaptiveRate()
    accepting(rate, 40, start=100.0, seconds=5)
    accepting(rate, 4, start=105.0, seconds=6)
    rate.throttled(111.0, 0.5, resume_at=None)
    assert rate.per_second(111.0) == pytest.approx(4.0, rel=0.06)


def test_a_short_life_is_measured_over_its_own_length() -> None:
    """Two seconds of ten requests are ten a second, and not four."""
    rate = AdaptiveRate()
    accepting(rate, 10, start=100.0, seconds=2)
    rate.throttled(102.0, 0.5, resume_at=None)
    assert rate.per_second(102.0) == pytest.approx(10.0)


def test_each_429_slows_down_further() -> None:
    rate = AdaptiveRate()
    accepting(rate, 10, start=100.0, seconds=5)
    rates = []
    for _ in range(3):
        rate.throttled(105.0, 0.5, resume_at=None)
        rates.append(rate.per_second(105.0))
    assert rates[0] == pytest.approx(10.0, rel=0.06)
    assert rates[1:] == [pytest.approx(0.95 * rates[0]), pytest.approx(0.95**2 * rates[0])]


def test_a_server_that_takes_nothing_halves_the_rate_down_to_a_trickle() -> None:
    """Never to nothing: only a request can find out that the server takes requests again."""
    rate = AdaptiveRate()
    accepting(rate, 1, start=100.0, seconds=5)
    rate.throttled(105.0, 0.5, resume_at=None)
    rates = []
    for number in range(6):
        rate.throttled(120.0 + number / 1000, 0.5, resume_at=None)
        rates.append(rate.per_second(120.0 + number / 1000))
    assert all(after == pytest.approx(before / 2, rel=0.01) for before, after in pairwise(rates[:4]))
    assert rates[-1] == rate.SLOWEST


def test_refusals_one_after_the_other_pause_longer_and_longer() -> None:
    """As long as nothing was accepted, there is no rate to go by."""
    rate, now = AdaptiveRate(pause=0.1, longest_pause=1.0), 100.0
    pauses = []
    for _ in range(6):
        rate.throttled(now, 0.5, resume_at=None)
        pauses.append(rate.turn(now))
        now += pauses[-1]
    assert pauses == [pytest.approx(pause) for pause in (0.1, 0.2, 0.4, 0.8, 1.0, 1.0)]
    rate.throttled(now, 0.5, resume_at=now + 0.5)
    assert rate.turn(now) == 0.5, "the server said when to come back"


def test_the_rate_grows_back_slowly_and_then_faster_and_is_forgotten() -> None:
    rate = AdaptiveRate()
    accepting(rate, 10, start=100.0, seconds=5)
    rate.throttled(105.0, 0.5, resume_at=None)
    grown = [rate.per_second(105.0 + seconds) / 10 for seconds in (0, 5, 10, 30, 59.9, 60)]
    assert grown == sorted(grown)
    assert grown[1] < 1.15
    assert grown[2] < 1.5
    assert 5 < grown[3] < 10
    assert grown[4] < math.inf
    assert grown[5] == math.inf


def test_a_pause_that_the_server_asks_for_takes_nothing_from_the_rate() -> None:
    """Nothing is sent in it, so nothing can be accepted. A pause of 30 s halved the rate each time."""
    rate, now = AdaptiveRate(), 100.0
    for _ in range(10):
        accepting(rate, 10, start=now, seconds=40)
        rate.throttled(now + 40, 0.5, resume_at=now + 70)
        assert rate.per_second(now + 70) > 5
        now += 70
    assert rate.turn(now - 0.1) == pytest.approx(0.1)


def test_the_longer_a_pause_the_later_the_rate_grows_beyond_what_was_refused() -> None:
    """A refusal costs the whole pause."""
    grown = []
    for pause in (1, 10, 60):
        rate = AdaptiveRate()
        accepting(rate, 10, start=100.0, seconds=70)
        rate.throttled(170.0, 0.5, resume_at=170.0 + pause)
        rate.accepted(171.0 + pause)
        rate.throttled(180.0 + pause, 0.5, resume_at=180.0 + 2 * pause)
        back = 180.0 + 2 * pause
        assert rate.per_second(back) < 10
        grown.append(next(seconds for seconds in range(3600) if rate.per_second(back + seconds) > 12))
        assert rate.per_second(back + 4000) == math.inf, "a limit that was lifted is forgotten all the same"
    assert grown == sorted(grown)
    assert 2 * grown[0] < grown[1] < 700


def test_refusals_with_nothing_accepted_between_say_nothing_of_the_rate() -> None:
    """The server is closed for a while. Open again, it takes what it took before."""
    rate = AdaptiveRate()
    accepting(rate, 10, start=100.0, seconds=60)
    for number in range(10):
        rate.throttled(160.0 + 15 * number, 0.5, resume_at=175.0 + 15 * number)
    assert rate.per_second(310.0) == pytest.approx(10.0, rel=0.06)
    assert rate.per_second(370.0) == math.inf


def test_after_a_pause_there_is_one_turn_and_not_two() -> None:
    """A server without a burst would refuse the second, and ask for the next pause."""
    rate = AdaptiveRate()
    accepting(rate, 10, start=100.0, seconds=5)
    rate.throttled(105.0, 0.5, resume_at=110.0)
    assert rate.turn(110.0) == 0.0
    assert rate.turn(110.0) == pytest.approx(0.1, rel=0.1)


def test_a_refusal_before_a_rate_can_be_measured_spreads_what_was_accepted_over_the_pause() -> None:
    rate = AdaptiveRate()
    for _ in range(5):
        rate.turn(100.0)
        rate.accepted(100.2)
    rate.throttled(100.2, 0.5, resume_at=102.2)
    assert rate.per_second(102.2) == pytest.approx(5 / 2.2)
    assert rate.per_second(130.0) > 10, "it is a lower bound, and soon left behind"


def test_a_turn_that_is_not_due_says_how_long_it_takes() -> None:
    rate = AdaptiveRate()
    accepting(rate, 2, start=100.0, seconds=5)
    rate.throttled(105.0, 0.5, resume_at=None)
    turns = [rate.turn(105.0) for _ in range(4)]
    assert turns.count(0.0) <= 2, "one that is due, and one saved up"
    wait = turns[-1]
    assert 0.0 < wait < 0.6
    assert rate.turn(105.0) == wait, "asking takes no turn"
    assert rate.turn(105.0 + wait) == 0.0


def test_idle_time_saves_up_one_turn_at_most() -> None:
    rate = AdaptiveRate()
    accepting(rate, 2, start=100.0, seconds=5)
    rate.throttled(105.0, 0.5, resume_at=None)
    assert [rate.turn(115.0) == 0.0 for _ in range(4)].count(True) <= 2


# The circuit breaker


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
    assert breaker.wait(100.0) == 0.25
    assert breaker.wait(100.2) == pytest.approx(0.05)
    assert breaker.admit(100.2) is Admission.WAIT
    assert breaker.admit(100.25) is Admission.PROBE
    assert breaker.admit(100.25) is Admission.WAIT
    assert breaker.wait(100.25) == math.inf, "until the probe has ended there is nothing to ask for"


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
        intervals.append(breaker.wait(now))
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
        waits.append(breaker.wait(100.0))
    assert waits == pytest.approx([0.125, 0.25, 0.375], rel=0.01)


def test_intervals_start_small_again_after_a_success() -> None:
    breaker = broken()
    for now in (101.0, 102.0, 103.0):
        assert breaker.admit(now) is Admission.PROBE
        breaker.failed(now, random=0.0, probe=True, responded=False)
    breaker.succeeded()
    for _ in range(breaker.threshold):
        breaker.failed(200.0, random=0.5, probe=False, responded=False)
    assert breaker.wait(200.0) == 0.25


def test_failures_of_requests_that_went_out_before_move_no_probe() -> None:
    breaker = broken()
    breaker.failed(100.2, random=0.5, probe=False, responded=False)
    assert breaker.wait(100.2) == pytest.approx(0.05)


def test_a_probe_that_was_cancelled_leaves_its_place_to_the_next() -> None:
    breaker = broken()
    assert breaker.admit(101.0) is Admission.PROBE
    breaker.abandoned()
    assert breaker.admit(101.0) is Admission.PROBE


def test_after_max_outage_nothing_goes_out() -> None:
    breaker = broken(max_outage=60.0)
    assert breaker.wait(159.9) == 0.0
    breaker.admit(159.9)
    assert breaker.wait(159.5) == pytest.approx(0.5), "while it probes, the end of the outage is next"
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
    assert CircuitBreaker(max_outage=60.0).wait(100.0) == 0.0


def test_a_stopped_run_sends_nothing_any_more() -> None:
    breaker = CircuitBreaker()
    breaker.stopped = True
    assert breaker.admit(100.0) is Admission.REFUSED


def test_a_second_of_history_is_enough_to_measure_a_rate() -> None:
    rate = AdaptiveRate()
    accepting(rate, 10, start=100.0, seconds=1)
    rate.throttled(101.0, 0.5, resume_at=None)
    assert rate.per_second(101.0) == pytest.approx(10.0)


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
