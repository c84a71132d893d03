"""`kill -9` at random moments of a run with a journal, over real sockets, again and again."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from attrs import evolve

from tests.faults.figures import Figures
from tests.faults.inputs import INPUTS
from tests.faults.killing import COUNTS, KilledRun, Round

ROUNDS = 6
AT_ONCE = 2

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")


@pytest.mark.parametrize("name", INPUTS)
def test_a_killed_run_ends_as_if_nothing_had_happened(tmp_path: Path, figures: Figures, name: str) -> None:
    """Every event reaches the server, none is missing from the report, and nothing is sent twice without need."""
    submitted = INPUTS[name]
    dice = random.Random(f"{figures.seed} {name}")
    undisturbed = Round(
        seed=dice.randrange(10**9), folder=tmp_path / "undisturbed", submitted=evolve(submitted, loses=False), kills=0
    ).run()
    assert undisturbed.repeats == 0
    rounds = [
        Round(seed=seed, folder=tmp_path / str(seed), submitted=submitted, kills=1 + seed % 2)
        for seed in (dice.randrange(10**9) for _ in range(ROUNDS))
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for ended in pool.map(Round.run, rounds):
            _assert_like(ended, undisturbed, exactly=not submitted.loses)
            figures.add(
                f"kill -9: {name}",
                rounds=1,
                kills=ended.kills,
                batches=ended.batches,
                events=ended.totals["read"],
                repeats=ended.repeats,
                losses=len(undisturbed.arrived) - len(ended.arrived),
            )


def _assert_like(ended: KilledRun, undisturbed: KilledRun, *, exactly: bool) -> None:
    """The same totals, and the same events: in all that ever got a response and was committed."""
    assert ended.kills > 0
    assert set(ended.arrived) == set(undisturbed.arrived)
    for count in (*COUNTS, *(("requests", "retries") if exactly else ())):
        assert ended.totals[count] == undisturbed.totals[count], count
    assert _rejections(ended) == _rejections(undisturbed)


def _rejections(ended: KilledRun) -> list[tuple[int, str]]:
    return sorted((one["index"], one["reason"]) for one in ended.totals["rejections"])
