"""The events that every benchmark sends, and the requests that they ought to become."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

import orjson
from attrs import frozen

Event: TypeAlias = dict[str, Any]

BATCH = 500
"""Events a request: what the API allows."""
DOMAIN = "bench.example"
WEBHOOK_URL = "http://127.0.0.1:9/verdicts"
"""Nobody listens there: the sink sends no verdicts."""

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{}.1 Safari/605",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
)
_DOMAINS = ("mail.example", "post.example.org", "students.example.edu", "beispiel.example", "corp.example.net")
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835
"""An odd number near 2**128 divided by the golden ratio: its multiples look random and never repeat below 2**128."""


def generate(count: int) -> Iterator[Event]:
    """Events in the API's own names, about 400 bytes of JSON each; the same ones every time."""
    for index in range(count):
        mixed = (index + 1) * _SPREAD % 2**128
        moment = 1_760_000_000 + index // 50
        yield {
            "ip": f"{mixed % 191 + 1}.{mixed >> 8 & 255}.{mixed >> 16 & 255}.{mixed >> 24 & 255}",
            "uas": _AGENTS[index % len(_AGENTS)].format(100 + mixed % 40),
            "event_id": f"{mixed:032x}",
            "action": "open" if mixed & 1 else "click",
            "domain": _DOMAINS[index % len(_DOMAINS)],
            "recipient_id": f"{mixed ^ _SPREAD:032x}",
            "message_id": f"{moment}.{mixed >> 64:016x}@{DOMAIN}",
            "ts": moment,
            "message_ts": moment - mixed % 86_400,
            "campaign": f"newsletter-{mixed % 5_000}",
        }


def batches(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events in slices of 500, the last one as long as is left."""
    source = iter(events)
    while batch := list(islice(source, BATCH)):
        yield batch


def body(batch: list[Event]) -> bytes:
    """A request's body as orjson writes it: what the SDK sends, byte for byte."""
    return orjson.dumps(envelope(batch))


def envelope(batch: list[Event]) -> dict[str, Any]:
    """A batch as the API wants it."""
    return {"webhook_url": WEBHOOK_URL, "events": batch}


@frozen
class Traffic:
    """Requests, and the bytes of their bodies."""

    requests: int
    bytes: int

    def __sub__(self, other: Traffic) -> Traffic:
        return Traffic(self.requests - other.requests, self.bytes - other.bytes)

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.requests + other.requests, self.bytes + other.bytes)


def expected(events: Iterable[Event], write: Callable[[list[Event]], bytes] = body) -> Traffic:
    """What a sink must have received when all of the events were sent once."""
    sizes = [len(write(batch)) for batch in batches(events)]
    return Traffic(len(sizes), sum(sizes))


def body_by_requests(batch: list[Event]) -> bytes:
    """A request's body as `requests` writes it: with blanks, through the standard library."""
    return json.dumps(envelope(batch), allow_nan=False).encode()
