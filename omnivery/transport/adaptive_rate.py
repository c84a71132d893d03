"""The rate that a throttling server teaches, in requests a second. Decisions without I/O."""

from __future__ import annotations

import math
from collections import deque
from typing import ClassVar

from attrs import define, field


@define(kw_only=True)
class AdaptiveRate:
    """Learns how many requests a second a throttling server accepts.

    Without a 429 there is no rate. A 429 sets it to what the server accepted over the last seconds, or slightly below
    the present rate. From then on the rate grows: up to just below the rate that was refused, then slowly, so that it
    stays near a steady limit, and then ever faster, so that a limit that was lifted is soon forgotten. The longer the
    pauses that the server asks for, the more a 429 costs, and the slower the growth.

    Time in such pauses does not count: nothing is sent in them. Refusals one after the other for which the server names
    no time cause growing pauses.
    """

    HORIZON: ClassVar[float] = 5.0
    """Seconds over which acceptances are counted."""
    HISTORY: ClassVar[float] = 1.0
    """Seconds after which there are enough acceptances to compute a rate."""
    FORGOTTEN: ClassVar[float] = 60.0
    """Seconds without a 429 after which there is no rate any more; more of them where pauses were long."""
    NEAR: ClassVar[float] = 0.9
    """Part of the refused rate up to which the rate grows without fear of another refusal."""
    SLOWEST: ClassVar[float] = 0.05
    """Requests a second that are always tried."""

    pause: float = 0.03
    """Pause in seconds after the first refusal while no rate is known; each further refusal doubles it."""
    longest_pause: float = 20.0
    _rate: float = field(init=False, default=math.inf)
    _since: float = field(init=False, default=0.0)
    """When the rate was set, without pauses."""
    _next: float = field(init=False, default=-math.inf)
    """When the next request may go out."""
    _refused: int = field(init=False, default=0)
    """Refusals in a row."""
    _counts: deque[tuple[int, int]] = field(init=False, factory=deque[tuple[int, int]])
    """Acceptances, in steps of a twentieth of the horizon."""
    _first: float = field(init=False, default=math.inf)
    """When the first request went out, without pauses."""
    _refused_rate: float = field(init=False, default=0.0)
    """The rate at the last refusal."""
    _paused: float = field(init=False, default=0.0)
    """Seconds of the pauses that the server asked for, up to `_resume_at`."""
    _resume_at: float = field(init=False, default=-math.inf)
    _patience: float = field(init=False, default=1.0)
    """How many times slower than by itself the rate grows once it is near the refused rate."""

    def turn(self, now: float) -> float:
        """Take the next turn if it is due, and return 0.0; else return the seconds until it is."""
        self._first = min(self._first, self._active(now))
        if self._next > now:
            return self._next - now
        rate = self.per_second(now)
        if rate < math.inf:
            self._next = max(self._next + 1.0 / rate, now)
        return 0.0

    def per_second(self, now: float) -> float:
        """The rate at this moment; infinity if there is none."""
        if self._rate == math.inf:
            return math.inf
        clean = self._active(now) - self._since
        room = min(math.log(max(self.NEAR * self._refused_rate / self._rate, 1.0)), _growth(self.FORGOTTEN))
        until_near = _seconds_to_grow(room)
        if clean <= until_near:
            return self._rate * math.exp(_growth(clean))
        slow = (clean - until_near) / self._patience
        return math.inf if slow >= self.FORGOTTEN else self._rate * math.exp(room + _growth(slow))

    def accepted(self, now: float) -> None:
        """The server took a request."""
        self._refused = 0
        step = self._step(now)
        count = self._counts.pop()[1] if self._counts and self._counts[-1][0] == step else 0
        self._counts.append((step, count + 1))
        self._forget(step)

    def throttled(self, now: float, random: float, *, resume_at: float | None) -> None:
        """The server refused a request with 429. Call it once for each window, not for each response.

        Args:
            now: the time on the runtime's clock.
            random: a random number in [0, 1).
            resume_at: when the pause that the server asked for ends; None if it asked for none.
        """
        self._refused += 1
        before, measured, factor = self.per_second(now), self._measured(now), 0.95
        if resume_at is not None:
            lasted = self._active(now) - self._since
            self._pause_until(now, resume_at)
            if self._refused > 1 and before < math.inf:
                # Nothing was accepted since the last pause: the server is closed, whatever the rate.
                self._patience = 1.0
                return
            self._patience = min(max(1.0, 6.0 * (resume_at - now)), 60.0)
            if lasted <= resume_at - now:
                # A rate that does not last for as long as its pause costs more than it brings.
                factor = 0.75
        if measured > 0:
            rate = min(factor * before, measured)
            self._set(rate, now, refused=before if before < math.inf else rate)
        elif before < math.inf:
            self._set(before / 2, now, refused=before)
        elif resume_at is not None and self._counts:
            # Too short a time to measure a rate in: as if the requests had been spread over the pause as well.
            spread = self._active(now) - self._first + resume_at - now
            self._set(self._accepted() / spread, now, refused=math.inf)
        if resume_at is None and (self._refused > 1 or self._rate == math.inf):
            pause = min(self.pause * 2.0 ** min(self._refused - 1, 30), self.longest_pause)
            self._next = max(self._next, now + pause * (0.5 + random))

    def _set(self, rate: float, now: float, *, refused: float) -> None:
        self._rate, self._since = max(rate, self.SLOWEST), self._active(now)
        self._refused_rate = refused

    def _pause_until(self, now: float, resume_at: float) -> None:
        self._paused += max(0.0, resume_at - max(now, self._resume_at))
        self._resume_at = max(self._resume_at, resume_at)
        # Else the turn that was missed in the pause would be taken along with the first one after it.
        self._next = max(self._next, resume_at)

    def _active(self, now: float) -> float:
        """The time without pauses that the server asked for."""
        return now - self._paused + max(0.0, self._resume_at - now)

    def _step(self, now: float) -> int:
        return math.floor(self._active(now) * 20 / self.HORIZON)

    def _measured(self, now: float) -> float:
        """Acceptances a second; 0.0 if there are none, or the time is too short to measure them."""
        lived = min(self.HORIZON, self._active(now) - self._first)
        self._forget(self._step(now))
        return self._accepted() / lived if lived >= self.HISTORY else 0.0

    def _accepted(self) -> int:
        return sum(count for _, count in self._counts)

    def _forget(self, step: int) -> None:
        while self._counts and self._counts[0][0] <= step - 20:
            self._counts.popleft()


def _growth(seconds: float) -> float:
    """Logarithm of how many times the rate is larger after some seconds."""
    return 0.01 * seconds + 0.002 * seconds * seconds


def _seconds_to_grow(growth: float) -> float:
    """The inverse of `_growth`."""
    return (math.sqrt(0.0001 + 0.008 * growth) - 0.01) / 0.004
