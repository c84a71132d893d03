"""The main job from end to end, over real sockets: events out, signed verdicts back, each matched to its event."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest
from crawleruseragents import is_crawler  # type: ignore[import-untyped]  # it ships no types

from omnivery import AsyncAutomations, readers
from omnivery._server import serving
from omnivery.automations import BotEvent, Verdict
from omnivery.emulator import Emulator
from omnivery.emulator.sample_events import newsletter_events
from omnivery.webhooks import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omnivery.automations.report import SubmitReport
    from omnivery.webhooks import WebhookEvent

REAL_LOG = Path(__file__).parents[2] / "shared" / "data" / "access_log.gz"


async def run_through(
    events: Iterable[object], faults: str | None = None
) -> tuple[SubmitReport, dict[str, Verdict], Receiver]:
    """Submit events to an emulator and collect the verdicts that come back."""
    verdicts: dict[str, Verdict] = {}

    async def collect(event: WebhookEvent) -> None:
        verdicts.update((str(verdict.event_id), verdict) for verdict in event)  # type: ignore[union-attr]

    async with Emulator(faults=faults) as emulator:
        receiver = Receiver(collect, emulator.signing_key)
        async with (
            serving(receiver) as webhook_url,
            AsyncAutomations(
                emulator.token, base_url=emulator.automations_url, domain=emulator.domain, webhook_url=webhook_url
            ) as client,
        ):
            report = await client.bots.submit(events)  # type: ignore[arg-type]
            await anyio.to_thread.run_sync(emulator.wait_idle, 30)
    return report, verdicts, receiver


@pytest.mark.skipif(not REAL_LOG.exists(), reason="the real log is not at hand")
def test_a_real_log_gets_a_verdict_for_each_event_and_known_crawlers_are_bots() -> None:
    events = list(readers.read(REAL_LOG))
    report, verdicts, receiver = anyio.run(run_through, events)
    assert (report.read, report.accepted, report.rejected, report.batches) == (10_000, 9_999, 1, 20)
    read = {event.event_id: event for event in events if isinstance(event, BotEvent)}
    assert set(verdicts) == set(read)
    for event_id, event in read.items():
        assert verdicts[str(event_id)].attributes["line"] == (event.attributes or {})["line"]
        if is_crawler(event.uas or "-"):
            assert verdicts[str(event_id)].is_bot is True
    assert receiver.statistics.refused == receiver.statistics.replayed == 0


def test_through_a_storm_every_event_is_accepted_and_judged_in_the_end() -> None:
    """A fifth of all requests is throttled, fails, or is cut before or after acceptance."""
    faults = "429=5%,500=5%,cut-before=5%,cut-after=5%,retry-after=10ms,seed=7"
    events = list(newsletter_events(20_000))
    report, verdicts, _ = anyio.run(run_through, events, faults)
    assert report.accepted == report.read == 20_000
    assert report.retries > 0
    assert set(verdicts) == {event.event_id for event in events}
