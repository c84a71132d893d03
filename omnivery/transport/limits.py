"""What stands before the network: the retry budget, the slots that a request needs to go out, and the pace."""

from __future__ import annotations

from http import HTTPStatus
from threading import Condition
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, WouldBlock
from attrs import define, field

from omnivery._fork import register_fork_reset
from omnivery.errors import NotSentError
from omnivery.transport.retry import THROTTLING, parse_retry_after

if TYPE_CHECKING:
    from omnivery.transport.http import Adapter, Request, Response
    from omnivery.transport.runtime import Runtime


@define(kw_only=True)
class AdaptiveLimiter:
    """How many requests may be in flight: halved when the server says slow down, one more for each clean window.

    A window is as many good answers in a row as there are slots. Answers to requests that went out before the last
    change say nothing about it, so that a burst of eight 429s halves the slots once and not eight times.
    """

    ceiling: int
    """Slots in fair weather."""
    limit: int = field(init=False)
    """Slots at this moment."""
    resume_at: float = field(init=False, default=0.0)
    """Until when nothing goes out, on the runtime's clock, because the server named a time."""
    _window: int = field(init=False, default=0)
    _clean: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.limit = self.ceiling

    def enter(self) -> int:
        """The number of the present window, for the answer to be judged by."""
        return self._window

    def learn(self, answer: Response, window: int, *, now: float, max_retry_after: float) -> None:
        """Judge the answer to a request that went out in `window`.

        Args:
            answer: what the server said.
            window: what `enter` gave when the request went out.
            now: the time on the runtime's clock.
            max_retry_after: the longest `Retry-After` in seconds that is honoured by a pause for everybody.
        """
        if answer.status in THROTTLING:
            wish = parse_retry_after(answer.headers.get("retry-after")) or 0.0
            self.throttled(window, resume_at=now + wish if 0.0 < wish <= max_retry_after else 0.0)
        elif answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.succeeded(window)

    def throttled(self, window: int, *, resume_at: float = 0.0) -> None:
        """A request that went out in `window` was told to slow down."""
        self.resume_at = max(self.resume_at, resume_at)
        if window == self._window:
            self.limit = max(1, self.limit // 2)
            self._window += 1
            self._clean = 0

    def succeeded(self, window: int) -> None:
        """A request that went out in `window` got a good answer."""
        if window != self._window or self.limit >= self.ceiling:
            return
        self._clean += 1
        if self._clean >= self.limit:
            self.limit += 1
            self._clean = 0


@define(kw_only=True, eq=False)
class RateLimiter:
    """So many a second and no more, evenly spread: no burst, whatever has piled up (GCRA without tolerance)."""

    per_second: float
    runtime: Runtime
    _due: float = field(init=False, default=0.0)

    async def wait(self, count: int = 1) -> None:
        """Wait for the turn of so many; the first ones go at once."""
        now = self.runtime.now()
        turn = max(now, self._due)
        # The turn is taken before anything is awaited: whoever comes next stands behind.
        self._due = turn + count / self.per_second
        if turn > now:
            await self.runtime.sleep(turn - now)


@define(kw_only=True, eq=False)
class LimitedAdapter:
    """An adapter behind slots: the only queue in front of the network."""

    inner: Adapter
    runtime: Runtime
    slots: AdaptiveLimiter
    max_retry_after: float
    """Longest pause in seconds that a `Retry-After` may cause for everybody."""
    pace: RateLimiter | None = None
    """Requests a second, retries among them."""
    _limiter: CapacityLimiter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reset_after_fork()
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """Forget slots that are taken by tasks of another process."""
        self._limiter = CapacityLimiter(self.slots.limit)

    async def send(self, request: Request) -> Response:
        """Wait for a slot, and for the end of any pause that the server asked for; then carry the request."""
        request.departure.happened = False
        try:
            # Mostly a slot is free. acquire() would let the event loop turn once all the same, and meanwhile more
            # connections lie idle, each of which httpcore asks whether it still lives.
            self._limiter.acquire_nowait()
        except WouldBlock:
            await self._limiter.acquire()
        try:
            while (pause := self.slots.resume_at - self.runtime.now()) > 0:
                await self.runtime.sleep(pause)
            if self.pace is not None:
                await self.pace.wait()
            window = self.slots.enter()
            request.departure.happened = True
            answer = await self.inner.send(request)
        finally:
            self._limiter.release()
        self.slots.learn(answer, window, now=self.runtime.now(), max_retry_after=self.max_retry_after)
        if self._limiter.total_tokens != self.slots.limit:
            self._limiter.total_tokens = self.slots.limit
        return answer

    async def aclose(self) -> None:
        """Close the adapter behind."""
        await self.inner.aclose()


@define(kw_only=True, eq=False)
class SyncLimitedAdapter:
    """The same for the synchronous world, where threads are what waits."""

    inner: Adapter
    runtime: Runtime
    slots: AdaptiveLimiter
    max_retry_after: float
    """Longest pause in seconds that a `Retry-After` may cause for everybody."""
    _changed: Condition = field(init=False)
    _taken: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reset_after_fork()
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """Forget slots that are taken by threads of another process, and a lock that one of them may hold."""
        self._changed, self._taken = Condition(), 0

    async def send(self, request: Request) -> Response:
        """Wait for a slot, and for the end of any pause that the server asked for; then carry the request.

        Raises:
            NotSentError: the request's time was over before its turn came.
        """
        request.departure.happened = False
        self._take(request.expires_at)
        try:
            await self._sit_out(request.expires_at)
            window = self.slots.enter()
            request.departure.happened = True
            answer = await self.inner.send(request)
        except NotSentError:
            request.departure.happened = False
            raise
        finally:
            self._release()
        with self._changed:
            self.slots.learn(answer, window, now=self.runtime.now(), max_retry_after=self.max_retry_after)
            self._changed.notify()
        return answer

    async def aclose(self) -> None:
        """Close the adapter behind."""
        await self.inner.aclose()

    def _take(self, expires_at: float) -> None:
        with self._changed:
            while self._taken >= self.slots.limit:
                left = expires_at - self.runtime.now()
                if left <= 0:
                    raise NotSentError("no slot became free")
                # A wait without an end could not be interrupted on Windows.
                self._changed.wait(min(left, 1.0))
            self._taken += 1

    async def _sit_out(self, expires_at: float) -> None:
        while (pause := self.slots.resume_at - self.runtime.now()) > 0:
            left = expires_at - self.runtime.now()
            await self.runtime.sleep(max(0.0, min(pause, left)))
            if pause >= left:
                raise NotSentError("the server asked for a pause beyond the deadline")

    def _release(self) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify()
