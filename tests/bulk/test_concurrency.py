"""How many batches are in flight: as many as asked for and no more, and fewer when the server asks to slow down."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from omnivery import AsyncAutomations
from omnivery.automations import SubmitReport
from tests.support.bots import (
    FAST,
    WEBHOOK,
    assert_lawful,
    event,
    events,
    finish,
    run_of,
    sent,
)

pytestmark = pytest.mark.anyio


async def linger() -> None:
    """Let everybody else go as far as they can."""
    for _ in range(50):
        await anyio.lowlevel.checkpoint()


async def test_as_many_batches_are_in_flight_as_asked_for_and_no_more() -> None:
    in_flight = most = 0

    async def post(_: bytes) -> int:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        await linger()
        in_flight -= 1
        return 1

    report = await finish(run_of(events(20 * 500), post, concurrency=5))
    assert (most, report.batches) == (5, 20)


def scripted_client(handle: httpx.AsyncBaseTransport) -> AsyncAutomations:
    """A client whose server is a function, so that a test sees each request arrive."""
    return AsyncAutomations(
        "example-token",
        domain="mail.example.com",
        base_url="http://api.example.com",
        webhook_url=WEBHOOK,
        http_client=httpx.AsyncClient(transport=handle, trust_env=False, verify=False),
    )


async def test_after_a_429_half_as_many_are_in_flight() -> None:
    """Eight refused at once are one sign, not eight: four go on, and never more until they have all done well."""
    in_flight = most = arrived = 0
    all_refused, four_there = anyio.Event(), anyio.Event()

    async def respond(_: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most, arrived
        arrived += 1
        if arrived <= 8:
            if arrived == 8:
                all_refused.set()
            await all_refused.wait()
            return httpx.Response(429)
        in_flight += 1
        most = max(most, in_flight)
        if in_flight == 4:
            # Time for a fifth to come, if one may: those that wait to try again do so within 5 ms.
            await anyio.sleep(0.05)
            four_there.set()
        await four_there.wait()
        in_flight -= 1
        return httpx.Response(200)

    async with scripted_client(httpx.MockTransport(respond)) as client:
        report = await client.bots.submit(events(8 * 500), concurrency=8, options=FAST)
    assert_lawful(report)
    assert (report.accepted, report.retries, most) == (4000, 8, 4)


async def test_a_run_recovers_its_concurrency() -> None:
    """One more for each clean window: after a single 429 among many batches all eight are in flight again."""
    in_flight = most = arrived = 0

    async def respond(_: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most, arrived
        arrived += 1
        if arrived == 1:
            return httpx.Response(429)
        in_flight += 1
        most = max(most, in_flight if arrived > 100 else 0)
        await linger()
        in_flight -= 1
        return httpx.Response(200)

    async with scripted_client(httpx.MockTransport(respond)) as client:
        report = await client.bots.submit([event()] * 150 * 500, concurrency=8, options=FAST)
    assert (report.accepted, report.retries, most) == (75_000, 1, 8)


class Crowd:
    """A real server that responds to nobody until so many requests are there at once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._there = 0
        self._all = anyio.Event()
        self.events = 0

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            reader = BufferedByteReceiveStream(stream)
            try:
                while True:
                    await self._respond(reader, stream)
            except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError):
                return

    async def _respond(self, reader: BufferedByteReceiveStream, stream: SocketStream) -> None:
        head = (await reader.receive_until(b"\r\n\r\n", 10_000)).lower().split(b"\r\n")
        (length,) = [int(line.partition(b":")[2]) for line in head if line.startswith(b"content-length:")]
        body = await reader.receive_exactly(length)
        self.events += len(sent(body))
        self._there += 1
        if self._there == self._size:
            self._all.set()
        await self._all.wait()
        await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize("concurrency", [1, 9, 32])
async def test_the_connections_allow_the_concurrency_asked_for(concurrency: int) -> None:
    """A pool that gave fewer connections than asked for would be a queue that nobody sees; here it would hang."""
    crowd = Crowd(concurrency)
    report = SubmitReport()
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
        AsyncAutomations(
            "example-token",
            domain="mail.example.com",
            base_url=f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}",
            webhook_url=WEBHOOK,
        ) as client,
    ):
        tasks.start_soon(listener.serve, crowd.serve)
        with anyio.fail_after(60):
            report = await client.bots.submit(events(2 * concurrency * 500), concurrency=concurrency)
        tasks.cancel_scope.cancel()
    assert report.accepted == crowd.events == 2 * concurrency * 500
    assert report.requests == 2 * concurrency
