"""One small call after the other: CPU of ours beside the bare library's, and other vendors' SDKs, in turns.

The bare libraries are used at their cheapest: the credential is set once, and orjson reads the body. Ours parses a URL
only once, and it is the same in all calls here; where each call has another, ours takes 0.07 of a bare call more.

The server is a process of its own, so that its CPU is not counted: `python -m benchmarks.calls` is that process.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from statistics import median
from typing import Any

import httpx
import orjson

from benchmarks.machine import library
from omnivery import AsyncAutomations, Automations

TOKEN = "bench-token"
HEADERS = {"ov-token": TOKEN}
_BODY = json.dumps(
    {"auth": {"cid": 1, "did": 2, "tid": 3, "domain": "bench.example", "role": "sending"}, "success": True}
).encode()
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY
_END = b"\r\n\r\n"

Call = Callable[[], object]
AsyncCall = Callable[[], Awaitable[object]]


def measure(*, calls: int, rounds: int) -> dict[str, Any]:
    """Call in every way in every round, and sum up.

    Raises:
        SystemExit: the server did not start.
    """
    with _running() as url:
        spent, threads = _synchronous(url, calls, rounds)
        spent |= asyncio.run(_asynchronous(url, calls, rounds))
    return {"microseconds": {name: _summary(values) for name, values in spent.items()}, "threads_started": threads}


def table(found: dict[str, Any]) -> str:
    """The result for people."""
    lines = [f"{'one call, CPU':<40}{'µs':>10}{'min':>10}{'max':>10}"]
    lines += [
        f"{name:<40}{one['median']:>10.0f}{one['min']:>10.0f}{one['max']:>10.0f}"
        for name, one in found["microseconds"].items()
    ]
    return "\n".join([*lines, f"threads started: {found['threads_started']}"])


def _synchronous(url: str, calls: int, rounds: int) -> tuple[dict[str, list[float]], int]:
    with ExitStack() as stack:
        ours = stack.enter_context(Automations(TOKEN, base_url=url))
        bare = stack.enter_context(httpx.Client(headers=HEADERS, trust_env=False))
        ways: dict[str, Call] = {
            "omnivery, sync": ours.account.test,
            "httpx, sync": lambda: orjson.loads(bare.get(f"{url}/test").content),
            **_vendors(url),
        }
        for call in ways.values():
            _cpu_of(call, calls // 10)
        threads = threading.active_count()
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds):
            # Every second round goes backwards, so that nobody always runs in another's wake.
            for name in list(ways) if number % 2 == 0 else reversed(ways):
                spent[name].append(_cpu_of(ways[name], calls))
            threads = max(threads, threading.active_count())
    return spent, threads - 1


def _vendors(url: str) -> dict[str, Call]:
    """Other vendors' SDKs, as their users call them."""
    payments = library("stripe").StripeClient("sk_test_bench", base_addresses={"api": url})
    models = library("openai").OpenAI(api_key="bench", base_url=url, max_retries=0)
    mail = library("mailgun.client").Client(auth=("api", "bench"), api_url=url)
    return {
        "stripe, sync": payments.v1.balance.retrieve,
        "openai, sync": models.models.list,
        "mailgun, sync": lambda: mail.domainlist.get().json(),
    }


async def _asynchronous(url: str, calls: int, rounds: int) -> dict[str, list[float]]:
    async with AsyncExitStack() as stack:
        ways = {name: await stack.enter_async_context(opened) for name, opened in _async_ways(url).items()}
        for call in ways.values():
            await _async_cpu_of(call, calls // 10)
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds):
            for name in list(ways) if number % 2 == 0 else reversed(ways):
                spent[name].append(await _async_cpu_of(ways[name], calls))
    return spent


def _async_ways(url: str) -> dict[str, Any]:
    return {
        "omnivery, async": _ours(url, "httpx"),
        "httpx, async": _httpx(url),
        "omnivery, aiohttp": _ours(url, "aiohttp"),
        "aiohttp": _aiohttp(url),
    }


@asynccontextmanager
async def _ours(url: str, adapter: Any) -> AsyncIterator[AsyncCall]:
    async with AsyncAutomations(TOKEN, base_url=url, adapter=adapter) as client:
        yield client.account.test


@asynccontextmanager
async def _httpx(url: str) -> AsyncIterator[AsyncCall]:
    async with httpx.AsyncClient(headers=HEADERS, trust_env=False) as client:

        async def call() -> object:
            return orjson.loads((await client.get(f"{url}/test")).content)

        yield call


@asynccontextmanager
async def _aiohttp(url: str) -> AsyncIterator[AsyncCall]:
    import aiohttp

    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def call() -> object:
            async with session.get(f"{url}/test") as response:
                return orjson.loads(await response.read())

        yield call


def _cpu_of(call: Call, calls: int) -> float:
    """Seconds of CPU, user and system, that one call took."""
    gc.collect()
    begun = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - begun) / calls


async def _async_cpu_of(call: AsyncCall, calls: int) -> float:
    gc.collect()
    begun = time.process_time()
    for _ in range(calls):
        await call()
    return (time.process_time() - begun) / calls


def _summary(values: list[float]) -> dict[str, float]:
    return {"median": median(values) * 1e6, "min": min(values) * 1e6, "max": max(values) * 1e6}


@contextmanager
def _running() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.calls"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise SystemExit("the server did not start")
        # Leaving the block closes its standard input, which ends it; so does the end of this process, however it comes.
        yield f"http://127.0.0.1:{port}"


class _Connection(asyncio.Protocol):
    """Responds to every request, none of which has a body, in the same way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._head = transport, b""

    def data_received(self, data: bytes) -> None:
        *requests, self._head = (self._head + data).split(_END)
        self._transport.write(_RESPONSE * len(requests))


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The standard input ends with the process that started us.
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
