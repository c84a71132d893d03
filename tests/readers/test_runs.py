"""Files in a run: outcomes and reports contain events, in whatever form the run carried them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omnivery import readers
from omnivery.automations import BatchOutcome, BotEvent, EventLine, UnreadableLine
from tests.support.bots import finish, refusal, run_of, sent

pytestmark = pytest.mark.anyio

LOG_LINE = '192.0.2.{} - - [17/May/2026:10:05:03 +0000] "GET /c/1 HTTP/1.1" 302 0 "-" "Mozilla/5.0"\n'
JSON_LINE = '{{"ip":"192.0.2.{}","uas":"x","event_id":"e{}"}}\n'


@pytest.fixture(params=["log", "ndjson"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """1,200 events, the third of them bad."""
    path = tmp_path / "events"
    if request.param == "log":
        lines = [LOG_LINE.format(number % 200) for number in range(1200)]
    else:
        lines = [JSON_LINE.format(number % 200, number) for number in range(1200)]
    lines[2] = "no event\n"
    path.write_text("".join(lines))
    log: Any = readers.access_log(path, format="combined", client_ip="peer")
    return log if request.param == "log" else readers.ndjson(path)


def expected(source: Any) -> list[Any]:
    """What iteration gives of the valid events."""
    found = list(source)
    return [*found[:2], *found[3:]]


async def accept(_: bytes) -> int:
    return 1


async def test_outcomes_have_the_events_that_iteration_gives(source: Any) -> None:
    bodies: list[bytes] = []

    async def post(body: bytes) -> int:
        bodies.append(body)
        return 1

    run = run_of(source, post, concurrency=1)
    async with run:
        outcomes = [outcome async for outcome in run]
    accepted = [event for outcome in outcomes for event in outcome.accepted]
    assert {*map(type, accepted)} <= {BotEvent, EventLine}
    assert accepted == expected(source)
    assert [one["event_id"] for body in bodies for one in sent(body)] == [
        one.event_id if isinstance(one, BotEvent) else f"e{one.line - 1}"  # type: ignore[union-attr]
        for one in accepted
    ]
    ((rejection,), (refused,)) = outcomes[0].rejected, outcomes[0].refused
    assert (rejection.line, rejection.index) == (3, 2)
    assert not isinstance(refused, tuple)


async def test_outcomes_that_nobody_took_have_them_too(source: Any) -> None:
    followed: list[BatchOutcome] = []
    await run_of(source, accept).follow(followed.append)
    run = run_of(readers.read(source.origins[0].path), accept)
    async with run:
        taken = await anext(run)
    left = [taken, *run.remaining]
    for outcome in followed, left:
        assert {type(event) for one in outcome for event in one.accepted} <= {BotEvent, EventLine}
    assert sum(len(one.accepted) for one in followed) == 1199


async def test_what_was_not_delivered_can_be_submitted_again(source: Any) -> None:
    async def post(_: bytes) -> int:
        raise refusal(402)

    report = await finish(run_of(source, post, concurrency=1))
    events = report.undelivered_events()
    assert events == expected(source)[: len(events)]
    assert len(events) == report.undelivered >= 499
    report = await finish(run_of(events, accept))
    assert report.accepted == len(events)


async def test_what_the_service_refuses_is_told_with_its_id(source: Any) -> None:
    async def post(body: bytes) -> int:
        if any(one["ip"] == "192.0.2.7" for one in sent(body)):
            raise refusal(422)
        return 1

    outcomes: list[BatchOutcome] = []
    await run_of(source, post, concurrency=1).follow(outcomes.append)
    refused = [event for outcome in outcomes for event in outcome.refused]
    assert {*map(type, refused)} <= {BotEvent, EventLine, UnreadableLine}
    assert [one.index for outcome in outcomes for one in outcome.rejected if one.event_id] == [
        number for number in range(1200) if number % 200 == 7
    ]
    assert len(refused) == 7
