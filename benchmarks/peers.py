"""Yardsticks and peers: the same events by other means, from a raw socket to others' bulk helpers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import islice
from urllib.parse import urlsplit

from benchmarks.cost import TOKEN, Send, Spent, Target
from benchmarks.events import BATCH, Event, body, envelope
from benchmarks.machine import library

TIMEOUT = 30.0
HEADERS = {"ov-token": TOKEN, "content-type": "application/json"}

Post = Callable[[bytes], Awaitable[None]]


def _loop(
    open_client: Callable[[Target], AbstractAsyncContextManager[Post]],
    events: list[Event],
    target: Target,
    spent: Spent,
) -> None:
    """Workers that share one iterator: what a good programmer writes by hand."""

    async def work(post: Post, source: Iterator[Event]) -> None:
        while batch := list(islice(source, BATCH)):
            await post(body(batch))

    async def run() -> None:
        async with open_client(target) as post:
            with spent:
                source = iter(events)
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(target.concurrency):
                        tasks.create_task(work(post, source))

    asyncio.run(run())


def _httpx(events: list[Event], target: Target, spent: Spent, *, module: str = "httpx") -> None:
    http = library(module)

    @asynccontextmanager
    async def opened(target: Target) -> AsyncIterator[Post]:
        limits = http.Limits(max_connections=target.concurrency, max_keepalive_connections=target.concurrency)
        async with http.AsyncClient(timeout=TIMEOUT, trust_env=False, limits=limits) as client:

            async def post(content: bytes) -> None:
                (await client.post(target.endpoint, content=content, headers=HEADERS)).raise_for_status()

            yield post

    _loop(opened, events, target, spent)


def _httpx2(events: list[Event], target: Target, spent: Spent) -> None:
    _httpx(events, target, spent, module="httpx2")


def _aiohttp(events: list[Event], target: Target, spent: Spent) -> None:
    import aiohttp

    @asynccontextmanager
    async def opened(target: Target) -> AsyncIterator[Post]:
        connector = aiohttp.TCPConnector(limit=target.concurrency)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(TIMEOUT)) as session:

            async def post(content: bytes) -> None:
                async with session.post(target.endpoint, data=content, headers=HEADERS) as response:
                    response.raise_for_status()
                    await response.read()

            yield post

    _loop(opened, events, target, spent)


def _pyreqwest(events: list[Event], target: Target, spent: Spent) -> None:
    @asynccontextmanager
    async def opened(target: Target) -> AsyncIterator[Post]:
        async with library("pyreqwest.client").ClientBuilder().no_proxy().build() as client:

            async def post(content: bytes) -> None:
                response = await client.post(target.endpoint).headers(HEADERS).body_bytes(content).build().send()
                response.error_for_status()
                await response.bytes()

            yield post

    _loop(opened, events, target, spent)


class _Connection(asyncio.Protocol):
    """The least that a client can do: write a head and a body, and read a response without one."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not data.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"the sink responded {data[:30]!r}")
        self.response.set_result(None)

    def post(self, head: bytes, content: bytes) -> asyncio.Future[None]:
        self.response = asyncio.get_running_loop().create_future()
        self.transport.writelines((head % len(content), content))
        return self.response


def _raw(events: list[Event], target: Target, spent: Spent) -> None:
    place = urlsplit(target.endpoint)
    host, port = place.hostname or "", place.port or 0
    head = (
        f"POST {place.path} HTTP/1.1\r\nhost: {place.netloc}\r\nov-token: {TOKEN}\r\n"
        "content-type: application/json\r\ncontent-length: %d\r\n\r\n"
    ).encode()

    async def work(source: Iterator[Event]) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, host, port)
        while batch := list(islice(source, BATCH)):
            await connection.post(head, body(batch))
        connection.transport.close()

    async def run() -> None:
        with spent:
            source = iter(events)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(target.concurrency):
                    tasks.create_task(work(source))

    asyncio.run(run())


def _requests(events: list[Event], target: Target, spent: Spent) -> None:
    """What most people write. One request at a time, whatever the concurrency."""
    import requests

    with requests.Session() as session:
        session.trust_env = False  # no proxies from the environment: this must not leave the machine
        with spent:
            source = iter(events)
            while batch := list(islice(source, BATCH)):
                session.post(
                    target.endpoint, json=envelope(batch), headers={"ov-token": TOKEN}, timeout=TIMEOUT
                ).raise_for_status()


def _elasticsearch(events: list[Event], target: Target, spent: Spent) -> None:
    async def run() -> None:
        async with library("elasticsearch").AsyncElasticsearch(target.url, request_timeout=TIMEOUT) as client:
            with spent:
                actions = ({"_index": "events", "_source": event} for event in events)
                async for succeeded, _ in library("elasticsearch.helpers").async_streaming_bulk(
                    client, actions, chunk_size=BATCH
                ):
                    assert succeeded

    asyncio.run(run())


def _posthog(events: list[Event], target: Target, spent: Spent) -> None:
    with spent:
        client = library("posthog").Posthog(
            "phc_bench", host=target.url, max_queue_size=len(events), flush_at=BATCH, gzip=False
        )
        for event in events:
            client.capture("click", distinct_id=event["recipient_id"], properties=event)
        client.shutdown()


PEERS: Mapping[str, Send] = {
    "raw": _raw,
    "aiohttp": _aiohttp,
    "httpx": _httpx,
    "httpx2": _httpx2,
    "pyreqwest": _pyreqwest,
    "requests": _requests,
    "elasticsearch": _elasticsearch,
    "posthog": _posthog,
}
"""Each is given plain mappings."""
