"""Adapters behind limits: the only queue in front of the network."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from threading import Condition, RLock
from typing import TYPE_CHECKING

import anyio
from anyio import CapacityLimiter, WouldBlock
from attrs import define, field

from omnivery._fork import register_fork_reset
from omnivery.errors import AmbiguousError, DeadlineError, NotSentError, TransportError
from omnivery.transport.adapters.failures import LONGEST_EXCHANGE, TOO_LONG
from omnivery.transport.circuit_breaker import Admission
from omnivery.transport.http import Phase

if TYPE_CHECKING:
    from omnivery.transport.adaptive_rate import AdaptiveRate
    from omnivery.transport.circuit_breaker import CircuitBreaker
    from omnivery.transport.http import Adapter, Request, Response
    from omnivery.transport.limits import AdaptiveLimiter, RateLimiter
    from omnivery.transport.runtime import Runtime

LONGEST_PROBE = 60.0
"""Seconds that a separate probe may be under way, which is a small GET."""
LEEWAY = 0.05
"""Seconds by which an event loop's clock may differ from the runtime's."""

Probe = Callable[[], Awaitable["Response"]]
"""A request without side effects. It finds out whether the service works where the run's own requests must not."""


@define(kw_only=True, eq=False)
class LimitedAdapter:
    """An adapter behind slots; in bulk work, also behind a rate and a circuit breaker."""

    inner: Adapter
    runtime: Runtime
    slots: AdaptiveLimiter
    max_retry_after: float
    """Longest pause in seconds that a `Retry-After` may cause for every request."""
    pace: RateLimiter | None = None
    """Requests a second that the caller allows, retries among them."""
    rate: AdaptiveRate | None = None
    """Requests a second that the server accepts."""
    breaker: CircuitBreaker | None = None
    probe: Probe | None = None
    """Sent in place of a request that was admitted as a probe. None: the request itself is the probe."""
    _limiter: CapacityLimiter = field(init=False)
    _last_failure: str = field(init=False, default="")
    _changed: anyio.Event | None = field(init=False, default=None)
    """Set when the circuit breaker's decision may have changed."""

    def __attrs_post_init__(self) -> None:
        self.reset_after_fork()
        register_fork_reset(self)
        if self.breaker is not None:
            self.breaker.watchers.append(self._wake)

    def reset_after_fork(self) -> None:
        """Forget the slots that the parent's tasks have taken, and their queue for a turn."""
        self._limiter = CapacityLimiter(self.slots.limit)
        if self.pace is not None:
            self.pace.reset_after_fork()

    async def send(self, request: Request) -> Response:
        """Wait for a slot, for the end of any pause and for a closed circuit; then send the request.

        Raises:
            DeadlineError: the service accepted nothing for `max_outage` seconds, or the run was stopped. Not sent.
        """
        request.progress.phase = Phase.QUEUED
        try:
            # Mostly a slot is free. acquire() would yield to the event loop even then. Meanwhile more connections are
            # idle, and httpcore checks each idle connection.
            self._limiter.acquire_nowait()
        except WouldBlock:
            await self._limiter.acquire()
        try:
            probe = await self._admitted()
            window = self.slots.enter()
            request.progress.phase = Phase.WAITING
            response = await self._observed(self._exchange(request), probe=probe, expires_at=request.expires_at)
        finally:
            self._limiter.release()
        self._learn(response, window)
        return response

    async def aclose(self) -> None:
        """Close the inner adapter."""
        await self.inner.aclose()

    async def _admitted(self) -> bool:
        """Wait until the request may go out, and return whether it is a probe."""
        if self.pace is not None:
            await self.pace.wait()
        while True:
            await self._wait_for_pauses()
            # Last, because nothing may be awaited between the admission and the request.
            match Admission.GO if self.breaker is None else self.breaker.admit(self.runtime.now()):
                case Admission.GO:
                    return False
                case Admission.PROBE:
                    if self.probe is None:
                        return True
                    await self._probed(self.probe)
                case Admission.WAIT:
                    await self._wait_for_circuit()
                case _:
                    raise DeadlineError(self._refusal())

    async def ready(self) -> None:
        """Wait until the circuit is closed, or until the next request is the probe. Sends `probe` if there is one.

        Raises:
            DeadlineError: the service accepted nothing for `max_outage` seconds, or the run was stopped.
        """
        while self.breaker is not None and (self.breaker.is_open or self.breaker.stopped):
            match self.breaker.admit(self.runtime.now()):
                case Admission.PROBE if self.probe is not None:
                    await self._probed(self.probe)
                case Admission.WAIT:
                    await self._wait_for_circuit()
                case Admission.REFUSED:
                    raise DeadlineError(self._refusal())
                case _:
                    # There is no separate probe, so the caller's next request is the probe.
                    self.breaker.abandoned()
                    return

    async def _wait_for_pauses(self) -> None:
        while (pause := self._pause(self.runtime.now())) > 0:
            await self.runtime.sleep(pause)

    def _pause(self, now: float) -> float:
        """Return the seconds until the server's pause and the rate allow a request; 0.0 takes the turn."""
        if self.slots.resume_at > now:
            return self.slots.resume_at - now
        return 0.0 if self.rate is None else self.rate.turn(now)

    async def _wait_for_circuit(self) -> None:
        assert self.breaker is not None  # noqa: S101  # only a circuit breaker makes a request wait
        self._changed = self._changed or anyio.Event()
        with self.runtime.move_on_at(self.breaker.ask_again_at):
            await self._changed.wait()

    async def _probed(self, probe: Probe) -> None:
        """Send the separate probe."""
        assert self.breaker is not None  # noqa: S101  # only a circuit breaker asks for a probe
        # The run that waits for it ends with max_outage.
        expires_at = min(self.runtime.now() + LONGEST_PROBE, self.breaker.ask_again_at)
        try:
            with self.runtime.move_on_at(expires_at):
                await self._observed(probe(), probe=True, accepts=False, expires_at=expires_at)
        except TransportError:
            return

    async def _exchange(self, request: Request) -> Response:
        """Send a request. In bulk work, no exchange goes on for ever."""
        if self.breaker is None or request.expires_at < math.inf:
            return await self.inner.send(request)
        request.progress.ends_by = self.runtime.now() + LONGEST_EXCHANGE
        # A scope takes a fifth of the run's own time for a batch.
        if getattr(self.inner, "heeds_end", False):
            return await self.inner.send(request)
        response = None
        with self.runtime.move_on_at(request.progress.ends_by):
            response = await self.inner.send(request)
        if response is not None:
            return response
        raise AmbiguousError(TOO_LONG) if request.sent else NotSentError(TOO_LONG)

    async def _observed(
        self, exchange: Awaitable[Response], *, probe: bool, accepts: bool = True, expires_at: float = math.inf
    ) -> Response:
        """Carry out an exchange, and report its outcome to the circuit breaker."""
        breaker, ended = self.breaker, False
        try:
            response = await exchange
            ended = True
        except TransportError as error:
            ended = True
            self._last_failure = str(error.args[0])
            self._failed(probe=probe, responded=False)
            raise
        finally:
            if breaker is not None and not ended:
                self._cancelled(breaker, probe=probe, expires_at=expires_at)
        if breaker is not None:
            self._judge(breaker, response, probe=probe, accepts=accepts)
        return response

    def _cancelled(self, breaker: CircuitBreaker, *, probe: bool, expires_at: float) -> None:
        """Report an exchange that was cancelled: its deadline has passed, or its run has ended."""
        if self.runtime.now() >= expires_at - LEEWAY:
            self._last_failure = "a request took longer than its deadline"
            self._failed(probe=probe, responded=False)
        elif probe:
            breaker.abandoned()

    def _judge(self, breaker: CircuitBreaker, response: Response, *, probe: bool, accepts: bool) -> None:
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status == HTTPStatus.REQUEST_TIMEOUT:
            self._last_failure = f"status {response.status}"
            self._failed(probe=probe, responded=True)
            return
        if response.status == HTTPStatus.TOO_MANY_REQUESTS or not accepts:
            breaker.throttled(self.runtime.now())
        else:
            breaker.succeeded()

    def _failed(self, *, probe: bool, responded: bool) -> None:
        if self.breaker is not None:
            now = self.runtime.now()
            self.breaker.failed(now, random=self.runtime.random(), probe=probe, responded=responded)

    def _wake(self) -> None:
        """Wake the requests that wait for the circuit breaker: they call `admit` again."""
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def _learn(self, response: Response, window: int) -> None:
        """Adjust slots and rate."""
        now, is_current = self.runtime.now(), window == self.slots.enter()
        self.slots.learn(response, window, now=now, max_retry_after=self.max_retry_after, random=self.runtime.random())
        if self.rate is not None:
            if response.status == HTTPStatus.TOO_MANY_REQUESTS and is_current:
                resume_at = self.slots.resume_at if self.slots.resume_at > now else None
                self.rate.throttled(now, self.runtime.random(), resume_at=resume_at)
            elif response.status < HTTPStatus.BAD_REQUEST:
                self.rate.accepted(now)
        if self._limiter.total_tokens != self.slots.limit:
            self._limiter.total_tokens = self.slots.limit

    def _refusal(self) -> str:
        since = None if self.breaker is None or self.breaker.stopped else self.breaker.failing_since
        if since is None:
            return "the run was stopped before the request went out"
        waited = f"the service accepted nothing for {self.runtime.now() - since:.0f} s, which is the run's max_outage"
        return f"{waited}; the last failure: {self._last_failure}" if self._last_failure else waited


@define(kw_only=True, eq=False)
class SyncLimitedAdapter:
    """An adapter behind slots for the synchronous client, where threads wait."""

    inner: Adapter
    runtime: Runtime
    slots: AdaptiveLimiter
    max_retry_after: float
    """Longest pause in seconds that a `Retry-After` may cause for every request."""
    _lock: RLock = field(init=False)
    _changed: Condition = field(init=False)
    """Over the lock, which itself is entered without a call into Python."""
    _waiting: int = field(init=False)
    _taken: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reset_after_fork()
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """Forget the slots that the parent's threads have taken, and the lock that one of them may hold."""
        # Reentrant, because a signal's handler may call the client, too.
        self._lock = RLock()
        self._changed, self._waiting, self._taken = Condition(self._lock), 0, 0

    async def send(self, request: Request) -> Response:
        """Wait for a slot, and for the end of any pause that the server asked for; then send the request.

        Raises:
            NotSentError: the request's deadline passed before its turn came.
        """
        request.progress.phase = Phase.QUEUED
        self._take(request.expires_at)
        response, window = None, 0
        try:
            if self.slots.resume_at:
                await self._wait_for_pause(request.expires_at)
            window = self.slots.enter()
            request.progress.phase = Phase.WAITING
            response = received = await self.inner.send(request)
        except NotSentError:
            if request.sent:
                # The adapter reports no phases, but its error proves that nothing was sent.
                request.progress.phase = Phase.CONNECTING
            raise
        finally:
            self._release(response, window)
        return received

    async def aclose(self) -> None:
        """Close the adapter behind."""
        await self.inner.aclose()

    def _take(self, expires_at: float) -> None:
        with self._lock:
            while self._taken >= self.slots.limit:
                self._wait_for_slot(expires_at - self.runtime.now())
            self._taken += 1

    def _wait_for_slot(self, left: float) -> None:
        if left <= 0:
            raise NotSentError("no slot became free")
        self._waiting += 1
        try:
            # On Windows a wait without a timeout cannot be interrupted.
            self._changed.wait(min(left, 1.0))
        finally:
            self._waiting -= 1

    async def _wait_for_pause(self, expires_at: float) -> None:
        while (pause := self.slots.resume_at - self.runtime.now()) > 0:
            left = expires_at - self.runtime.now()
            await self.runtime.sleep(max(0.0, min(pause, left)))
            if pause >= left:
                raise NotSentError("the server asked for a pause beyond the deadline")

    def _release(self, response: Response | None, window: int) -> None:
        with self._lock:
            self._taken -= 1
            if response is not None:
                now, random = self.runtime.now(), self.runtime.random()
                self.slots.learn(response, window, now=now, max_retry_after=self.max_retry_after, random=random)
            if self._waiting:
                self._changed.notify(2)  # for the slot that is free, and one by which the slots may have grown
