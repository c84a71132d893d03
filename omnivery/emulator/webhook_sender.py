"""Deliveries of signed webhooks: a few at a time, tried again for a while, every try on record."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from http import HTTPStatus
from typing import Any

from attrs import field, frozen

from omnivery.codec import dumps
from omnivery.emulator.store import Store, WebhookAttempt
from omnivery.errors import TransportError
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Adapter, Request
from omnivery.webhooks.signature import sign

SENDERS = 4
"""Webhooks on the wire at once."""
CAPACITY = 64
"""Runs of webhooks under way, those that wait for their next try included; beyond it new requests have to wait."""
REJECTED = 406
"""The receiver's word for: not this one, and do not try again (Mailgun's rule, source/user_manual.rst)."""
SUCCESS = range(200, 300)
"""What a receiver answers to say that it took the call."""
JSON = (("content-type", "application/json"),)
TIMEOUTS = Timeouts(connect=5, read=10, write=10)


@frozen(kw_only=True)
class Delivery:
    """One webhook call on its way to one address."""

    url: str = field(repr=False)
    """Where to."""
    batch_id: str
    """The batch or check that it answers, or the message that it tells about."""
    kind: str
    """What it brings: `bot` for verdicts, or the event's name."""
    content: dict[str, Any] = field(repr=False)
    """The call's body, to which each try adds its own `signature`."""
    events: int = 1
    """How many verdicts or events it carries."""
    delay: float = 0.0
    """Seconds before the first try."""


class WebhookSender:
    """Delivers webhooks in the background of the server's event loop.

    Args:
        adapter: carries the requests; the courier closes it.
        signing_key: signs each try afresh, because a receiver refuses old timestamps and repeated tokens.
        retry_delays: seconds before each further try.
        store: where every try is recorded.
    """

    def __init__(self, adapter: Adapter, *, signing_key: str, retry_delays: tuple[float, ...], store: Store) -> None:
        self._adapter = adapter
        self._signing_key = signing_key
        self._waits = (0.0, *retry_delays)
        self._store = store
        self._senders = asyncio.Semaphore(SENDERS)
        self._room = asyncio.Event()
        self._stopped = False
        self._tasks: dict[asyncio.Task[None], deque[Delivery]] = {}
        # wait_idle() watches from other threads, so changes to _tasks are made under this.
        self._change = threading.Condition()

    async def wait_for_room(self) -> None:
        """Wait until further deliveries may be handed in: the brake on callers who outrun their receiver."""
        while len(self._tasks) >= CAPACITY and not self._stopped:
            self._room.clear()
            await self._room.wait()

    def dispatch(self, *deliveries: Delivery) -> None:
        """Take deliveries over, and return at once. Each starts when the one before it has come to its end."""
        if not deliveries:
            return
        waiting = deque(deliveries)
        if self._stopped:
            self._give_up(waiting)
            return
        task = asyncio.get_running_loop().create_task(self._deliver_all(waiting))
        with self._change:
            self._tasks[task] = waiting
        task.add_done_callback(self._finished)

    async def probe(self, url: str, content: dict[str, Any]) -> str | None:
        """Post a call once, off the record; say what is wrong with its address, None for nothing."""
        try:
            status = (await self._adapter.send(self._request(url, content))).status
        except TransportError as failure:
            return str(failure.args[0])
        if status in SUCCESS:
            return None
        phrases = {known.value: known.phrase for known in HTTPStatus}
        return f"{status} - {phrases.get(status, 'Unknown')}"

    def wait_idle(self, seconds: float) -> bool:
        """Block another thread until no delivery is under way; False if that takes longer."""
        with self._change:
            return self._change.wait_for(lambda: not self._tasks, seconds)

    async def stop(self) -> None:
        """Give up what is under way, and close the connections."""
        self._stopped = True
        self._room.set()
        under_way = dict(self._tasks)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for waiting in under_way.values():
            self._give_up(waiting)
        await self._adapter.aclose()

    async def _deliver_all(self, waiting: deque[Delivery]) -> None:
        while waiting:
            await self._deliver(waiting[0])
            waiting.popleft()

    async def _deliver(self, delivery: Delivery) -> None:
        await asyncio.sleep(delivery.delay)
        for attempt, wait in enumerate(self._waits, 1):
            await asyncio.sleep(wait)
            # A delivery that waits for its next try holds no sender: a dead receiver must not stop the others.
            async with self._senders:
                status = await self._try(delivery, attempt)
            # 1. Taken.
            if status in SUCCESS:
                return self._store.count_webhook(delivered=1)
            # 2. Refused for good.
            if status == REJECTED:
                return self._store.count_webhook(rejected=1)
        # 3. Anything else was tried again to the end.
        return self._store.count_webhook(given_up=1)

    async def _try(self, delivery: Delivery, attempt: int) -> int | None:
        status, error = None, None
        try:
            status = (await self._adapter.send(self._request(delivery.url, delivery.content))).status
        except TransportError as failure:
            error = str(failure.args[0])
        self._record(delivery, attempt, status=status, error=error)
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
