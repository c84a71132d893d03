"""Ways of sending events, each run once in a process of its own: `python -m benchmarks.variants NAME URL EVENTS SLOTS`.

The clock runs from the first event to the last response. Before that, modules are loaded, events are prepared, one
batch has gone through another client (which loads what is loaded late), and the client to be measured is made, with no
connection open yet. What was prepared is frozen, so that no variant pays for the garbage collector looking through it.

A name of ours is what is sent, the lane, and what else there is: `lines-aiohttp`, `events-httpx-journal`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import orjson
from attrs import frozen

from benchmarks import files
from benchmarks.cost import TOKEN, Send, Spent, Target
from benchmarks.events import BATCH, DOMAIN, WEBHOOK_URL, Event, generate
from omnivery import AsyncAutomations, Automations, BotEvent, readers
from omnivery.events.event import FIELD_NAMES

Prepare: TypeAlias = Callable[[int, Path], Any]
"""Makes so many events, in a folder where it may write."""


@frozen
class Variant:
    """One way of sending."""

    prepare: Prepare
    send: Send


def bot_event(event: Event) -> BotEvent:
    """The event as the SDK's own class, its campaign as an own attribute."""
    own = {name: value for name, value in event.items() if name not in FIELD_NAMES}
    return BotEvent(**{name: value for name, value in event.items() if name in FIELD_NAMES}, attributes=own)


def mappings(count: int, _: Path) -> list[Event]:
    """The events as plain mappings."""
    return list(generate(count))


def _events(count: int, _: Path) -> list[BotEvent]:
    return [bot_event(event) for event in generate(count)]


def _lines(count: int, _: Path) -> list[bytes]:
    return [orjson.dumps(event) for event in generate(count)]


def _ndjson_file(count: int, folder: Path) -> Any:
    return readers.ndjson(files.write(folder / f"{count}.ndjson", files.ndjson_lines(generate(count))))


def _log_file(count: int, folder: Path) -> Any:
    return readers.access_log(files.write(folder / f"{count}.log", files.log_lines(generate(count))))


def _log_memory(count: int, folder: Path) -> list[Any]:
    return list(_log_file(count, folder))


KINDS: Mapping[str, Prepare] = {
    "mappings": mappings,
    "events": _events,
    "lines": _lines,
    "ndjson_file": _ndjson_file,
    "log_file": _log_file,
    "log_memory": _log_memory,
}


def submit(events: Any, target: Target, spent: Spent, *, adapter: Any, journal: bool = False) -> None:
    """The SDK."""

    async def run(path: str | None) -> None:
        settings: dict[str, Any] = {"base_url": target.url, "domain": DOMAIN, "webhook_url": WEBHOOK_URL}
        async with AsyncAutomations(TOKEN, adapter=adapter, **settings) as client:
            with spent:
                report = await client.bots.submit(events, concurrency=target.concurrency, journal=path)
        report.raise_for_failures()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(f"{folder}/journal" if journal else None))


def submit_sync(events: Any, target: Target, spent: Spent, *, adapter: Any) -> None:
    """Its synchronous twin."""
    settings: dict[str, Any] = {"base_url": target.url, "domain": DOMAIN, "webhook_url": WEBHOOK_URL}
    with Automations(TOKEN, adapter=adapter, **settings) as client:
        with spent:
            report = client.bots.submit(events, concurrency=target.concurrency)
        report.raise_for_failures()


def ours(name: str) -> Variant:
    """The variant of one of our names."""
    kind, lane, *more = name.split("-")
    if more == ["sync"]:
        return Variant(KINDS[kind], partial(submit_sync, adapter=lane))
    return Variant(KINDS[kind], partial(submit, adapter=lane, journal=more == ["journal"]))


def variant(name: str) -> Variant:
    """How the events of a variant look, and how they are sent."""
    if "-" in name:
        return ours(name)
    from benchmarks import peers

    return Variant(mappings, peers.PEERS[name])


def run(name: str, url: str, count: int, concurrency: int) -> Spent:
    """Send one batch unmeasured, then all events with the clock running."""
    chosen, target = variant(name), Target(url, concurrency)
    with tempfile.TemporaryDirectory() as folder:
        ahead, events = chosen.prepare(min(count, BATCH), Path(folder)), chosen.prepare(count, Path(folder))
        chosen.send(ahead, target, Spent())
        gc.collect()
        gc.freeze()
        spent = Spent()
        chosen.send(events, target, spent)
    return spent


if __name__ == "__main__":
    result = run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps({"seconds": result.seconds, "cpu": result.cpu}))
