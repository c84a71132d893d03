"""Telling that a run waits for its service: in the log, and to the caller who watches the run."""

from __future__ import annotations

from collections.abc import Callable
from logging import Logger
from typing import TYPE_CHECKING

from attrs import define, field

from omnivery._logging import get_logger

if TYPE_CHECKING:
    from omnivery.bulk.outage import OutagePolicy
    from omnivery.bulk.run_end import RunEnd
    from omnivery.transport.runtime import Runtime

FIRST_RESPONSE = 3.0
"""Seconds without any response after which a run says what it waits for."""

logger: Logger = get_logger("omnivery.bulk")


@define(kw_only=True, eq=False)
class ServiceWatch:
    """Says once that a run waits for the service, and once that it goes on."""

    service: str
    """Its name."""
    policy: OutagePolicy
    end: RunEnd
    runtime: Runtime
    notify: Callable[[], None]
    """Called when there is something to say."""
    _waiting: bool = field(init=False, default=False)

    def circuit_changed(self) -> None:
        """Say so if the run begins to wait for the service, or no longer does."""
        waiting = self.policy.breaker.is_open
        if waiting == self._waiting or self.end.reason is not None:
            return
        self._waiting = waiting
        if waiting:
            logger.warning("%s accepts no requests: waiting until it does", self.service)
        else:
            logger.info("%s accepts requests again", self.service)
        self.notify()

    async def name_silent(self) -> None:
        """Say so if there is no response for a while after the first request."""
        await self.runtime.sleep(FIRST_RESPONSE)
        if not self.policy.breaker.responded and self.end.reason is None and not self.policy.accepted:
            logger.warning("no response from %s for %g s: still trying", self.service, FIRST_RESPONSE)
            self.notify()
