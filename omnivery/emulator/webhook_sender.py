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
from omnivery.emulator.store import Store, WebhookAttempt
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
    content: dict[str, Any] = field(repr=False)
    """The body, to which each attempt adds its own `signature`."""
    events: int = 1
    """Number of verdicts or events in it."""
    delay: float = 0.0
    """Seconds before the first attempt."""


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
        self._tasks: dict[asyncio.Task[None], deque[Delivery]] = {}
        # wait_idle() runs in other threads, so _tasks changes under this lock.
        self._change = threading.Condition()

    async def wait_for_room(self) -> None:
        """Wait until more deliveries can be added. This slows down clients whose receiver is slower than they are."""
        while len(self._tasks) >= CAPACITY and not self._stopped:
            self._room.clear()
            await self._room.wait()

    def dispatch(self, *deliveries: Delivery) -> None:
        """Deliver webhooks one after the other, in the background."""
        if not deliveries:
            return
        waiting = deque(self._with_faults(deliveries))
        if self._stopped:
            self._give_up(waiting)
            return
        task = asyncio.get_running_loop().create_task(self._deliver_all(waiting))
        with self._change:
            self._tasks[task] = waiting
        task.add_done_callback(self._finished)

    async def probe(self, url: str, content: dict[str, Any]) -> str | None:
        """Post a test call once, without recording it. Return what is wrong with the URL, None if it works."""
        try:
            status = (await self._adapter.send(self._request(url, content))).status
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

    async def _deliver_all(self, waiting: deque[Delivery]) -> None:
        while waiting:
            await self._deliver(waiting[0])
            waiting.popleft()

    async def _deliver(self, delivery: Delivery) -> None:
        await asyncio.sleep(delivery.delay)
        for attempt, wait in enumerate(self._waits, 1):
            await asyncio.sleep(wait)
            # A delivery that waits for its next attempt holds no slot: a dead receiver must not block the others.
            async with self._slots:
                status = await self._try(delivery, attempt)
            # 1. Accepted.
            if status in SUCCESS:
                return self._store.count_webhook(delivered=1)
            # 2. Refused for good.
            if status == REJECTED:
                return self._store.count_webhook(rejected=1)
        # 3. Anything else was retried until the attempts were used up.
        return self._store.count_webhook(given_up=1)

    async def _try(self, delivery: Delivery, attempt: int) -> int | None:
        status, error, started = None, None, time.perf_counter()
        try:
            status = (await self._adapter.send(self._request(delivery.url, delivery.content))).status
        except TransportError as failure:
            error = str(failure.args[0])
        self._record(delivery, attempt, status=status, error=error)
        if self._feed:
            self._feed.tell(_activity(delivery, attempt, status=status, error=error, started=started))
        return status

    def _request(self, url: str, content: dict[str, Any]) -> Request:
        body = dumps({**content, "signature": sign(self._signing_key)})
        return Request(method="POST", url=url, headers=JSON, content=body, timeouts=TIMEOUTS)

    def _record(self, delivery: Delivery, attempt: int, *, status: int | None, error: str | None) -> None:
        self._store.add_attempt(
            WebhookAttempt(
                url=delivery.url,
                batch_id=delivery.batch_id,
                kind=delivery.kind,
                events=delivery.events,
                attempt=attempt,
                status=status,
                error=error,
            )
        )

    def _give_up(self, waiting: deque[Delivery]) -> None:
        for delivery in waiting:
            self._record(delivery, 0, status=None, error="given up: the emulator stopped")
            self._store.count_webhook(given_up=1)

    def _finished(self, task: asyncio.Task[None]) -> None:
        with self._change:
            del self._tasks[task]
            self._change.notify_all()
        self._room.set()


def _activity(delivery: Delivery, attempt: int, *, status: int | None, error: str | None, started: float) -> Activity:
    count = f"{delivery.events:,} verdicts" if delivery.kind == "bot" and delivery.events != 1 else ""
    notes = (count, "" if attempt == 1 else f"attempt {attempt}", (error or "").partition(";")[0])
    return Activity(
        kind="webhook",
        name=delivery.kind,
        target=_without_secrets(delivery.url),
        status=status,
        seconds=time.perf_counter() - started,
        note=", ".join(filter(None, notes)),
    )


def _without_secrets(url: str) -> str:
    """The URL without its query and user, which may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an invalid URL"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
