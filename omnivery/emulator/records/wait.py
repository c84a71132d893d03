"""Waiting until enough records match a query."""

from __future__ import annotations

import time
from collections.abc import Callable

from anyio import to_thread
from attrs import define

from omnivery.emulator.records.changes import Changes, RecordKind

PAUSE = 0.02
"""Seconds between two counts, however fast records arrive."""
SHARE = 5
"""How much longer than a count the pause after it is, at least."""


@define(kw_only=True)
class RecordWait:
    """Waits until a number of records match. The records that matched when it began count, too."""

    changes: Changes
    kind: RecordKind
    """The kind of records."""
    count: Callable[[], int]
    """Counts those that match."""
    wanted: int
    """How many must match."""
    timeout: float
    """Seconds to wait at most."""

    async def result(self) -> bool:
        """Wait on an asyncio event loop; return whether enough match."""
        ends = time.monotonic() + self.timeout
        with self.changes.subscribe(self.kind) as subscription:
            while True:
                begun = time.monotonic()
                # In a thread: to count among many events takes a while, during which the event loop goes on.
                if await to_thread.run_sync(self._is_over):
                    return True
                left, cost = ends - time.monotonic(), time.monotonic() - begun
                if left <= 0 or subscription.ended:
                    return False
                await subscription.pause(min(max(PAUSE, SHARE * cost), left))
                await subscription.changed(max(0.0, ends - time.monotonic()))
                if subscription.ended:
                    return False  # without another count: there may be hundreds of waits, and a second to end them

    def block(self) -> bool:
        """Block this thread; return whether enough match."""
        ends = time.monotonic() + self.timeout
        with self.changes.subscribe_thread(self.kind) as subscription:
            while not self._is_over():
                left = ends - time.monotonic()
                if left <= 0 or subscription.ended:
                    return False
                subscription.changed(left)
        return True

    def _is_over(self) -> bool:
        return self.count() >= self.wanted
