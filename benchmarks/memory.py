"""Memory of a client that submits a generator's events: it must not grow with their number."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import machine, sink
from benchmarks.cost import TOKEN
from benchmarks.events import DOMAIN, WEBHOOK_URL, expected, generate
from benchmarks.runs import check_arrival
from benchmarks.variants import bot_event
from omnivery import AsyncAutomations, BotEvent

STATUS = Path("/proc/self/status")
MARK = 1.05
"""The most that the peak of a run may be, as a multiple of that of a run with a hundredth of the events."""
SHARES = (10, 50, 100)
"""Points of the run, in per cent of its events read, at which the memory is noted."""


def measure(*, events: int) -> dict[str, Any]:
    """Submit a hundredth of the events, then all of them, each in a fresh process.

    Raises:
        SystemExit: this is no Linux, or a run failed, or the sink did not get exactly what it should have.
    """
    if not STATUS.exists():
        raise SystemExit(f"memory is read from {STATUS}, which only Linux has")
    with sink.running() as target:
        part, whole = _run(events // 100, target), _run(events, target)
    return {
        "machine": machine.describe(),
        "runs": [part, whole],
        "peak_ratio": whole["peak"] / part["peak"],
        "mark_reached": whole["peak"] <= MARK * part["peak"],
    }


def table(found: dict[str, Any]) -> str:
    """The result for people."""
    heads = "".join(f"{f'at {share} %':>10}" for share in SHARES)
    lines = [
        "Resident memory of a client that submits BotEvents from a generator, in MB",
        machine.line(found["machine"]),
        "",
        f"{'events':>12}{'before':>10}{heads}{'peak':>10}",
    ]
    for row in found["runs"]:
        points = "".join(f"{row[f'at_{share}'] / 1e6:>10.1f}" for share in SHARES)
        lines.append(f"{row['events']:>12,}{row['before'] / 1e6:>10.1f}{points}{row['peak'] / 1e6:>10.1f}")
    word = "reached" if found["mark_reached"] else "NOT reached"
    lines += ["", f"Peak of the long run ÷ peak of the short one: {found['peak_ratio']:.3f}"]
    return "\n".join([*lines, f"Mark: at most {MARK:.2f}: {word}"])


def _run(events: int, target: sink.Sink) -> dict[str, int]:
    before = target.traffic()
    command = [sys.executable, "-m", "benchmarks.memory", target.url, str(events)]
    limit = 60 + events / 2_000
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=limit)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"{events:,} events: the run failed: {error}") from error
    check_arrival(f"{events:,} events", target.traffic() - before, expected(generate(events)))
    found: dict[str, int] = json.loads(done.stdout)
    return found


async def _submit(url: str, count: int) -> dict[str, int]:
    """The run itself, in its own process."""
    noted = {"events": count, "before": _bytes("VmRSS")}
    async with AsyncAutomations(TOKEN, base_url=url, domain=DOMAIN, webhook_url=WEBHOOK_URL) as client:
        report = await client.bots.submit(_noting(count, noted))
    report.raise_for_failures()
    # The kernel's own high-water mark may trail what it reported a moment ago by some pages.
    return noted | {"peak": max(_bytes("VmHWM"), *(noted[f"at_{share}"] for share in SHARES))}


def _noting(count: int, noted: dict[str, int]) -> Iterator[BotEvent]:
    points = {count * share // 100: f"at_{share}" for share in SHARES}
    for number, event in enumerate(generate(count), start=1):
        yield bot_event(event)
        if number in points:
            noted[points[number]] = _bytes("VmRSS")


def _bytes(field: str) -> int:
    """What the kernel says: VmRSS is the memory in use now, VmHWM the most that ever was."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"{STATUS} has no {field}")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_submit(sys.argv[1], int(sys.argv[2])))))
