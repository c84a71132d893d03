"""News of records: which kinds of them changed, for the tasks that wait or show them live."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, TypeAlias

RecordKind: TypeAlias = Literal[
    "requests", "messages", "bot_events", "verdicts", "delivery_events", "deliveries", "account", "faults"
]
"""The kinds of records, and the two other things that a page shows and that change."""
KINDS: frozenset[RecordKind] = frozenset(
    {
        "requests",
        "messages",
        "bot_events",
        "verdicts",
        "delivery_events",
        "deliveries",
        "account",
        "faults",
    }
)
"""All kinds."""


class Subscription(ABC):
    """Collects the kinds that changed since they were last asked for. It holds their names and nothing else."""

    def __init__(self, kinds: frozenset[RecordKind]) -> None:
        self._wanted = kinds
        self._changed: set[RecordKind] = set()
        self._lock = threading.Lock()
        self.ended: bool = False
        """Whether the emulator stops."""

    def tell(self, kind: RecordKind) -> None:
        """Take note of a change, in any thread."""
        with self._lock:
            if kind not in self._wanted or kind in self._changed:
                return
            self._changed.add(kind)
        self._ring()

    def end(self) -> None:
        """Wake all waiting tasks: no more changes follow."""
        self.ended = True
        self._ring()

    def _take(self) -> frozenset[RecordKind]:
        with self._lock:
            changed, self._changed = self._changed, set()
        return frozenset(changed)

    @abstractmethod
    def _ring(self) -> None:
        """Wake all waiting tasks, from any thread."""


class AsyncSubscription(Subscription):
    """A subscription for a coroutine on an asyncio event loop."""

    def __init__(self, kinds: frozenset[RecordKind]) -> None:
        super().__init__(kinds)
        self._loop = asyncio.get_running_loop()
        self._wake, self._over = asyncio.Event(), asyncio.Event()

    async def changed(self, timeout: float | None = None) -> frozenset[RecordKind]:  # noqa: ASYNC109  # no error
        """Wait until something changed, and return which kinds; none if the time is up or the emulator stops."""
        if not self._changed and not self.ended:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout)
        self._wake.clear()
        return self._take()

    async def pause(self, seconds: float) -> None:
        """Sleep, whatever changes; no longer than until the emulator stops."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    def end(self) -> None:
        """Wake the tasks that wait or pause."""
        super().end()
        with suppress(RuntimeError):  # the subscriber's loop is closed already
            self._loop.call_soon_threadsafe(self._over.set)

    async def each(self, every: float = 0.1) -> AsyncIterator[frozenset[RecordKind]]:
        """Yield the kinds that changed, at most once in so many seconds, until the emulator stops."""
        while not self.ended:
            if changed := await self.changed():
                yield changed
                await self.pause(every)

    def _ring(self) -> None:
        with suppress(RuntimeError):  # the subscriber's loop is closed already
            self._loop.call_soon_threadsafe(self._wake.set)


class ThreadSubscription(Subscription):
    """A subscription for a thread without an event loop."""

    def __init__(self, kinds: frozenset[RecordKind]) -> None:
        super().__init__(kinds)
        self._wake = threading.Event()

    def changed(self, timeout: float | None = None) -> frozenset[RecordKind]:
        """Block until something changed, and return which kinds; none if the time is up or the emulator stops."""
        if not self._changed and not self.ended:
            self._wake.wait(timeout)
        self._wake.clear()
        return self._take()

    def _ring(self) -> None:
        self._wake.set()


class Changes:
    """Tells subscribers of changes. Any thread may tell."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._lock = threading.Lock()

    def tell(self, kind: RecordKind) -> None:
        """Tell all subscribers that records of a kind changed."""
        if self._subscriptions:
            with self._lock:
                for subscription in self._subscriptions:
                    subscription.tell(kind)

    @contextmanager
    def subscribe(self, *kinds: RecordKind) -> Iterator[AsyncSubscription]:
        """Subscribe to changes of some kinds, or of all, while the block runs, on the event loop of the caller."""
        subscription = AsyncSubscription(frozenset(kinds) or KINDS)
        with self._registered(subscription):
            yield subscription

    @contextmanager
    def subscribe_thread(self, *kinds: RecordKind) -> Iterator[ThreadSubscription]:
        """Subscribe likewise, in a thread that may block."""
        subscription = ThreadSubscription(frozenset(kinds) or KINDS)
        with self._registered(subscription):
            yield subscription

    def end(self) -> None:
        """End the subscriptions, because the emulator stops."""
        with self._lock:
            for subscription in self._subscriptions:
                subscription.end()

    @contextmanager
    def _registered(self, subscription: Subscription) -> Iterator[None]:
        with self._lock:
            self._subscriptions.append(subscription)
        try:
            yield
        finally:
            with self._lock:
                self._subscriptions.remove(subscription)
