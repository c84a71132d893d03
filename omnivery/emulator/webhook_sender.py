"""Delivery of signed webhooks, with retries; every attempt is recorded."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from attrs import evolve, field, frozen

from omnivery.codec import dumps
from omnivery.emulator.activity import Activity, ActivityFeed
from omnivery.emulator.faults import Faults
from omnivery.emulator.records.deliveries import DeliveryAttempt, DeliveryState, NewDelivery
from omnivery.emulator.store import Store
from omnivery.errors import TransportError, phrase
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Adapter, Request
from omnivery.webhooks.signature import sign

SENDERS = 4
"""Maximum number of webhook requests in flight."""
CAPACITY = 64
"""Maximum number of sequences of webhooks in progress. While it is reached, new API requests wait."""
REJECTED = 406
"""Status by which a receiver refuses a webhook for good (Mailgun's rule, source/user_manual.rst)."""
SUCCESS = range(200, 300)
"""Statuses by which a receiver accepts a webhook."""
JSON = (("content-type", "application/json"),)
EXCERPT = 4096
"""Bytes of a response's body that are kept."""
FIELDS = 50
"""Header fields of a response that are kept, each with as many characters as `EXCERPT` says."""
TIMEOUTS = Timeouts(connect=5, read=10, write=10)


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


@frozen(kw_only=True)
class Recorded:
    """A delivery in progress, and the id of its record."""

    id: int
    delivery: Delivery


class WebhookSender:
    """Delivers webhooks in background tasks of the server's event loop.

    Args:
        adapter: sends the requests; this object closes it.
        signing_key: signs each attempt anew, because receivers refuse old timestamps and repeated tokens.
        retry_delays: seconds before each further attempt.
        store: records every attempt.
        faults: lets webhooks be late, or come twice.
        feed: is told of every attempt.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        signing_key: str,
        retry_delays: tuple[float, ...],
        store: Store,
        faults: Faults,
        feed: ActivityFeed,
    ) -> None:
        self._adapter = adapter
        self._signing_key = signing_key
        self._waits = (0.0, *retry_delays)
        self._store = store
        self._faults = faults
        self._feed = feed
        self._slots = asyncio.Semaphore(SENDERS)
        self._room = asyncio.Event()
        self._stopped = False
        self._tasks: dict[asyncio.Task[None], deque[Recorded]] = {}
        # wait_idle() runs in other threads, so _tasks changes under this lock.
        self._change = threading.Condition()

    async def wait_for_room(self) -> None:
        """Wait until more deliveries can be added. This slows down clients whose receiver is slower than they are."""
        while len(self._tasks) >= CAPACITY and not self._stopped:
            self._room.clear()
            await self._room.wait()

    def dispatch(self, *deliveries: Delivery) -> list[int]:
        """Deliver webhooks one after the other, in the background. Return the ids of their records."""
        if not deliveries:
            return []
        waiting = deque(self._add(delivery) for delivery in self._with_faults(deliveries))
        numbers = [recorded.id for recorded in waiting]
        if self._stopped:
            self._give_up(waiting)
            return numbers
        task = asyncio.get_running_loop().create_task(self._deliver_all(waiting))
        with self._change:
            self._tasks[task] = waiting
        task.add_done_callback(self._finished)
        return numbers

    def send_again(self, number: int, *, url: str | None = None) -> int | None:
        """Deliver the body of an earlier delivery once more, with a new signature, and return the new record's id.

        Args:
            number: id of the earlier delivery's record.
            url: another URL; the same when left out.

        Returns:
            None if there is no such delivery, or its body is no longer kept.
        """
        record, body = self._store.deliveries.get(number), self._store.deliveries.body(number)
        if record is None or body is None:
            return None
        again = Delivery(
            url=url or record.url,
            batch_id=record.batch_id,
            kind=record.kind,
            body=body,
            events=record.events,
            again_of=number,
        )
        return self.dispatch(again)[0]

    async def probe(self, url: str, content: dict[str, Any]) -> str | None:
        """Post a test call once, without recording it. Return what is wrong with the URL, None if it works."""
        try:
            status = (await self._adapter.send(self._request(url, dumps(content), sign(self._signing_key)))).status
        except TransportError as failure:
            return str(failure.args[0])
        if status in SUCCESS:
            return None
        return f"{status} - {phrase(status)}"

    def wait_idle(self, seconds: float) -> bool:
        """Block another thread until no delivery is in progress; return False if that takes longer."""
        with self._change:
            return self._change.wait_for(lambda: not self._tasks, seconds)

    async def drop(self) -> None:
        """Cancel the deliveries in progress. They are neither recorded nor counted."""
        in_progress = list(self._tasks)
        for task in in_progress:
            task.cancel()
        await asyncio.gather(*in_progress, return_exceptions=True)

    def drop_from_thread(self, seconds: float = 1.0) -> None:
        """Cancel the deliveries in progress from another thread, and block it until they have ended."""
        with self._change:
            in_progress = set(self._tasks)
        for task in in_progress:
            task.get_loop().call_soon_threadsafe(task.cancel)
        with self._change:
            self._change.wait_for(lambda: in_progress.isdisjoint(self._tasks), seconds)

    async def stop(self) -> None:
        """Give up the deliveries in progress, and close the connections."""
        self._stopped = True
        self._room.set()
        in_progress = dict(self._tasks)
        for task in in_progress:
            task.cancel()
        await asyncio.gather(*in_progress, return_exceptions=True)
        for waiting in in_progress.values():
            self._give_up(waiting)
        await self._adapter.aclose()

    def _with_faults(self, deliveries: tuple[Delivery, ...]) -> Iterator[Delivery]:
        for place, delivery in enumerate(deliveries):
            fault = self._faults.take_webhook()
            # The deliveries of a sequence follow one another, so the delay of the first one is that of all.
            late = 0.0 if place else fault.late
            yield evolve(delivery, delay=delivery.delay + late) if late else delivery
            yield from [evolve(delivery, delay=0.0)] * (fault.copies - 1)

    async def _deliver_all(self, waiting: deque[Recorded]) -> None:
        while waiting:
            await self._deliver(waiting[0])
            waiting.popleft()

    async def _deliver(self, recorded: Recorded) -> None:
        await asyncio.sleep(recorded.delivery.delay)
        for number, wait in enumerate(self._waits, 1):
            await asyncio.sleep(wait)
            # A delivery that waits for its next attempt holds no slot: a dead receiver must not block the others.
            async with self._slots:
                attempt = await self._try(recorded.delivery, number)
            state = self._state_after(attempt)
            due_at = time.time() + self._waits[number] if state == "waiting" else None
            self._store.add_attempt(recorded.id, attempt, state=state, due_at=due_at)
            if self._feed:
                self._feed.tell(_activity(recorded.delivery, attempt))
            if state != "waiting":
                return

    def _state_after(self, attempt: DeliveryAttempt) -> DeliveryState:
        # 1. Accepted.
        if attempt.status in SUCCESS:
            return "delivered"
        # 2. Refused for good.
        if attempt.status == REJECTED:
            return "rejected"
        # 3. Anything else is retried until the attempts are used up.
        return "waiting" if attempt.number < len(self._waits) else "given up"

    async def _try(self, delivery: Delivery, number: int) -> DeliveryAttempt:
        signature, at, begun = sign(self._signing_key), time.time(), time.perf_counter()
        try:
            response = await self._adapter.send(self._request(delivery.url, delivery.body, signature))
        except TransportError as failure:
            duration, error = time.perf_counter() - begun, str(failure.args[0])
            return DeliveryAttempt(number=number, at=at, duration=duration, error=error, signature=signature)
        headers = [(name[:EXCERPT], value[:EXCERPT]) for name, value in response.headers.items()][:FIELDS]
        return DeliveryAttempt(
            number=number,
            at=at,
            duration=time.perf_counter() - begun,
            status=response.status,
            headers=tuple(headers),
            excerpt=response.content[:EXCERPT],
            signature=signature,
        )

    def _request(self, url: str, body: bytes, signature: dict[str, Any]) -> Request:
        signed = b"%s,%s" % (body.rstrip()[:-1], dumps({"signature": signature})[1:])
        return Request(method="POST", url=url, headers=JSON, content=signed, timeouts=TIMEOUTS)

    def _add(self, delivery: Delivery) -> Recorded:
        new = NewDelivery(
            at=time.time(),
            url=delivery.url,
            kind=delivery.kind,
            batch_id=delivery.batch_id,
            events=delivery.events,
            body=delivery.body,
            again_of=delivery.again_of,
        )
        return Recorded(id=self._store.add_delivery(new), delivery=delivery)

    def _give_up(self, waiting: deque[Recorded]) -> None:
        for recorded in waiting:
            attempt = DeliveryAttempt(number=0, at=time.time(), error="given up: the emulator stopped")
            self._store.add_attempt(recorded.id, attempt, state="given up")

    def _finished(self, task: asyncio.Task[None]) -> None:
        with self._change:
            del self._tasks[task]
            self._change.notify_all()
        self._room.set()


def _activity(delivery: Delivery, attempt: DeliveryAttempt) -> Activity:
    count = f"{delivery.events:,} verdicts" if delivery.kind == "bot" and delivery.events != 1 else ""
    notes = (
        count,
        "" if attempt.number == 1 else f"attempt {attempt.number}",
        (attempt.error or "").partition(";")[0],
    )
    return Activity(
        kind="webhook",
        name=delivery.kind,
        target=_without_secrets(delivery.url),
        status=attempt.status,
        seconds=attempt.duration,
        note=", ".join(filter(None, notes)),
    )


def _without_secrets(url: str) -> str:
    """The URL without its query and user, which may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an invalid URL"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
