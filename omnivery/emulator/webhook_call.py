"""One webhook call to one URL: what is sent, what came of an attempt, and what watchers are told of it."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from attrs import field, frozen

from omnivery.codec import dumps
from omnivery.emulator.activity import Activity
from omnivery.emulator.records.deliveries import DeliveryAttempt, NewDelivery
from omnivery.emulator.signer import Signer
from omnivery.errors import TransportError
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Adapter, Request, Response

JSON = (("content-type", "application/json"),)
TIMEOUTS = Timeouts(connect=5, read=10, write=10)
EXCERPT = 4096
"""Bytes of a response's body that are kept."""
FIELDS = 50
"""Header fields of a response that are kept, each with as many characters as `EXCERPT` says."""


@frozen(kw_only=True)
class Delivery:
    """One webhook call to one URL."""

    url: str = field(repr=False)
    """The URL."""
    batch_id: str
    """The batch, check or message that it is about."""
    kind: str
    """`bot` for verdicts, or the name of the delivery event."""
    body: bytes = field(repr=False)
    """The body, a JSON object, to which each attempt adds its own `signature`."""
    events: int = 1
    """Number of verdicts or events in it."""
    delay: float = 0.0
    """Seconds before the first attempt."""
    again_of: int | None = None
    """Record of the delivery that this one repeats."""

    def record(self) -> NewDelivery:
        """Return the delivery as it is recorded."""
        return NewDelivery(
            at=time.time(),
            url=self.url,
            kind=self.kind,
            batch_id=self.batch_id,
            events=self.events,
            body=self.body,
            again_of=self.again_of,
        )


async def attempt(delivery: Delivery, number: int, *, adapter: Adapter, signer: Signer) -> DeliveryAttempt:
    """Send a call once, with a signature of its own: receivers refuse old timestamps and repeated tokens."""
    signature, at, begun = signer.sign(), time.time(), time.perf_counter()
    try:
        response = await adapter.send(signed_request(delivery.url, delivery.body, signature))
    except TransportError as failure:
        duration, error = time.perf_counter() - begun, str(failure.args[0])
        return DeliveryAttempt(number=number, at=at, duration=duration, error=error, signature=signature)
    duration = time.perf_counter() - begun
    return DeliveryAttempt(
        number=number,
        at=at,
        duration=duration,
        status=response.status,
        headers=_fields(response),
        excerpt=response.content[:EXCERPT],
        signature=signature,
    )


def signed_request(url: str, body: bytes, signature: dict[str, Any]) -> Request:
    """Return the request of a call whose body, a JSON object with members, gets a signature."""
    signed = b"%s,%s" % (body.rstrip()[:-1], dumps({"signature": signature})[1:])
    return Request(method="POST", url=url, headers=JSON, content=signed, timeouts=TIMEOUTS)


def activity(delivery: Delivery, made: DeliveryAttempt) -> Activity:
    """Return what watchers are told of an attempt."""
    count = f"{delivery.events:,} verdicts" if delivery.kind == "bot" and delivery.events != 1 else ""
    notes = (count, "" if made.number == 1 else f"attempt {made.number}", (made.error or "").partition(";")[0])
    return Activity(
        kind="webhook",
        name=delivery.kind,
        target=_without_secrets(delivery.url),
        status=made.status,
        seconds=made.duration,
        note=", ".join(filter(None, notes)),
    )


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL: calls to the same ones meet the same receiver."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def _fields(response: Response) -> tuple[tuple[str, str], ...]:
    return tuple([(name[:EXCERPT], value[:EXCERPT]) for name, value in response.headers.items()][:FIELDS])


def _without_secrets(url: str) -> str:
    """The URL without its query and user, which may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an invalid URL"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
