"""Deliveries of signed webhooks: a few at a time, tried again for a while, every try on record."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from attrs import field, frozen

from omnivery.codec import dumps
from omnivery.emulator.store import Store, WebhookAttempt
from omnivery.errors import TransportError
from omnivery.transport.config import Timeouts
from omnivery.transport.records import Adapter, Request
from omnivery.webhooks.signature import sign

SENDERS = 4
"""Webhooks on the wire at once."""
CAPACITY = 64
"""Webhooks under way, those that wait for their next try included; beyond it new batches have to wait."""
REJECTED = 406
"""The receiver's word for: not this one, and do not try again (Mailgun's rule, source/user_manual.rst)."""
JSON = (("content-type", "application/json"),)
TIMEOUTS = Timeouts(connect=5, read=10, write=10)


@frozen(kw_only=True)
class Delivery:
    """Verdicts on their way to one address."""

    url: str = field(repr=False)
    """Where to."""
    batch_id: str
    """The batch or check that they answer."""
    events: list[dict[str, Any]] = field(repr=False)
    """The events as they were submitted, each with its `is_bot`."""
    delay: float = 0.0
    """Seconds before the first try."""


class Courier:
    """Delivers webhooks in the background of the server's event loop.

    The envelope is `{"signature": …, "batch": {"id": …, "size": …}, "events": […]}`. What the real `batch` object holds
    is not known; these two keys are the emulator's own.

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
        self._tasks: dict[asyncio.Task[None], Delivery] = {}
        # wait_idle() watches from other threads, so changes to _tasks are made under this.
        self._change = threading.Condition()

    async def wait_for_room(self) -> None:
        """Wait until a further delivery may be handed in: the brake on callers who outrun their receiver."""
        while len(self._tasks) >= CAPACITY and not self._stopped:
            self._room.clear()
            await self._room.wait()

    def dispatch(self, delivery: Delivery) -> None:
        """Take a delivery over, and return at once. One without events is done already."""
        if not delivery.events:
            return
        if self._stopped:
            self._give_up(delivery)
            return
        task = asyncio.get_running_loop().create_task(self._deliver(delivery))
        with self._change:
            self._tasks[task] = delivery
        task.add_done_callback(self._finished)

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
        for task, delivery in under_way.items():
            if task.cancelled():
                self._give_up(delivery)
        await self._adapter.aclose()

    async def _deliver(self, delivery: Delivery) -> None:
        await asyncio.sleep(delivery.delay)
        for attempt, wait in enumerate(self._waits, 1):
            await asyncio.sleep(wait)
            # A delivery that waits for its next try holds no sender: a dead receiver must not stop the others.
            async with self._senders:
                status = await self._try(delivery, attempt)
            # 1. Taken.
            if status is not None and 200 <= status < 300:  # noqa: PLR2004  # the class of success
                return self._store.count_webhook(delivered=1)
            # 2. Refused for good.
            if status == REJECTED:
                return self._store.count_webhook(rejected=1)
        # 3. Anything else was tried again to the end.
        return self._store.count_webhook(given_up=1)

    async def _try(self, delivery: Delivery, attempt: int) -> int | None:
        status, error = None, None
        request = Request(
            method="POST", url=delivery.url, headers=JSON, content=self._body(delivery), timeouts=TIMEOUTS
        )
        try:
            status = (await self._adapter.send(request)).status
        except TransportError as failure:
            error = str(failure.args[0])
        self._record(delivery, attempt, status=status, error=error)
        return status

    def _body(self, delivery: Delivery) -> bytes:
        return dumps(
            {
                "signature": sign(self._signing_key),
                "batch": {"id": delivery.batch_id, "size": len(delivery.events)},
                "events": delivery.events,
            }
        )

    def _record(self, delivery: Delivery, attempt: int, *, status: int | None, error: str | None) -> None:
        self._store.add_attempt(
            WebhookAttempt(
                url=delivery.url,
                batch_id=delivery.batch_id,
                events=len(delivery.events),
                attempt=attempt,
                status=status,
                error=error,
            )
        )

    def _give_up(self, delivery: Delivery) -> None:
        self._record(delivery, 0, status=None, error="given up: the emulator stopped")
        self._store.count_webhook(given_up=1)

    def _finished(self, task: asyncio.Task[None]) -> None:
        with self._change:
            del self._tasks[task]
            self._change.notify_all()
        self._room.set()
