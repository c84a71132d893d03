"""A single synchronous call beside a bare `httpx.Client` with JSON decoding: CPU, in one process, in turns.

The server is a process of its own, so that its CPU is not counted: `python -m benchmarks.single` is that process.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import httpx

from benchmarks import machine
from omnivery import Automations

TOKEN = "bench-token"
MARK = 1.12
"""The most that a call may cost, as a multiple of the bare one."""
_BODY = json.dumps(
    {"auth": {"cid": 1, "did": 2, "tid": 3, "domain": "bench.example", "role": "sending"}, "success": True}
).encode()
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY
_END = b"\r\n\r\n"


def measure(*, calls: int, rounds: int) -> dict[str, Any]:
    """Call both ways in every round, and sum up.

    Raises:
        SystemExit: the server did not start.
    """
    with _running() as url, Automations(TOKEN, base_url=url) as ours, httpx.Client(trust_env=False) as bare:
        variants: dict[str, Callable[[], object]] = {
            "omnivery": ours.account.test,
            "httpx": lambda: bare.get(f"{url}/test", headers={"ov-token": TOKEN}).json(),
        }
        for call in variants.values():
            _cpu_of(call, calls)
        threads = threading.active_count()
        spent: dict[str, list[float]] = {name: [] for name in variants}
        for number in range(rounds):
            # Every second round goes backwards, so that nobody always runs in another's wake.
            for name in list(variants) if number % 2 == 0 else reversed(variants):
                spent[name].append(_cpu_of(variants[name], calls))
            threads = max(threads, threading.active_count())
    ratios = [own / other for own, other in zip(spent["omnivery"], spent["httpx"], strict=True)]
    return {
        "machine": machine.describe(),
        "settings": {"calls": calls, "rounds": rounds},
        "microseconds": {name: median(values) * 1e6 for name, values in spent.items()},
        "ratio": median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "threads_started": threads - 1,
        "mark_reached": median(ratios) <= MARK,
    }


def table(found: dict[str, Any]) -> str:
    """The result for people."""
    settings, cost = found["settings"], found["microseconds"]
    word = "reached" if found["mark_reached"] else "NOT reached"
    return "\n".join(
        [
            f"{settings['calls']:,} calls a round, {settings['rounds']} rounds, one connection each, loopback",
            machine.line(found["machine"]),
            "",
            f"{'omnivery, client.account.test()':<36}{cost['omnivery']:>8.0f} µs of CPU a call",
            f"{'httpx, Client.get(…).json()':<36}{cost['httpx']:>8.0f} µs of CPU a call",
            "",
            f"Ratio: {found['ratio']:.3f} ({found['ratio_min']:.3f}-{found['ratio_max']:.3f}), median of rounds",
            f"Threads started: {found['threads_started']}",
            f"Mark: at most {MARK:.2f} of a bare call: {word}",
        ]
    )


def _cpu_of(call: Callable[[], object], calls: int) -> float:
    """Seconds of CPU, user and system, that one call took."""
    gc.collect()
    begun = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - begun) / calls


@contextmanager
def _running() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.single"]
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
