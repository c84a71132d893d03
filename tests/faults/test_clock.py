"""A wall clock that jumps by hours, back and forth: time stamps may be odd, and nothing else."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import cycle
from pathlib import Path

import pytest

from omnivery.bulk.journal.reader import JournalReader
from omnivery.emulator import Emulator
from omnivery.errors import RateLimitError
from tests.faults.figures import Figures
from tests.support.bots import (
    FAST,
    assert_lawful,
    client_of,
    event,
    events,
    ids,
    numbered,
)
from tests.support.journal import where_events_are

pytestmark = pytest.mark.anyio

HOUR = 3600.0
EVENTS = 5000


@pytest.fixture
def _jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the wall clock sees another hour."""
    true, offsets = time.time, cycle([0.0, 5 * HOUR, -7 * HOUR, 26 * HOUR, -HOUR])
    monkeypatch.setattr(time, "time", lambda: true() + next(offsets))


def date_of(hours: float) -> str:
    """A `Retry-After` that is in so many hours by our clock."""
    return format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)


@pytest.mark.usefixtures("_jumps")
async def test_a_run_goes_on_while_the_clock_jumps(tmp_path: Path, figures: Figures) -> None:
    """Throttled and cut off meanwhile, left in the middle, and taken up again."""
    with Emulator() as emulator:
        async with client_of(emulator) as client:
            emulator.fail_next("bot", status=429, retry_after=0.01, times=3)
            emulator.fail_next("bot", after="accepted", times=2)
            run = client.bots.stream(events(EVENTS), concurrency=3, journal=tmp_path / "j", options=FAST)
            async with run:
                for _ in range(4):
                    await anext(run)
            report = await client.bots.submit(events(EVENTS), concurrency=3, journal=tmp_path / "j", options=FAST)
        arrived = Counter(ids(emulator.bot_events))
    assert_lawful(report)
    assert (report.read, report.accepted, report.batches) == (EVENTS, EVENTS, EVENTS // 500)
    assert report.elapsed < HOUR
    assert set(arrived) == numbered(EVENTS)
    assert Counter(where_events_are(tmp_path / "j")) == Counter(numbered(EVENTS))
    figures.add("a clock that jumps", rounds=1, batches=EVENTS // 500, events=EVENTS)


@pytest.mark.usefixtures("_jumps")
async def test_a_writer_does_not_linger_by_the_wall_clock(figures: Figures) -> None:
    """Events go out after `linger` seconds, whatever the clock on the wall says."""
    with Emulator() as emulator:
        async with client_of(emulator) as client, client.bots.writer(linger=0.01) as writer:
            for number in range(30):
                await writer.put(event(number))
            report = await writer.flush()
        assert len(emulator.bot_events) == 30
    assert (report.accepted, report.undelivered) == (30, 0)
    figures.add("a clock that jumps", rounds=1, batches=1, events=30)


async def test_a_date_to_come_back_at_that_is_over_by_our_clock(tmp_path: Path) -> None:
    """Our clock is hours ahead: the wait is then our own, and not none."""
    with Emulator() as emulator:
        async with client_of(emulator) as client:
            emulator.fail_next("bot", status=429, retry_after=date_of(-5), times=4)
            report = await client.bots.submit(events(2000), concurrency=2, journal=tmp_path / "j", options=FAST)
    assert (report.accepted, report.retries, report.stopped_by) == (2000, 4, None)


async def test_a_date_to_come_back_at_that_is_hours_away_by_our_clock(tmp_path: Path) -> None:
    """Our clock is hours behind: the run does not hang until then, and what it stops with is whole."""
    with Emulator() as emulator:
        async with client_of(emulator) as client:
            emulator.fail_next("bot", status=429, retry_after=date_of(5))
            report = await client.bots.submit(events(2000), concurrency=1, journal=tmp_path / "j")
            assert_lawful(report)
            assert isinstance(report.stopped_by, RateLimitError)
            with JournalReader.open(tmp_path / "j") as view:
                assert view.state().read == report.read
            after = await client.bots.retry(tmp_path / "j")
            assert after.undelivered == 0
            whole = await client.bots.submit(events(2000), concurrency=1, journal=tmp_path / "j")
        assert Counter(ids(emulator.bot_events)) == Counter(numbered(2000))
    assert (whole.read, whole.accepted) == (2000, 2000)
