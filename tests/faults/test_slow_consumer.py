"""A million events, and a consumer that is always too slow: memory stays as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import sink
from tests.faults.figures import Figures
from tests.faults.inputs import WORKER

FEW, MANY, CONCURRENCY = 100_000, 1_000_000, 4
SQLITE_CACHE = 16_000_000
"""Bytes of pages that SQLite keeps of a journal: full after about a million events, and no larger after that."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.mark.parametrize("journalled", [False, True], ids=["without a journal", "with a journal"])
def test_memory_is_that_of_a_tenth_of_the_events(tmp_path: Path, figures: Figures, journalled: bool) -> None:
    """The consumer takes an outcome only when as many batches as may be are alive, so the promise is used to the full.

    Twice `concurrency` batches are alive then, and never more.
    """
    with sink.running() as server:
        few = _consume(server.url, FEW, tmp_path / "few" if journalled else None)
        many = _consume(server.url, MANY, tmp_path / "many" if journalled else None)
        assert server.traffic().requests == (FEW + MANY) // 500
    assert (few["accepted"], many["accepted"]) == (FEW, MANY)
    assert few["most"] == many["most"] == 2 * CONCURRENCY * 500
    cache = SQLITE_CACHE if journalled else 0
    assert many["peak"] <= 1.2 * few["peak"] + cache, (few["peak"], many["peak"])
    figures.add("a slow consumer", rounds=2, batches=(FEW + MANY) // 500, events=FEW + MANY)


def _consume(url: str, events: int, journal: Path | None) -> dict[str, int]:
    environment = {
        **os.environ,
        "OMNIVERY_TOKEN": "example-token",
        "OMNIVERY_AUTOMATIONS_URL": url,
        "OMNIVERY_DOMAIN": "mail.example.com",
        "OMNIVERY_WEBHOOK_URL": "http://127.0.0.1:9/verdicts",
    }
    options = ["--journal", str(journal)] if journal else []
    command = (*WORKER, "consumer", str(events), "--concurrency", str(CONCURRENCY), *options)
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found
