"""The writer: events put one by one go out as batches, in order, and `put` and `flush` keep their word."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from omnivery import AsyncAutomations
from omnivery.automations import EventLine, UnreadableLine
from omnivery.emulator import Emulator
from omnivery.errors import ConfigError
from omnivery.events.event import EventLike
from tests.support.bots import (
    FAST,
    WEBHOOK,
    client_of,
    event,
    events,
    ids,
    numbered,
    sent,
)
from tests.support.writer import Recorder, assert_settled, writer_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


async def test_a_service_puts_and_the_api_gets(emu: Emulator) -> None:
    async with client_of(emu) as client, client.bots.writer(max_events=100) as writer:
        for one in events(250):
            await writer.put(one)
        report = await writer.flush()
        assert report.accepted == 250
    assert_settled(writer, put=250)
    assert set(ids(emu.bot_events)) == numbered(250)
    writer.report.raise_for_failures()


async def test_what_fails_is_tried_again_as_in_every_run(emu: Emulator) -> None:
    emu.fail_next("bot", status=503, times=2)
    async with client_of(emu) as client, client.bots.writer(options=FAST) as writer:
        await writer.put(event())
    assert (writer.report.accepted, writer.report.retries) == (1, 2)
    assert (writer.statistics.requests, writer.statistics.retries, writer.statistics.batches) == (3, 2, 1)


async def test_a_batch_goes_out_when_it_is_full() -> None:
    server = Recorder()
    async with writer_of(server, concurrency=1, max_events=3) as writer:
        for one in events(7):
            await writer.put(one)
        await anyio.wait_all_tasks_blocked()
        assert server.batches == [["e0", "e1", "e2"], ["e3", "e4", "e5"]]
        assert writer.statistics.buffered == 1
    assert server.batches[2:] == [["e6"]]


async def test_a_batch_goes_out_at_so_many_bytes() -> None:
    """And the limit holds to the byte, because the run halves what the estimate got wrong."""
    bodies: list[bytes] = []

    async def server(body: bytes) -> int:
        bodies.append(body)
        return 1

    # Nested values are not looked at by the estimate.
    tricky = [event(number, attributes={"deep": ["x" * 300]}) for number in range(20)]
    async with writer_of(server, concurrency=1, max_bytes=1_000, run={"max_bytes": 1_000}) as writer:
        for one in tricky:
            await writer.put(one)
        await anyio.wait_all_tasks_blocked()
        assert bodies
    assert all(len(body) <= 1_000 for body in bodies)
    assert [one["event_id"] for body in bodies for one in sent(body)] == ids(events(20))


async def test_a_batch_that_never_fills_goes_out_all_the_same() -> None:
    server = Recorder()
    with anyio.fail_after(30):
        async with writer_of(server, linger=0.01) as writer:
            await writer.put(event(0))
            await server.arrived.wait()
            # And again, after the buffer was empty.
            server.arrived = anyio.Event()
            await writer.put(event(1))
            await server.arrived.wait()
    assert server.ids == ["e0", "e1"]


async def test_events_go_out_in_the_order_in_which_they_were_put() -> None:
    server = Recorder()
    async with writer_of(server, concurrency=1, max_events=7) as writer:
        for one in events(100):
            await writer.put(one)
    assert server.ids == ids(events(100))


async def test_a_producer_that_waits_for_nothing_else_does_not_keep_batches_from_going_out() -> None:
    server = Recorder()
    async with writer_of(server, max_events=10, max_buffered=50_000) as writer:
        for number in range(1_000):
            await writer.put(event(number))
        assert len(server.batches) > 50


async def test_whatever_submit_takes_can_be_put_and_what_cannot_be_sent_is_a_rejection() -> None:
    server = Recorder()
    good: list[EventLike] = [
        event(0),
        {"ip": "203.0.113.7", "uas": "-", "event_id": "e1"},
        b'{"ip":"203.0.113.7","uas":"-","event_id":"e2"}',
        EventLine(data=b'{"ip":"203.0.113.7","uas":"-","event_id":"e3"}', line=4),
    ]
    bad: list[Any] = [event(9, ip="nowhere"), b"no json", UnreadableLine(line=7, reason="blank line"), 5]
    async with writer_of(server) as writer:
        for one in [*good, *bad]:
            await writer.put(one)
        report = await writer.flush()
    assert (report.accepted, report.rejected) == (4, 4)
    assert [one.index for one in report.rejections] == [4, 5, 6, 7]
    assert server.batches == [["e0", "e1", "e2", "e3"]]
    assert_settled(writer, put=8)


# flush


async def test_flush_waits_for_what_was_put_before_it_and_for_nothing_else() -> None:
    """A service that never pauses would otherwise wait for ever."""
    server = Recorder(shut=True)

    async def open_after_more() -> None:
        await server.arrived.wait()
        server.gate.set()
        await writer.put(event(2))

    async with writer_of(server) as writer, anyio.create_task_group() as tasks:
        await writer.put(event(0))
        await writer.put(event(1))
        tasks.start_soon(open_after_more)
        report = await writer.flush()
        assert (report.read, report.accepted) == (3, 2)
        assert writer.statistics.buffered == 1


async def test_flush_waits_for_an_early_batch_that_is_slower_than_later_ones() -> None:
    gate, first_done = anyio.Event(), False

    async def server(body: bytes) -> int:
        nonlocal first_done
        if sent(body)[0]["event_id"] == "e0":
            await gate.wait()
            first_done = True
        return 1

    async with writer_of(server, max_events=2, concurrency=3) as writer, anyio.create_task_group() as tasks:
        for one in events(6):
            await writer.put(one)
        await anyio.wait_all_tasks_blocked()
        assert writer.statistics.accepted == 4

        async def flush() -> None:
            report = await writer.flush()
            assert first_done
            assert report.accepted == 6

        tasks.start_soon(flush)
        await anyio.wait_all_tasks_blocked()
        gate.set()


async def test_events_that_were_put_after_a_flush_do_not_end_it() -> None:
    """They may be settled first: as many as it waits for, and not those."""
    gate = anyio.Event()
    flushed: list[int] = []

    async def server(body: bytes) -> int:
        if sent(body)[0]["event_id"] == "e0":
            await gate.wait()
        return 1

    async with writer_of(server, max_events=2, concurrency=3) as writer, anyio.create_task_group() as tasks:

        async def flush() -> None:
            flushed.append((await writer.flush()).accepted)

        for number in range(2):
            await writer.put(event(number))
        tasks.start_soon(flush)
        await anyio.wait_all_tasks_blocked()
        for number in range(2, 6):
            await writer.put(event(number))
        await anyio.wait_all_tasks_blocked()
        assert (writer.statistics.accepted, flushed) == (4, [])
        gate.set()
    assert flushed == [6]


async def test_a_flush_of_nothing_comes_back() -> None:
    async with writer_of(Recorder()) as writer:
        assert (await writer.flush()).read == 0


# Late events


async def test_late_events_are_sent_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """The service remembers honeypot hits for 30 minutes: later verdicts are worse, and nobody would know why."""
    now = int(time.time())
    server = Recorder()
    old: list[EventLike] = [
        event(0, ts=now - 1900),
        {"ip": "203.0.113.7", "uas": "-", "event_id": "e1", "ts": 1},
        b'{"ip":"203.0.113.7","uas":"-","event_id":"e2","ts":5}',
    ]
    fresh: list[EventLike] = [event(3, ts=now - 1700), event(4), event(5, ts=now), b"[]", b"{"]
    with caplog.at_level(logging.WARNING, "omnivery"):
        async with writer_of(server) as writer:
            for one in [*old, *fresh]:
                await writer.put(one)
    assert (writer.report.late, writer.statistics.late) == (3, 3)
    assert writer.report.accepted == 6
    (line,) = caplog.messages
    assert line.endswith("30 minutes; so far: 3")


# Its manners


async def test_accepted_events_are_let_go() -> None:
    """But for those of the last batches, as in every run."""
    living = set(range(500))
    async with writer_of(Recorder(), concurrency=1, max_events=10) as writer:
        for number in range(500):
            one = event(number)
            weakref.finalize(one, living.discard, number)
            await writer.put(one)
        await writer.flush()
        assert len(living) <= 21


async def test_a_writer_shows_no_event() -> None:
    async with writer_of(Recorder()) as writer:
        await writer.put(event(uas="secret agent"))
        assert "put=1" in repr(writer)
        assert "secret" not in repr(writer) + repr(writer.source) + repr(writer.source.buffer) + repr(writer.run)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("linger", -1),
        ("linger", float("nan")),
        ("linger", True),
        ("max_events", 501),
        ("max_events", 0),
        ("max_events", 2.5),
        ("max_bytes", 0),
        ("max_buffered", 0),
        ("max_buffered", True),
        ("overflow", "forget"),
        ("close_timeout", -0.1),
        ("cancel_timeout", "soon"),
        ("concurrency", 0),
        ("webhook_url", "nowhere"),
        ("events_per_second", 0),
    ],
)
async def test_an_option_that_cannot_be_is_named(option: str, value: Any) -> None:
    async with AsyncAutomations("t", domain="mail.example.com", webhook_url=WEBHOOK) as client:
        with pytest.raises(ConfigError, match=option):
            client.bots.writer(**{option: value})
