"""Bot events that the emulator takes in a second of its CPU, with webhooks on: to a receiver that is up, and to none.

Emulator, generator and receiver are processes of their own, so that only the emulator's CPU is counted.
`python -m benchmarks.emulator serve` and `… send` are the first two of them.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from attrs import asdict, define

from benchmarks import machine, sink
from benchmarks.events import BATCH, DOMAIN, batches, generate
from omnivery import codec

TOKEN = "bench-token"
MARK, STRETCH = 60_000, 120_000
"""Events per second of CPU that must, and that should be reached."""
DOWN = 0.9
"""What a receiver that is down may leave of the events per second of CPU."""
KEPT = 200_000
"""Events that fill whatever the emulator keeps, twice."""
PARTS = 10
"""Parts of a soak after which its memory is noted."""
FLAT = 1.1
"""The most that the memory may become, as a multiple of that after the first part."""
PATTERNS = 40
"""Different batches that a generator sends in turn: to make each one anew would cost more than the emulator."""
NOWHERE = "http://127.0.0.1:9/verdicts"
"""Nobody listens there."""
STATUS = Path("/proc/self/status")


@define
class Server:
    """An emulator in a process of its own."""

    url: str
    _process: subprocess.Popen[str]

    def usage(self) -> dict[str, Any]:
        """Its CPU seconds, its memory in bytes, and its counts."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("usage\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))


def measure(*, events: int, rounds: int, connections: int) -> dict[str, Any]:
    """Send events to a fresh emulator in every round, and sum up.

    Raises:
        SystemExit: a process did not start, or events or verdicts are missing.
    """
    up, down = [], []
    with sink.running() as receiver:
        for _ in range(rounds):
            up.append(_round(events, connections, receiver.url))
            down.append(_round(events, connections, NOWHERE))
    figure, figure_down = (median(each["events_per_cpu_second"] for each in runs) for runs in (up, down))
    return {
        "machine": machine.describe(),
        "settings": {"events": events, "rounds": rounds, "connections": connections},
        "receiver_up": up,
        "receiver_down": down,
        "events_per_cpu_second": figure,
        "events_per_cpu_second_receiver_down": figure_down,
        "mark_reached": figure >= MARK and figure_down >= DOWN * MARK,
        "stretch_reached": figure >= STRETCH,
    }


def soak(*, events: int, connections: int) -> dict[str, Any]:
    """Send many events to one emulator, with a receiver that is up, and note its memory after each tenth of them.

    Raises:
        SystemExit: a process did not start, or events are missing.
    """
    rows: list[dict[str, Any]] = []
    with sink.running() as receiver, serving() as server:
        _send(server.url, receiver.url, KEPT, connections)  # from here on, each event replaces an older one
        for _ in range(PARTS):
            _send(server.url, receiver.url, events // PARTS, connections)
            rows.append(server.usage())
    last, memory = rows[-1], [row["memory"] for row in rows]
    return {
        "machine": machine.describe(),
        "settings": {"events": events, "connections": connections},
        "events": last["bot_events"],
        "webhooks": last["webhooks_delivered"],
        "memory": memory,
        "events_per_cpu_second": last["bot_events"] / last["cpu"],
        "mark_reached": max(memory) <= FLAT * memory[0],
    }


def soak_table(found: dict[str, Any]) -> str:
    """The result of a soak for people."""
    rows = [f"{part * 100 // PARTS:>5} %{size / 2**20:>9,.0f} MB" for part, size in enumerate(found["memory"], 1)]
    word = "reached" if found["mark_reached"] else "NOT reached"
    return "\n".join(
        [
            f"{found['events']:,} events, {found['webhooks']:,} webhooks delivered",
            machine.line(found["machine"]),
            "",
            *rows,
            "",
            f"Mark: never more than {FLAT} times the memory after the first tenth: {word}",
        ]
    )


def table(found: dict[str, Any]) -> str:
    """The result for people."""
    settings = found["settings"]
    words = "reached" if found["mark_reached"] else "NOT reached"
    stretch = "reached" if found["stretch_reached"] else "not reached"
    lines = [
        f"{settings['events']:,} events a round, {settings['rounds']} rounds, {settings['connections']} connections",
        machine.line(found["machine"]),
        "",
        f"{'':<20}{'events/CPU s':>14}{'events/s':>12}{'memory':>10}",
    ]
    for name in ("receiver_up", "receiver_down"):
        runs = found[name]
        cpu, wall = (median(run[key] for run in runs) for key in ("events_per_cpu_second", "events_per_second"))
        peak = max(run["memory"] for run in runs) / 2**20
        lines.append(f"{name.replace('_', ' '):<20}{cpu:>14,.0f}{wall:>12,.0f}{peak:>7,.0f} MB")
    marks = [f"Mark: {MARK:,} events per CPU second: {words}", f"Stretch: {STRETCH:,}: {stretch}"]
    return "\n".join([*lines, "", *marks])


@contextmanager
def serving() -> Iterator[Server]:
    """Start an emulator, and end it with the block."""
    command = [sys.executable, "-m", "benchmarks.emulator", "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise SystemExit("the emulator did not start")
        yield Server(url, process)


def _round(events: int, connections: int, webhook_url: str) -> dict[str, Any]:
    with serving() as server:
        _send(server.url, webhook_url, BATCH * connections, connections)  # warms up
        before = server.usage()
        elapsed = _send(server.url, webhook_url, events, connections)
        after = server.usage()
    taken, cpu = after["bot_events"] - before["bot_events"], after["cpu"] - before["cpu"]
    if taken != events:
        raise SystemExit(f"{events - taken} events are missing")
    return {
        "events_per_cpu_second": taken / cpu,
        "events_per_second": taken / elapsed,
        "memory": after["memory"],
        "webhooks": {name: count for name, count in after.items() if name.startswith("webhook")},
    }


def _send(url: str, webhook_url: str, events: int, connections: int) -> float:
    """Send events from a process of its own; return the seconds that it took."""
    arguments = [url, webhook_url, str(events), str(connections)]
    command = [sys.executable, "-m", "benchmarks.emulator", "send", *arguments]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def _serve() -> None:
    from omnivery.emulator import Emulator

    with Emulator(domain=DOMAIN, token=TOKEN) as emulator:
        print(emulator.automations_url, flush=True)
        # The standard input ends with the process that started us.
        for _ in sys.stdin:
            # What was accepted is not done before its webhooks are under way.
            _wait_until_idle(emulator)
            used = resource.getrusage(resource.RUSAGE_SELF)
            usage = {"cpu": used.ru_utime + used.ru_stime, "memory": _memory(), **asdict(emulator.statistics)}
            print(json.dumps(usage), flush=True)


def _wait_until_idle(emulator: Any) -> None:
    import contextlib

    with contextlib.suppress(TimeoutError):
        emulator.wait_idle(20)


def _memory() -> int:
    if STATUS.exists():
        [line] = [line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def _generate(url: str, webhook_url: str, events: int, connections: int) -> float:
    host, port = url.removeprefix("http://").split(":")
    requests = [_request(webhook_url, batch) for batch in batches(generate(BATCH * PATTERNS))]
    counts = [events // BATCH // connections] * connections
    counts[0] += events // BATCH - sum(counts)
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, count in enumerate(counts):
            group.create_task(_connection(host, int(port), requests, number, count))
    return time.perf_counter() - started


async def _connection(host: str, port: int, requests: list[bytes], start: int, count: int) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for number in range(count):
        writer.write(requests[(start + number) % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"the emulator refused a batch: {head[:40]!r}")
    writer.close()


def _request(webhook_url: str, batch: list[dict[str, Any]]) -> bytes:
    body = codec.dumps({"webhook_url": webhook_url, "events": batch})
    head = f"POST /{DOMAIN}/bot HTTP/1.1\r\nhost: bench\r\nov-token: {TOKEN}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve()
    else:
        print(asyncio.run(_generate(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))))
