"""The circuit breaker: whether a request may go out while the service may be down. Decisions without I/O."""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable


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

    @property
    def ask_again_at(self) -> float:
        """When a waiting request should call `admit` again, unless a watcher is called before."""
        refused = math.inf if self.failing_since is None else self.failing_since + self.max_outage
        probe = math.inf if self._probing else self._probe_at
        return min(refused, probe)

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
