"""The limits that a request passes before it goes out: slots, a rate, a circuit breaker. Decisions without I/O."""

from __future__ import annotations

import math
from collections import deque
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from attrs import define, field

from omnivery.transport.retry import TEMPORARY, jitter, parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

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
            asked = parse_retry_after(response.headers.get("retry-after")) or 0.0
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

    async def wait(self, count: int = 1) -> None:
        """Wait until `count` requests may go out. The first ones go at once."""
        now = self.runtime.now()
        turn = max(now, self._due)
        # The turn is taken before anything is awaited: the next caller queues behind it.
        self._due = turn + count / self.per_second
        if turn > now:
            await self.runtime.sleep(turn - now)


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


class Admission(Enum):
    """A circuit breaker's decision about a request that is about to go out."""

    GO = auto()
    PROBE = auto()
    """Go, and be the one request that finds out whether the service is back."""
    WAIT = auto()
    REFUSED = auto()
    """The outage has lasted for `max_outage`: do not go, and do not wait."""


@define(kw_only=True)
class CircuitBreaker:
    """Keeps requests back while the service is down, and lets one at a time find out whether it is back.

    The circuit opens after `threshold` failures in a row: no response, 5xx, 408. Probes follow one another at growing
    intervals; the first success closes the circuit.
    """

    max_outage: float = math.inf
    """Seconds without an acceptance, although requests were made, after which requests are refused."""
    threshold: int = 5
    base: float = 0.25
    """Seconds before the first probe, before jitter."""
    cap: float = 30.0
    """Longest interval between two probes in seconds, before jitter."""
    failing_since: float | None = field(init=False, default=None)
    """When the first request failed, or was throttled, since the last one that succeeded; None if there is none."""
    responded: bool = field(init=False, default=False)
    """Whether there was ever a response."""
    opened_at: float | None = field(init=False, default=None)
    """When the circuit opened; None while it is closed."""
    openings: int = field(init=False, default=0)
    """How often it has opened."""
    stopped: bool = field(init=False, default=False)
    """Whether its run has ended: nothing may go out any more."""
    watchers: list[Callable[[], None]] = field(init=False, factory=list["Callable[[], None]"])
    """Called when the result of `admit` may have changed."""
    _failures: int = field(init=False, default=0)
    _probing: bool = field(init=False, default=False)
    _probe_at: float = field(init=False, default=0.0)
    _probes: int = field(init=False, default=0)

    @property
    def is_open(self) -> bool:
        """Whether requests are kept back."""
        return self.opened_at is not None

    def admit(self, now: float) -> Admission:
        """Decide whether a request may go out."""
        if self.refuses(now):
            return Admission.REFUSED
        if not self.is_open:
            return Admission.GO
        if self._probing or now < self._probe_at:
            return Admission.WAIT
        self._probing = True
        return Admission.PROBE

    def refuses(self, now: float) -> bool:
        """Whether nothing may go out any more: the run was stopped, or the outage has lasted for `max_outage`."""
        return self.stopped or (self.failing_since is not None and now - self.failing_since >= self.max_outage)

    def wait(self, now: float) -> float:
        """Seconds until a waiting request should call `admit` again, unless a watcher is called before."""
        refused = math.inf if self.failing_since is None else self.failing_since + self.max_outage
        probe = math.inf if self._probing else self._probe_at
        return max(0.0, min(refused, probe) - now)

    def succeeded(self) -> None:
        """The service works: a request was accepted, or refused for its own content."""
        self.responded = True
        self.failing_since = None
        self._close()

    def throttled(self, now: float) -> None:
        """The service responds, but has accepted nothing: a request was refused with 429, or a probe succeeded.

        The circuit closes. It opens again at the next failure, and probes go on at growing intervals.
        """
        self.responded = True
        self.failing_since = now if self.failing_since is None else self.failing_since
        failures, probes = self.threshold - 1 if self.is_open else self._failures, self._probes
        self._close()
        self._failures, self._probes = failures, probes

    def failed(self, now: float, *, random: float, probe: bool, responded: bool) -> None:
        """A request failed.

        Args:
            now: the time on the runtime's clock.
            random: a random number in [0, 1).
            probe: whether the request was admitted as a probe.
            responded: whether there was a response.
        """
        self.responded = self.responded or responded
        self.failing_since = now if self.failing_since is None else self.failing_since
        self._failures += 1
        if probe:
            self._probing = False
            self._probe_again(now, random)
            self._tell()
        elif self._failures >= self.threshold:
            self.trip(now, random=random)

    def trip(self, now: float, *, random: float) -> None:
        """Open the circuit. Before the first response it stays closed: a wrong setting is likelier than an outage."""
        if self.responded and not self.is_open:
            self.opened_at = now
            self.openings += 1
            self._probe_again(now, random)
            self._tell()

    def abandoned(self) -> None:
        """A probe was cancelled before it had a result: the next request may probe."""
        self._probing = False
        self._tell()

    def stop(self) -> None:
        """Refuse every request from now on: the run has ended."""
        self.stopped = True
        self._tell()

    def _close(self) -> None:
        was_open, self.opened_at = self.is_open, None
        self._failures = self._probes = 0
        self._probing = False
        if was_open:
            self._tell()

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher()

    def _probe_again(self, now: float, random: float) -> None:
        # Half of the interval is fixed: an immediate probe would find the same outage.
        interval = min(self.cap, self.base * 2.0 ** min(self._probes, 30))
        self._probe_at = now + interval * (0.5 + random)
        self._probes += 1
