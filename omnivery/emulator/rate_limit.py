"""A rate limit, as a token bucket: `429=…` is chance, a limit depends on what the client does."""

from __future__ import annotations

import time
from collections.abc import Callable

from omnivery.emulator.fault_values import Rate


class RateLimit:
    """Lets a number of requests through at once, and then as many as the rate says.

    Args:
        rate: the rate, whose count is also the size of the burst.
        clock: seconds, monotonic.
    """

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = float(rate.count)
        self._per_second = rate.count / rate.per
        self._clock = clock
        self._tokens, self._at = self._size, clock()

    def take(self) -> float:
        """Let one request through and return 0; beyond the limit, return the seconds until the next may come."""
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._per_second
