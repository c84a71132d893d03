"""A rate that the server teaches with its 429s."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from omnivery.transport.adaptive_rate import AdaptiveRate


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


def test_a_second_of_history_is_enough_to_measure_a_rate() -> None:
    rate = AdaptiveRate()
    accepting(rate, 10, start=100.0, seconds=1)
    rate.throttled(101.0, 0.5, resume_at=None)
    assert rate.per_second(101.0) == pytest.approx(10.0)
