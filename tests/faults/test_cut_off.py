"""Connections that end at every place, and servers that take a request and never respond."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, get_args

import anyio
import pytest

from omnivery import AsyncAutomations, CallOptions, RetryPolicy, Timeouts
from omnivery.automations import SubmitReport
from omnivery.bulk.journal.reader import JournalReader
from omnivery.emulator import Emulator
from omnivery.errors import AmbiguousError
from tests.faults.figures import Figures
from tests.faults.wire import REACHED, Place, Wire
from tests.support.bots import (
    FAST,
    WEBHOOK,
    assert_lawful,
    events,
    ids,
    numbered,
    sent,
)
from tests.support.journal import accepted_ids, where_events_are

pytestmark = pytest.mark.anyio

BATCHES = 12
EVENTS = BATCHES * 500


async def submit(wire: Wire, journal: Path, **options: Any) -> SubmitReport:
    async with client_of(wire) as client:
        chosen = {"concurrency": 3, "options": FAST, **options}
        report = await client.bots.submit(events(EVENTS), journal=journal, **chosen)
    assert_lawful(report)
    return report


def client_of(wire: Wire) -> AsyncAutomations:
    emulator = wire.emulator
    return AsyncAutomations(emulator.token, base_url=wire.url, domain=emulator.domain, webhook_url=WEBHOOK)


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("place", get_args(Place))
async def test_a_connection_that_is_cut_repeats_only_what_got_no_response(
    tmp_path: Path, figures: Figures, place: Place, reset: bool
) -> None:
    """Every third connection ends there. What the server received and responded to in full never comes again."""

    def cut(number: int) -> Place | None:
        return place if number % 3 == 1 else None

    with Emulator() as emulator:
        with Wire(emulator, cut=cut, reset=reset) as wire:
            report = await submit(wire, tmp_path / "j")
        arrived = Counter(ids(emulator.bot_events))
    times = Counter(wire.bodies)
    assert (report.accepted, report.batches, report.stopped_by) == (EVENTS, BATCHES, None)
    assert set(arrived) == numbered(EVENTS)
    assert Counter(where_events_are(tmp_path / "j")) == Counter(numbered(EVENTS))
    # A batch is the same bytes each time, and there is one time more for each response that was lost.
    assert times == {body: 1 + wire.lost_responses[body] for body in times}
    assert len(times) == BATCHES
    repeats = sum(times.values()) - BATCHES
    assert (repeats > 0) is (place in REACHED)
    figures.add("connections cut", rounds=1, batches=BATCHES, events=EVENTS, repeats=repeats)


def ids_in(body: bytes) -> list[str]:
    """The ids of the events in a request."""
    return ids(sent(body))


async def test_a_server_that_responds_to_half_and_hangs_on_the_rest(tmp_path: Path, figures: Figures) -> None:
    """The read timeout ends each wait. What was given up is in the journal, and a retry sends it."""
    impatient = CallOptions(timeouts=Timeouts(read=0.25), retry=RetryPolicy(attempts=2, base=0.001))
    journal = tmp_path / "j"
    hanging = True
    with Emulator() as emulator:
        with Wire(emulator, hang=lambda number: hanging and number % 2 == 1) as wire:
            report = await submit(wire, journal, options=impatient, concurrency=4)
            # How many are given up depends on the machine: as the run slows down, each second request becomes a
            # repeat, which is let through. But a batch is accepted only if one of its responses was let through.
            times = Counter(wire.bodies)
            silent = {one for body in times if times[body] == wire.lost_responses[body] for one in ids_in(body)}
            assert Counter(where_events_are(journal)) == Counter(numbered(EVENTS))
            assert silent.isdisjoint(accepted_ids(journal))
            assert len(accepted_ids(journal)) == report.accepted > 0
            assert report.undelivered == EVENTS - report.accepted >= len(silent)
            assert sum(times.values()) == report.requests > BATCHES
            assert all(isinstance(failure.error, AmbiguousError) for failure in report.failures)
            hanging = False
            wire.let_go()
            async with client_of(wire) as client:
                after = await client.bots.retry(journal, options=FAST)
        arrived = Counter(ids(emulator.bot_events))
    times = Counter(wire.bodies)
    assert (after.read, after.accepted, after.undelivered) == (EVENTS, EVENTS, 0)
    assert set(arrived) == numbered(EVENTS)
    # On a busy machine a response may come after the read timeout: lost to the client, and not counted by the server.
    assert all(times[body] >= 1 + wire.lost_responses[body] for body in times)
    assert sum(times.values()) == after.requests
    figures.add("a server that hangs", rounds=1, batches=BATCHES, events=EVENTS, repeats=sum(times.values()) - BATCHES)


async def test_a_run_that_is_left_while_the_server_hangs_goes_on(tmp_path: Path, figures: Figures) -> None:
    """As a service that is stopped does: what hangs is pending, and goes out again by the same call."""
    journal, concurrency = tmp_path / "j", 4
    hanging = True
    with Emulator() as emulator:
        with Wire(emulator, hang=lambda number: hanging and number >= BATCHES // 2) as wire:
            async with client_of(wire) as client:
                run = client.bots.stream(events(EVENTS), concurrency=concurrency, journal=journal)
                async with run:
                    for _ in range(BATCHES // 2):
                        await anext(run)
                    with anyio.fail_after(30):
                        while len(wire.bodies) < BATCHES // 2 + concurrency:  # noqa: ASYNC110  # a thread has them
                            await anyio.sleep(0.001)
            assert_lawful(run.report)
            with JournalReader.open(journal) as view:
                state = view.state()
            assert state.accepted == EVENTS // 2
            # Behind each request in flight another batch may be ready.
            assert concurrency * 500 <= state.pending <= 2 * concurrency * 500
            hanging = False
            wire.let_go()
            report = await submit(wire, journal)
        arrived = Counter(ids(emulator.bot_events))
    assert (report.read, report.accepted) == (EVENTS, EVENTS)
    assert set(arrived) == numbered(EVENTS)
    assert sum(arrived.values()) - EVENTS == concurrency * 500
    figures.add("a server that hangs", rounds=1, batches=BATCHES, events=EVENTS, repeats=concurrency)
