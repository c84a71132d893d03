"""Ways of sending events, each run once in a process of its own: `python -m benchmarks.variants NAME URL EVENTS SLOTS`.

The clock runs from the first event to the last response. Before that, modules are loaded, events are in memory, one
batch has gone through another client (which loads what is loaded late), and the client to be measured is made, with no
connection open yet. What was prepared is frozen, so that no variant pays for the garbage collector looking through it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from resource import RUSAGE_SELF, getrusage
from typing import Any, Literal, TypeAlias

import aiohttp
import httpx
import orjson
import requests
from attrs import define, frozen

from benchmarks.events import BATCH, DOMAIN, WEBHOOK_URL, Event, body, envelope, generate
from omnivery import AsyncAutomations, BotEvent
from omnivery.events.event import FIELD_NAMES

TOKEN = "bench-token"
TIMEOUT = 30.0


@frozen
class Target:
    """Where to send, and how many requests at a time."""

    url: str
    concurrency: int

    @property
    def endpoint(self) -> str:
        return f"{self.url}/{DOMAIN}/bot"


@define
class Spent:
    """Seconds that a block took, and seconds of CPU, user and system, that this process spent in it."""

    seconds: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> None:
        self.cpu -= _cpu()
        self.seconds -= time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter()
        self.cpu += _cpu()


Library: TypeAlias = Literal["httpx", "aiohttp"]


def submit(events: Iterable[Any], target: Target, spent: Spent, *, adapter: Library = "httpx") -> None:
    """The SDK, whatever kind of events it is given."""

    async def run() -> None:
        client = AsyncAutomations(TOKEN, base_url=target.url, domain=DOMAIN, webhook_url=WEBHOOK_URL, adapter=adapter)
        async with client:
            with spent:
                report = await client.bots.submit(events, concurrency=target.concurrency)
        report.raise_for_failures()

    asyncio.run(run())


def httpx_loop(events: list[Event], target: Target, spent: Spent) -> None:
    """The yardstick B: what a good programmer writes by hand."""

    async def work(client: httpx.AsyncClient, source: Iterator[Event]) -> None:
        headers = {"ov-token": TOKEN, "content-type": "application/json"}
        while batch := list(islice(source, BATCH)):
            response = await client.post(target.endpoint, content=body(batch), headers=headers)
            response.raise_for_status()

    async def run() -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            with spent:
                source = iter(events)
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(target.concurrency):
                        tasks.create_task(work(client, source))

    asyncio.run(run())


def aiohttp_loop(events: list[Event], target: Target, spent: Spent) -> None:
    """The yardstick A: the same on aiohttp."""

    async def work(session: aiohttp.ClientSession, source: Iterator[Event]) -> None:
        headers = {"ov-token": TOKEN, "content-type": "application/json"}
        while batch := list(islice(source, BATCH)):
            async with session.post(target.endpoint, data=body(batch), headers=headers) as response:
                response.raise_for_status()
                await response.read()

    async def run() -> None:
        connector = aiohttp.TCPConnector(limit=target.concurrency)
        async with aiohttp.ClientSession(connector=connector) as session:
            with spent:
                source = iter(events)
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(target.concurrency):
                        tasks.create_task(work(session, source))

    asyncio.run(run())


def requests_loop(events: list[Event], target: Target, spent: Spent) -> None:
    """The yardstick R: what most people write. One request at a time, whatever the concurrency."""
    with requests.Session() as session:
        session.trust_env = False  # no proxies from the environment: this must not leave the machine
        with spent:
            source = iter(events)
            while batch := list(islice(source, BATCH)):
                response = session.post(
                    target.endpoint, json=envelope(batch), headers={"ov-token": TOKEN}, timeout=TIMEOUT
                )
                response.raise_for_status()


Prepare: TypeAlias = Callable[[Event], Any]
Send: TypeAlias = Callable[[list[Any], Target, Spent], None]


def bot_event(event: Event) -> BotEvent:
    """The event as the SDK's own class, its campaign as an own attribute."""
    own = {name: value for name, value in event.items() if name not in FIELD_NAMES}
    return BotEvent(**{name: value for name, value in event.items() if name in FIELD_NAMES}, attributes=own)


def as_it_is(event: Event) -> Event:
    """The event as a plain mapping."""
    return event


fast = partial(submit, adapter="aiohttp")
VARIANTS: dict[str, tuple[Prepare, Send]] = {
    "bot_events": (bot_event, submit),
    "mappings": (as_it_is, submit),
    "ndjson": (orjson.dumps, submit),
    "fast_bot_events": (bot_event, fast),
    "fast_mappings": (as_it_is, fast),
    "fast_ndjson": (orjson.dumps, fast),
    "httpx": (as_it_is, httpx_loop),
    "aiohttp": (as_it_is, aiohttp_loop),
    "requests": (as_it_is, requests_loop),
}
"""How a variant's events look, and how they are sent."""


def run(name: str, url: str, count: int, concurrency: int) -> Spent:
    """Send one batch unmeasured, then all events with the clock running."""
    prepare, send = VARIANTS[name]
    events = [prepare(event) for event in generate(count)]
    target = Target(url, concurrency)
    send(events[:BATCH], target, Spent())
    gc.collect()
    gc.freeze()
    spent = Spent()
    send(events, target, spent)
    return spent


def _cpu() -> float:
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    result = run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps({"seconds": result.seconds, "cpu": result.cpu}))
