"""A rate limit: a burst, then the rate, on a clock of the test's own."""

from __future__ import annotations

import pytest

from omnivery.emulator.fault_values import Rate
from omnivery.emulator.rate_limit import RateLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_the_rest_is_told_when_to_come() -> None:
    clock = Clock()
    limit = RateLimit(Rate.parse("2/s"), clock=clock)
    assert [limit.take() for _ in range(3)] == [0, 0, 0.5]
    clock.now = 0.4
    assert limit.take() == pytest.approx(0.1)
    clock.now = 0.5
    assert limit.take() == 0


def test_a_refused_request_costs_nothing() -> None:
    """A client that comes back when it was told to is let through, however often it came before."""
    clock = Clock()
    limit = RateLimit(Rate.parse("1/m"), clock=clock)
    limit.take()
    assert [limit.take() for _ in range(5)] == [60] * 5
    clock.now = 60
    assert limit.take() == 0


def test_a_long_silence_saves_up_one_burst_only() -> None:
    clock = Clock()
    limit = RateLimit(Rate.parse("3/s"), clock=clock)
    clock.now = 1000.0
    assert [limit.take() for _ in range(3)] == [0, 0, 0]
    assert limit.take() > 0
