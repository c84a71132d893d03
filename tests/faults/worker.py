"""Programs to be killed, that use the Python API: `python -m tests.faults.worker NAME …`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from omnivery import AsyncAutomations, readers
from omnivery.events.event import EventLike
from tests.support.bots import event


async def submit(arguments: argparse.Namespace) -> None:
    """Submit the rows of a table, from where the journal stands."""
    table: list[dict[str, Any]] = json.loads(await anyio.Path(arguments.argument).read_bytes())

    def rows(after: int | None) -> Iterator[tuple[int, EventLike]]:
        for number in range(0 if after is None else after + 1, len(table)):
            yield number, table[number]

    events = readers.with_cursor("table", rows) if arguments.name == "cursor" else iter(table)
    async with AsyncAutomations() as client:
        report = await client.bots.submit(events, concurrency=arguments.concurrency, journal=arguments.journal)
    counts = ("read", "accepted", "rejected", "undelivered", "batches", "requests", "retries")
    say(json.dumps({name: getattr(report, name) for name in counts} | {"rejections": [], "stopped_by": None}))


async def write(arguments: argparse.Namespace) -> None:
    """Put events for ever, and say after each flush up to which one; what comes before them is the first's number."""
    number = int(arguments.argument)
    async with (
        AsyncAutomations() as client,
        client.bots.writer(journal=arguments.journal, concurrency=arguments.concurrency, linger=0.001) as writer,
    ):
        while True:
            for _ in range(70):
                await writer.put(event(number))
                number += 1
            await writer.flush()
            say(number)


async def consume(arguments: argparse.Namespace) -> None:
    """Take each outcome only when as much was read as may be alive: a consumer that is always too slow."""
    total, concurrency = int(arguments.argument), arguments.concurrency
    pulled = settled = most = 0

    def source() -> Iterator[EventLike]:
        nonlocal pulled
        for number in range(total):
            pulled = number + 1
            yield {"ip": "203.0.113.7", "uas": "Mozilla/5.0", "event_id": f"e{number:09}"}

    async with AsyncAutomations() as client:
        run = client.bots.stream(source(), concurrency=concurrency, journal=arguments.journal)
        async with run:
            async for outcome in run:
                settled += len(outcome.accepted)
                while pulled < total and pulled - settled < 2 * concurrency * 500:
                    await anyio.lowlevel.checkpoint()
                most = max(most, pulled - settled)
    say(json.dumps({"accepted": run.report.accepted, "most": most, "peak": _peak()}))


async def receive(arguments: argparse.Namespace) -> None:
    """Keep verdicts in a store, and say where."""
    from omnivery.webhooks import Listener, Receiver, VerdictStore

    with VerdictStore(arguments.argument) as store:
        async with Listener(Receiver(None, os.environ["OMNIVERY_SIGNING_KEY"], store=store)) as listener:
            say(listener.url)
            await anyio.sleep_forever()


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _peak() -> int:
    """The most memory that was ever resident, in bytes: the kernel's own mark."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    parser = argparse.ArgumentParser()
    programs = {"cursor": submit, "iterable": submit, "writer": write, "consumer": consume, "receiver": receive}
    parser.add_argument("name", choices=programs)
    parser.add_argument("argument")
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--journal")
    chosen = parser.parse_args()
    anyio.run(programs[chosen.name], chosen)


if __name__ == "__main__":
    main()
