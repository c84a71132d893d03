"""Values of a fault specification, as numbers."""

from __future__ import annotations

import pytest

from omnivery.emulator.fault_values import Duration, Rate, Share


def test_a_share_is_a_fraction() -> None:
    assert Share.parse("0.5%").share == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("text", "seconds", "jitter"), [("50ms±20ms", 0.05, 0.02), ("2s", 2, 0), ("1m+-1s", 60, 1), ("0.5h", 1800, 0)]
)
def test_a_duration_is_in_seconds(text: str, seconds: float, jitter: float) -> None:
    duration = Duration.parse(text)
    assert duration.jitter == pytest.approx(jitter)
    assert duration.at(0) == pytest.approx(seconds - jitter)
    assert duration.at(0.5) == pytest.approx(seconds)
    assert duration.at(1) == pytest.approx(seconds + jitter)


def test_a_rate_has_its_unit_of_time() -> None:
    rate = Rate.parse("600/m")
    assert (rate.count, rate.per) == (600, 60)
