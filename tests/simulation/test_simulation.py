"""The bulk engine, simulated: long runs, odd services and killed processes in virtual time, each replayed by its seed.

`OMNIVERY_SEEDS` says how many seeds are tried; a failing one is named by its test and replays exactly.
"""

from __future__ import annotations

import os

import pytest
from attrs import evolve

from tests.simulation.runs import (
    hold_events_to_the_laws,
    hold_mail_to_the_laws,
    hold_throughput_to_the_law,
    run_events,
    run_mail,
)
from tests.simulation.world import Plan

SEEDS = int(os.environ.get("OMNIVERY_SEEDS", "300"))
AT_ONCE = 10
"""Seeds of one test: each takes a fraction of a second."""
STEADY = Plan(
    events=800, concurrency=8, spacing=0.0, latency=0.1, limit=5.0, burst=5.0, retry_after=False, outages=(),
    failing=0.0, losing=0.0, poison=frozenset(), invalid=frozenset(), too_large=0, kills=(),
)  # fmt: skip


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_events_obey_the_laws(first: int) -> None:
    for seed in range(first, min(first + AT_ONCE, SEEDS)):
        try:
            hold_events_to_the_laws(run_events(seed, journal=seed % 3 != 0))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize("first", range(0, SEEDS // 3, AT_ONCE))
def test_mail_obeys_the_laws(first: int) -> None:
    for seed in range(first, min(first + AT_ONCE, SEEDS // 3)):
        try:
            hold_mail_to_the_laws(run_mail(seed))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(55, id="it-began-while-the-circuit-was-open"),
        pytest.param(1792, id="it-began-before-the-first-response"),
    ],
)
def test_an_outage_does_not_count_against_a_batch(seed: int) -> None:
    """What failed in an outage was given up when the service was back and took others first."""
    hold_events_to_the_laws(run_events(seed, journal=seed % 3 != 0))


@pytest.mark.parametrize("limit", [2.0, 5.0, 10.0, 20.0])
@pytest.mark.parametrize("retry_after", [False, True])
def test_a_steady_limit_is_used(limit: float, retry_after: bool) -> None:
    plan = evolve(STEADY, limit=limit, burst=limit, retry_after=retry_after)
    result = run_events(int(limit), plan, journal=False)
    hold_events_to_the_laws(result)
    hold_throughput_to_the_law(result)
