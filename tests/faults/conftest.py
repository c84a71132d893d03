"""What a sceptic would do to a run: kill it, cut it off, starve it of room. Figures are printed at the end.

Not part of the ordinary suite: `nox -s faults`, or `pytest tests/faults`. The rounds with `kill -9` draw their moments
at random, anew each time; `OMNIVERY_FAULTS_SEED` repeats a draw.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.figures import COUNTS, Figures

FIGURES: pytest.StashKey[Figures] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    seed = os.environ.get("OMNIVERY_FAULTS_SEED")
    # httpx's own: a request that is cut while it is sent leaves the generator of its body to the garbage collector.
    config.addinivalue_line("filterwarnings", "ignore:Async generator 'httpx._content.ByteStream:ResourceWarning")
    config.stash[FIGURES] = Figures(seed=int(seed) if seed else random.SystemRandom().randrange(10**9))


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Where a test notes what it has seen."""
    return request.config.stash[FIGURES]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    found = config.stash[FIGURES]
    if not found.rows:
        return
    terminalreporter.section(f"figures (OMNIVERY_FAULTS_SEED={found.seed})")
    for line in _table(found.rows):
        terminalreporter.write_line(line)


def _table(rows: dict[str, Counter[str]]) -> Iterator[str]:
    width = max(len(name) for name in rows)
    yield " " * width + "".join(f"{name:>10}" for name in COUNTS)
    total: Counter[str] = Counter()
    for name, row in rows.items():
        total.update(row)
        yield f"{name:<{width}}" + "".join(f"{row[count]:>10,}" for count in COUNTS)
    yield f"{'all':<{width}}" + "".join(f"{total[count]:>10,}" for count in COUNTS)
