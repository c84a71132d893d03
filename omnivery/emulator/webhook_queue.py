"""The webhooks that are to be delivered: which of them slow down their senders, and which are dropped.

A receiver that is slower than the clients slows them down, so that nothing is lost. One that fails, or does not
respond, must not: no request waits for it. What it is to have has a bound of its own, beyond which the oldest is
dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from attrs import define, field

from omnivery.emulator.webhook_call import Delivery

SENDERS = 4
"""Maximum number of webhook requests in flight to one receiver."""
CAPACITY = 64
"""Maximum number of sequences of webhooks to receivers that work. While it is reached, new API requests wait."""
SILENCE = 0.5
"""Seconds without a response from a receiver that has requests in flight, after which no API request waits for it. One
that is known to take long has twice the time that it has taken: what a receiver is to have that works is not dropped.
"""
MOST_RETRIED = 1_000
"""Maximum number of sequences that wait for a receiver which fails or is silent."""
RETRIED_BYTES = 32 * 2**20
"""Maximum size of their bodies together."""
MOST_PARKED = 10_000
"""Maximum number of sequences whose next webhook is not due yet. While it is reached, new API requests wait."""
PARKED_BYTES = 256 * 2**20
"""Maximum size of their bodies together."""
RECEIVERS = 1_000
"""Number of receivers whose state is remembered."""


@define(eq=False)
class Receiver:
    """One receiver of webhooks, and whether it works."""

    slots: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(SENDERS))
    """Held by each request in flight."""
    failing: bool = False
    """Whether the last attempt failed, or none has ended for too long."""
    slowest: float = 0.0
    """Seconds that its slowest response has taken."""
    _in_flight: int = 0
    _quiet_since: float = 0.0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Take note that a request is in flight."""
        if not self._in_flight:
            self._quiet_since = time.monotonic()
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._quiet_since = time.monotonic()

    @property
    def silent(self) -> bool:
        """Whether it has requests in flight, and none has ended for longer than it takes to respond."""
        return self._in_flight > 0 and time.monotonic() - self._quiet_since >= max(SILENCE, 2 * self.slowest)


@define(eq=False)
class Sequence:
    """Webhooks to one receiver that are delivered one after the other."""

    waiting: deque[tuple[int, Delivery]]
    """Those that are not delivered yet, with the ids of their records."""
    receiver: Receiver
    task: asyncio.Task[None] | None = None
    """What delivers them."""
    dropped: bool = False
    """Whether it was dropped because too many wait."""

    @property
    def size(self) -> int:
        """Bytes of the bodies."""
        return sum(len(delivery.body) for _, delivery in self.waiting)


class WebhookQueue:
    """The sequences in progress, in three classes.

    They are fresh; or parked, because a fault or latency makes the next webhook due later; or wait for a receiver that
    fails.

    It belongs to the server's event loop.
    """

    def __init__(self) -> None:
        self._receivers: OrderedDict[str, Receiver] = OrderedDict()
        self._fresh: set[Sequence] = set()
        self._retried: OrderedDict[Sequence, int] = OrderedDict()
        self._retried_bytes = 0
        self._parked: dict[Sequence, int] = {}
        self._parked_bytes = 0
        self._room = asyncio.Event()

    async def wait_for_room(self) -> None:
        """Wait until fewer than `CAPACITY` sequences are fresh, and not too many parked."""
        while len(self._fresh) >= CAPACITY or self._has_parked_too_many():
            self._room.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), SILENCE / 4)
            self._note_silence()

    def receiver(self, origin: str) -> Receiver:
        """Return the receiver of an origin."""
        found = self._receivers.setdefault(origin, Receiver())
        self._receivers.move_to_end(origin)
        if len(self._receivers) > RECEIVERS:
            self._receivers.popitem(last=False)
        return found

    def add(self, sequence: Sequence) -> None:
        """Add a sequence. One whose receiver fails is not fresh: requests do not wait for its delivery."""
        if sequence.receiver.failing:
            self._retry(sequence)
        else:
            self._fresh.add(sequence)

    def park(self, sequence: Sequence) -> None:
        """Take note that a fresh sequence has nothing to do until its next webhook is due."""
        if sequence in self._fresh:
            self._fresh.discard(sequence)
            self._parked[sequence] = size = sequence.size
            self._parked_bytes += size
            self._room.set()

    def unpark(self, sequence: Sequence) -> None:
        """Take note that the next webhook of a parked sequence is due."""
        if sequence in self._parked:
            self._forget_parked(sequence)
            self.add(sequence)

    def note_success(self, sequence: Sequence, duration: float) -> None:
        """Take note that a receiver works, and how long it took to respond."""
        receiver = sequence.receiver
        receiver.failing, receiver.slowest = False, max(receiver.slowest, duration)

    def note_failure(self, sequence: Sequence) -> None:
        """Take note that a receiver fails: requests no longer wait for deliveries to it."""
        self._fail(sequence.receiver)

    def remove(self, sequence: Sequence) -> None:
        """Remove a sequence that is done."""
        self._fresh.discard(sequence)
        self._retried_bytes -= self._retried.pop(sequence, 0)
        self._forget_parked(sequence)
        self._room.set()

    def open(self) -> None:
        """Let everybody in, because the emulator stops."""
        self._fresh.clear()
        self._parked.clear()
        self._parked_bytes = 0
        self._room.set()

    def _note_silence(self) -> None:
        for receiver in {each.receiver for each in self._fresh}:
            if receiver.silent:
                self._fail(receiver)

    def _fail(self, receiver: Receiver) -> None:
        receiver.failing = True
        for fresh in [each for each in self._fresh if each.receiver is receiver]:
            self._fresh.discard(fresh)
            self._retry(fresh)
        self._room.set()

    def _has_parked_too_many(self) -> bool:
        return len(self._parked) >= MOST_PARKED or self._parked_bytes >= PARKED_BYTES

    def _forget_parked(self, sequence: Sequence) -> None:
        self._parked_bytes -= self._parked.pop(sequence, 0)

    def _retry(self, sequence: Sequence) -> None:
        self._retried[sequence] = size = sequence.size
        self._retried_bytes += size
        while len(self._retried) > MOST_RETRIED or (self._retried_bytes > RETRIED_BYTES and len(self._retried) > 1):
            oldest, size = self._retried.popitem(last=False)
            self._retried_bytes -= size
            oldest.dropped = True
            if oldest.task is not None:
                oldest.task.cancel()
