"""Bulk runs over real sockets: everything arrives once, in whatever shape it was given, and is accounted for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import pytest

from omnivery import AsyncAutomations
from omnivery.automations import EventLine, SubmitReport, UnreadableLine
from omnivery.emulator import Emulator
from omnivery.errors import (
    BulkError,
    ConfigError,
)
from omnivery.events.event import EventLike
from tests.support.bots import (
    assert_lawful,
    client_of,
    endless,
    event,
    events,
    ids,
    numbered,
    submit,
)

pytestmark = pytest.mark.anyio


async def test_1234_events_arrive_once_each_in_three_batches(emu: Emulator, client: AsyncAutomations) -> None:
    given = [event(n, action="open", ts=n, attributes={"n": [n]}) for n in range(1234)]
    report = await submit(client, given)
    report.raise_for_failures()
    assert (report.read, report.accepted, report.batches) == (1234, 1234, 3)
    assert (report.requests, report.retries, report.stopped_by) == (3, 0, None)
    assert sorted(emu.bot_batches) == [234, 500, 500]
    assert sorted(emu.bot_events, key=lambda one: one["ts"]) == [
        {"ip": "203.0.113.7", "uas": "Mozilla/5.0", "event_id": f"e{n}", "action": "open", "ts": n, "n": [n]}
        for n in range(1234)
    ]


async def test_every_shape_of_event_and_source_arrives(emu: Emulator, client: AsyncAutomations) -> None:
    async def stream() -> AsyncIterator[EventLike]:
        yield event(0)
        yield {"ip": "203.0.113.7", "uas": "-", "event_id": "e1"}
        yield b'{"ip":"203.0.113.7","uas":"-","event_id":"e2"}\n'
        yield EventLine(data=b'{"ip":"203.0.113.7","uas":"-","event_id":"e3"}', line=4)
        yield UnreadableLine(line=5, reason="blank line")

    report = await submit(client, stream())
    assert (report.read, report.accepted, report.rejected) == (5, 4, 1)
    assert ids(emu.bot_events) == ["e0", "e1", "e2", "e3"]
    assert report.rejections[0].line == 5


async def test_a_source_without_events_needs_no_request(emu: Emulator, client: AsyncAutomations) -> None:
    report = await submit(client, iter([]))
    assert (report.read, report.batches, report.requests) == (0, 0, 0)
    assert emu.requests == []
    report.raise_for_failures()


async def test_invalid_events_sink_no_batch(emu: Emulator, client: AsyncAutomations) -> None:
    """Two thousand of them: the first thousand are listed, all are counted."""
    report = await submit(client, [event(n, ip="nowhere" if n % 2 else "203.0.113.7") for n in range(4000)])
    assert (report.accepted, report.rejected, len(report.rejections)) == (2000, 2000, 1000)
    assert set(ids(emu.bot_events)) == {f"e{n}" for n in range(0, 4000, 2)}
    with pytest.raises(BulkError, match="not an IPv4 or IPv6 address") as caught:
        report.raise_for_failures()
    assert caught.value.report is report


async def test_the_domain_and_webhook_of_a_run_may_be_its_own(client: AsyncAutomations) -> None:
    with Emulator(bot_domains=["two.example.com"], webhook_retry_delays=()) as other:
        async with client_of(other, webhook_url=None) as own:
            hook = "http://127.0.0.1:9/other"
            bot = event(ip="192.0.2.1")
            report = await submit(own, [bot], domain="two.example.com", webhook_url=hook)
            await anyio.to_thread.run_sync(other.wait_idle)
    assert report.accepted == 1
    assert [attempt.url for attempt in other.webhook_attempts] == [hook]


@pytest.mark.parametrize("wrong", [{"domain": ""}, {"webhook_url": ""}, {"webhook_url": "here"}, {"events": event()}])
async def test_a_wrong_set_up_is_found_before_the_source_is_touched(emu: Emulator, wrong: dict[str, Any]) -> None:
    async with AsyncAutomations(emu.token, base_url=emu.automations_url) as client:
        options = {"domain": emu.domain, "webhook_url": "https://example.com/hook", "events": endless(), **wrong}
        with pytest.raises(ConfigError, match="Nothing was sent"):
            await client.bots.submit(options.pop("events"), **options)
    assert emu.requests == []


@pytest.mark.parametrize("concurrency", [0, -1, True, 2.5, "8", 10_001, 10**9])
async def test_concurrency_is_a_whole_number_from_one_to_ten_thousand(
    client: AsyncAutomations, concurrency: Any
) -> None:
    with pytest.raises(ConfigError, match="concurrency"):
        client.bots.stream(events(1), concurrency=concurrency)


@pytest.mark.parametrize("max_bytes", [None, 0, -1, True, 1.5, "1000"])
async def test_the_largest_request_is_a_whole_number_of_bytes(client: AsyncAutomations, max_bytes: Any) -> None:
    with pytest.raises(ConfigError, match="max_bytes"):
        client.bots.stream(events(1), max_bytes=max_bytes)


async def test_progress_is_told_after_each_batch(client: AsyncAutomations) -> None:
    told: list[SubmitReport] = []
    report = await submit(client, events(1234), concurrency=1, on_progress=told.append)
    assert [one.accepted for one in told] == [500, 1000, 1234]
    assert [one.elapsed for one in told] == sorted(one.elapsed for one in told)
    assert report.elapsed >= told[-1].elapsed > 0


async def test_a_callback_that_fails_ends_the_run_and_leaves_the_report() -> None:
    """It is the caller's own bug; what was sent by then was sent all the same."""

    def report_it(_: SubmitReport) -> None:
        raise ZeroDivisionError

    # A server of its own: requests that are under way at the end may arrive in the next test's.
    with Emulator() as own:
        async with client_of(own) as client:
            with pytest.raises(BulkError, match="on_progress raised ZeroDivisionError") as caught:
                await client.bots.submit(endless(), on_progress=report_it)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert_lawful(caught.value.report)
        assert set(ids(own.bot_events)) == numbered(caught.value.report.accepted)


class SourceError(Exception):
    """What a caller's own code raises."""


def broken() -> Iterator[EventLike]:
    yield from events(700)
    raise SourceError("database gone")


async def broken_stream() -> AsyncIterator[EventLike]:
    for item in broken():
        yield item


@pytest.mark.parametrize("source", [broken, broken_stream])
async def test_what_a_source_gave_before_it_failed_is_submitted(
    emu: Emulator, client: AsyncAutomations, source: Callable[[], Any]
) -> None:
    with pytest.raises(BulkError, match="700 were accepted") as caught:
        await client.bots.submit(source())
    report = caught.value.report
    assert_lawful(report)
    assert (report.read, report.accepted) == (700, 700)
    assert isinstance(caught.value.__cause__, SourceError)
    assert report.stopped_by is caught.value.__cause__
    assert "database gone" not in str(caught.value)
    assert Counter(ids(emu.bot_events)) == Counter(numbered(700))


class _Ended(Iterator[EventLike]):
    """An iterator that raises the wrong exception at its end, as one does that steps an asynchronous iterator."""

    def __init__(self) -> None:
        self._items = iter(events(700))

    def __next__(self) -> EventLike:
        for item in self._items:
            return item
        raise StopAsyncIteration


async def waits_for_a_cancelled_task() -> AsyncIterator[EventLike]:
    for item in events(700):
        yield item
    raise asyncio.CancelledError


def asks_a_cancelled_task() -> Iterator[EventLike]:
    yield from events(700)
    raise asyncio.CancelledError


@pytest.mark.parametrize("source", [_Ended, waits_for_a_cancelled_task, asks_a_cancelled_task])
async def test_a_source_that_raises_what_others_take_for_an_end_is_a_source_that_raised(
    client: AsyncAutomations, source: Callable[[], Any]
) -> None:
    """A run that has not read all of its source must not look like one that has."""
    with pytest.raises(BulkError, match="the source of events raised") as caught:
        await client.bots.submit(source())
    assert_lawful(caught.value.report)
    assert (caught.value.report.read, caught.value.report.accepted) == (700, 700)
    async with client.bots.stream(source()) as run:
        with pytest.raises(RuntimeError, match=r"raised (StopAsyncIteration|CancelledError)"):
            [outcome async for outcome in run]
