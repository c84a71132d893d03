"""Waiting until enough records match a query."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

from attrs import define

from omnivery.emulator.records.changes import Changes, RecordKind

PAUSE = 0.02
"""Seconds between two counts, however fast records arrive."""


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
        with self.changes.subscribe(self.kind) as subscription:
            for left in self._steps():
                if subscription.ended:
                    break
                await subscription.changed(left)
                await asyncio.sleep(min(PAUSE, left))
        return self._enough

    def block(self) -> bool:
        """Block this thread; return whether enough match."""
        with self.changes.subscribe_thread(self.kind) as subscription:
            for left in self._steps():
                if subscription.ended:
                    break
                subscription.changed(left)
        return self._enough

    @property
    def _enough(self) -> bool:
        return self.count() >= self.wanted

    def _steps(self) -> Iterator[float]:
        """Yield the seconds that are left, until enough match or the time is up."""
        ends = time.monotonic() + self.timeout
        while not self._enough and (left := ends - time.monotonic()) > 0:
            yield left
