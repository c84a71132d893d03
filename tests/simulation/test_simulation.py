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
from tests.simulation.world import SIZE, Outage, Plan

SEEDS = int(os.environ.get("OMNIVERY_SEEDS", "300"))
AT_ONCE = 10
"""Seeds of one test: each takes a fraction of a second."""
STEADY = Plan(
    events=1600, concurrency=8, spacing=0.0, latency=0.1, limit=5.0, burst=5.0, retry_after=0.0, outages=(),
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
        pytest.param(116, id="it-began-while-the-circuit-was-open"),
        pytest.param(1792, id="it-began-before-the-first-response"),
    ],
)
def test_an_outage_does_not_count_against_a_batch(seed: int) -> None:
    """What failed in an outage was given up when the service was back and took others first."""
    hold_events_to_the_laws(run_events(seed, journal=seed % 3 != 0))


FULL = evolve(STEADY, events=2000, limit=float("inf"), full=Outage(start=0.5, seconds=300.0, kind="full"))


def test_a_full_disk_ends_a_run_which_goes_on_when_there_is_room() -> None:
    result = run_events(1, FULL)
    hold_events_to_the_laws(result)
    assert result.seconds < result.report.elapsed, "the first run was ended"


def test_mail_is_sent_once_whether_its_disk_is_full_or_not() -> None:
    result = run_mail(1, FULL)
    hold_mail_to_the_laws(result)
    assert len(result.service.taken) == FULL.events // SIZE


@pytest.mark.parametrize("limit", [2.0, 5.0, 10.0, 20.0])
@pytest.mark.parametrize("retry_after", [0.0, 1.0])
def test_a_steady_limit_is_used(limit: float, retry_after: float) -> None:
    plan = evolve(STEADY, limit=limit, burst=limit, retry_after=retry_after)
    result = run_events(int(limit), plan, journal=False)
    hold_events_to_the_laws(result)
    hold_throughput_to_the_law(result)


@pytest.mark.parametrize(("limit", "burst", "retry_after"), [(2.0, 2.0, 5.0), (5.0, 5.0, 10.0), (20.0, 20.0, 2.0)])
def test_a_steady_limit_is_used_however_long_the_pauses_are(limit: float, burst: float, retry_after: float) -> None:
    """Pauses were held to be the server's slowness, so that ten seconds left a third of the rate."""
    plan = evolve(STEADY, events=8000, limit=limit, burst=burst, retry_after=retry_after)
    result = run_events(int(limit), plan, journal=False)
    hold_events_to_the_laws(result)
    hold_throughput_to_the_law(result)
