"""The limits that a client sets: how many requests are in flight, and how many go out a second."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
from attrs import define, field

from omnivery.errors import ConfigError
from omnivery.transport.retry import TEMPORARY, jitter, retry_after

if TYPE_CHECKING:
    from omnivery.transport.http import Response
    from omnivery.transport.runtime import Runtime


@define(kw_only=True)
class AdaptiveLimiter:
    """Limits requests in flight: the slots halve when the server throttles, and grow by one for each clean window.

    A window is as many successes in a row as there are slots. Responses to requests that went out before the last
    change do not count, so that a burst of eight 429s halves the slots once and not eight times.
    """

    ceiling: int
    """Slots while nothing is throttled."""
    limit: int = field(init=False)
    """Slots at this moment."""
    resume_at: float = field(init=False, default=0.0)
    """When the pause that the server asked for ends, on the runtime's clock."""
    _window: int = field(init=False, default=0)
    _clean: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.limit = self.ceiling

    def enter(self) -> int:
        """Return the number of the present window. Pass it to `learn` with the response."""
        return self._window

    def learn(self, response: Response, window: int, *, now: float, max_retry_after: float, random: float) -> None:
        """Adjust the slots to the response to a request that went out in `window`.

        Args:
            response: the response.
            window: the number that `enter` returned when the request went out.
            now: the time on the runtime's clock.
            max_retry_after: longest `Retry-After` in seconds that pauses every request.
            random: a random number in [0, 1).
        """
        if response.status in TEMPORARY:
            asked = retry_after(response.headers) or 0.0
            pause = asked + jitter(asked, random) if 0.0 < asked <= max_retry_after else 0.0
            self.throttled(window, resume_at=now + pause if pause else 0.0)
        elif response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.succeeded(window)

    def throttled(self, window: int, *, resume_at: float = 0.0) -> None:
        """The server refused a request that went out in `window` for the moment: 429, 503, 408."""
        self.resume_at = max(self.resume_at, resume_at)
        if window == self._window:
            self.limit = max(1, self.limit // 2)
            self._window += 1
            self._clean = 0

    def succeeded(self, window: int) -> None:
        """The server did not throttle a request that went out in `window`."""
        if window != self._window or self.limit >= self.ceiling:
            return
        self._clean += 1
        if self._clean >= self.limit:
            self.limit += 1
            self._clean = 0


@define(kw_only=True, eq=False)
class RateLimiter:
    """Limits requests to `per_second`, evenly spread: no burst after a pause (GCRA without tolerance)."""

    per_second: float
    runtime: Runtime
    _due: float = field(init=False, default=0.0)
    _queue: anyio.Lock = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Forget the queue of the parent's tasks: none of them would let go of its head."""
        self._queue = anyio.Lock(fast_acquire=True)

    async def wait(self, count: int = 1) -> None:
        """Wait until `count` requests may go out. The first ones go at once."""
        arrived = self.runtime.now()
        async with self._queue:
            turn = max(arrived, self._due)
            if (pause := turn - self.runtime.now()) > 0:
                await self.runtime.sleep(pause)
            # Only now: a task that was cancelled, such as by a deadline, has used no turn, and must not put off others.
            self._due = turn + count / self.per_second


def rate_limiter(per_second: float | None, runtime: Runtime, *, argument: str) -> RateLimiter | None:
    """Return a limiter for a rate that a caller gave; None if none was given.

    Raises:
        ConfigError: it is not a number above zero.
    """
    if per_second is None:
        return None
    if isinstance(per_second, bool) or not isinstance(per_second, int | float) or not 0 < per_second < math.inf:
        raise ConfigError(f"{argument}: expected a number above zero, not {per_second!r}. Nothing was sent.")
    return RateLimiter(per_second=per_second, runtime=runtime)
