"""Delivery of signed webhooks, with retries; every attempt is recorded."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator
from logging import Logger
from typing import Any

from attrs import evolve

from omnivery._logging import LogThrottle, get_logger
from omnivery.codec import dumps
from omnivery.emulator.activity import ActivityFeed
from omnivery.emulator.faults import Faults
from omnivery.emulator.records.deliveries import DeliveryAttempt, DeliveryState
from omnivery.emulator.signer import Signer
from omnivery.emulator.store import Store
from omnivery.emulator.webhook_call import Delivery, activity, attempt, origin_of, signed_request
from omnivery.emulator.webhook_queue import MOST_RETRIED, RETRIED_BYTES, Sequence, WebhookQueue
from omnivery.errors import OmniveryError, TransportError, phrase
from omnivery.transport.http import Adapter

logger: Logger = get_logger("omnivery.emulator")

REJECTED = 406
"""Status by which a receiver refuses a webhook for good (Mailgun's rule, source/user_manual.rst)."""
SUCCESS = range(200, 300)
"""Statuses by which a receiver accepts a webhook."""
STOPPED = "given up: the emulator stopped"
DROPPED = (
    f"given up: more than {MOST_RETRIED:,} webhooks, or {RETRIED_BYTES // 2**20} MiB, wait for receivers that fail or "
    "do not respond; the oldest are dropped"
)


class WebhookSender:
    """Delivers webhooks in background tasks of the server's event loop.

    Args:
        adapter: sends the requests; this object closes it.
        signer: signs each attempt anew.
        retry_delays: seconds before each further attempt.
        store: records every attempt.
        faults: lets webhooks be late, or come twice.
        feed: is told of every attempt.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        signer: Signer,
        retry_delays: tuple[float, ...],
        store: Store,
        faults: Faults,
        feed: ActivityFeed,
    ) -> None:
        self._adapter = adapter
        self._signer = signer
        self._waits = (0.0, *retry_delays)
        self._store = store
        self._faults = faults
        self._feed = feed
        self._queue = WebhookQueue()
        self._unrecorded = LogThrottle()
        self._stopped = False
        self._tasks: dict[asyncio.Task[None], Sequence] = {}
        # wait_idle() runs in other threads, so _tasks changes under this lock.
        self._change = threading.Condition()

    async def wait_for_room(self) -> None:
        """Wait while working receivers are behind. A receiver that fails or is silent causes no wait."""
        await self._queue.wait_for_room()

    def dispatch(self, *deliveries: Delivery) -> list[int]:
        """Deliver webhooks to one receiver one after the other, in the background. Return the ids of their records."""
        if not deliveries:
            return []
        waiting = deque((self._store.add_delivery(each.record()), each) for each in self._with_faults(deliveries))
        numbers = [number for number, _ in waiting]
        sequence = Sequence(waiting, self._queue.receiver(origin_of(deliveries[0].url)))
        if self._stopped:
            self._give_up(sequence, STOPPED)
            return numbers
        sequence.task = task = asyncio.get_running_loop().create_task(self._deliver_all(sequence))
        with self._change:
            self._tasks[task] = sequence
        task.add_done_callback(self._finished)
        self._queue.add(sequence)
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
        request = signed_request(url, dumps(content), self._signer.sign())
        try:
            status = (await self._adapter.send(request)).status
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
        self._queue.open()
        in_progress = dict(self._tasks)
        for task in in_progress:
            task.cancel()
        await asyncio.gather(*in_progress, return_exceptions=True)
        for sequence in in_progress.values():
            self._give_up(sequence, STOPPED)
        await self._adapter.aclose()

    def _with_faults(self, deliveries: tuple[Delivery, ...]) -> Iterator[Delivery]:
        for place, delivery in enumerate(deliveries):
            fault = self._faults.take_webhook()
            # The deliveries of a sequence follow one another, so the delay of the first one is that of all.
            late = 0.0 if place else fault.late
            yield evolve(delivery, delay=delivery.delay + late) if late else delivery
            yield from [evolve(delivery, delay=0.0)] * (fault.copies - 1)

    async def _deliver_all(self, sequence: Sequence) -> None:
        while sequence.waiting:
            number, delivery = sequence.waiting[0]
            await self._deliver(number, delivery, sequence)
            sequence.waiting.popleft()

    async def _deliver(self, number: int, delivery: Delivery, sequence: Sequence) -> None:
        if delivery.delay:
            self._queue.park(sequence)
            await asyncio.sleep(delivery.delay)
            self._queue.unpark(sequence)
        for attempt_number, wait in enumerate(self._waits, 1):
            if wait:
                await asyncio.sleep(wait)
            # A delivery that waits for its next attempt holds no slot: it must not block the others.
            async with sequence.receiver.slots:
                with sequence.receiver.request():
                    made = await attempt(delivery, attempt_number, adapter=self._adapter, signer=self._signer)
            if self._note(number, delivery, made, sequence) != "waiting":
                return

    def _note(self, number: int, delivery: Delivery, made: DeliveryAttempt, sequence: Sequence) -> DeliveryState:
        state = self._state_after(made)
        due_at = time.time() + self._waits[made.number] if state == "waiting" else None
        self._record(number, made, state, due_at)
        if state in {"delivered", "rejected"}:
            self._queue.note_success(sequence, made.duration)
        else:
            self._queue.note_failure(sequence)
        if self._feed:
            self._feed.tell(activity(delivery, made))
        return state

    def _record(self, number: int, made: DeliveryAttempt, state: DeliveryState, due_at: float | None = None) -> None:
        try:
            self._store.add_attempt(number, made, state=state, due_at=due_at)
        except OmniveryError as error:  # such as a full disk: the attempt was made, and the next ones must be made, too
            if self._unrecorded.add(1):
                logger.error(  # noqa: TRY400  # it is no fault of the code
                    "attempts to deliver webhooks that were made and not recorded, so far %d: %s",
                    self._unrecorded.count,
                    error,
                )

    def _state_after(self, made: DeliveryAttempt) -> DeliveryState:
        # 1. Accepted.
        if made.status in SUCCESS:
            return "delivered"
        # 2. Refused for good.
        if made.status == REJECTED:
            return "rejected"
        # 3. Anything else is retried until the attempts are used up.
        return "waiting" if made.number < len(self._waits) else "given up"

    def _give_up(self, sequence: Sequence, reason: str) -> None:
        for number, _ in sequence.waiting:
            self._record(number, DeliveryAttempt(number=0, at=time.time(), error=reason), "given up")

    def _finished(self, task: asyncio.Task[None]) -> None:
        with self._change:
            sequence = self._tasks.pop(task)
            if sequence.dropped and not self._stopped:
                self._give_up(sequence, DROPPED)
            self._change.notify_all()
        self._queue.remove(sequence)
