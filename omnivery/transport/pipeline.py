"""The one path of a call: attempts under a deadline, the decisions between them, and the decoding of the response.

The pipeline awaits only `adapter.send` and `runtime.sleep`, so the same coroutine runs on any event loop, or on none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, evolve, field, frozen

from omnivery._logging import get_logger
from omnivery.errors import AmbiguousError, ApiError, DeadlineError, DecodeError, OmniveryError, TransportError
from omnivery.transport.capture import CAPTURES
from omnivery.transport.http import SUCCESS, ApiResponse, Progress, Request
from omnivery.transport.observe import Attempt
from omnivery.transport.operation import Safety
from omnivery.transport.responses import api_error, conceal
from omnivery.transport.retry import Failure, GiveUp, Reason, Wait, classify, decide

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import Logger

    from omnivery.transport.config import RetryPolicy, Timeouts
    from omnivery.transport.http import Adapter, Content, Response
    from omnivery.transport.observe import LogObserver, Observer
    from omnivery.transport.operation import Operation
    from omnivery.transport.retry import RetryBudget
    from omnivery.transport.runtime import Runtime

T = TypeVar("T")

NOT_SENT = "omnivery: the call was interrupted before its request was sent"
"""Note of an exception that interrupts a call, such as a cancellation, if the server cannot have received a request."""

logger: Logger = get_logger("omnivery.transport")


@frozen(kw_only=True, eq=False)
class Pipeline:
    """Runs calls; shared by a client and its clones."""

    adapter: Adapter
    runtime: Runtime
    budget: RetryBudget
    observers: Sequence[Observer]
    log: LogObserver | None = None
    """Notified of every attempt before the observers are; None for no log."""
    throttling_is_free: bool = False
    """Whether a 429 costs no attempt: bulk work is slowed by it, and goes on."""

    def listeners(self, *, failed: bool) -> Sequence[Observer]:
        """Return who looks at an attempt: mostly nobody, because the log has successes for debugging only."""
        if self.log is None or not (failed or self.log.takes_successes()):
            return self.observers
        return (self.log, *self.observers)

    async def run(
        self, operation: Operation[T], request: Request, *, policy: RetryPolicy, deadline: float | None = None
    ) -> ApiResponse[T]:
        """Run one call.

        Args:
            operation: the operation, which decides about retries and decodes the response.
            request: the encoded request; each attempt sends the same bytes.
            policy: the limits of retrying.
            deadline: seconds for the whole call; None is no limit.

        Raises:
            TransportError: no usable response came; the subclass says whether the operation may have happened.
            ApiError: the server refused the request.
            DecodeError: the response is not what the operation promises.
        """
        call = _Call(pipeline=self, operation=operation, request=request, policy=policy, deadline=deadline)
        return await call.run()


@frozen(kw_only=True, eq=False)
class PreparedCall(Generic[T]):
    """A call of which only the content is left to give: bulk work encodes URL and header fields once."""

    pipeline: Pipeline
    operation: Operation[T]
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    timeouts: Timeouts
    policy: RetryPolicy
    deadline: float | None
    secrets: tuple[str, ...] = field(repr=False)
    """Texts of the credential, which no error may show."""
    owner: object = field(repr=False)
    """The client and its clones, for `capture`."""

    async def __call__(self, content: Content = b"") -> ApiResponse[T]:
        """Send a request with this content. Returns and raises what `AsyncBaseClient.call` does."""
        request = Request(
            method=self.operation.method,
            url=self.url,
            headers=self.headers,
            content=content,
            timeouts=self.timeouts,
        )
        try:
            response = await self.pipeline.run(self.operation, request, policy=self.policy, deadline=self.deadline)
        except OmniveryError as error:
            conceal(error, self.secrets)
            raise
        for owner, found in CAPTURES.get():
            if owner is self.owner:
                found.append(response)
        return response


@define(kw_only=True, eq=False)
class _Call(Generic[T]):
    """One call: its attempts so far, and what they left in doubt."""

    pipeline: Pipeline
    operation: Operation[T]
    request: Request
    policy: RetryPolicy
    deadline: float | None
    attempts: int = field(init=False, default=0)
    throttled: int = field(init=False, default=0)
    """How many of the attempts were refused with 429."""
    paid: int = field(init=False, default=0)
    """Tokens of the retry budget that the retries have cost."""
    started: float = field(init=False)
    attempt_started: float = field(init=False)
    expires_at: float = field(init=False, default=math.inf)
    in_doubt: bool = field(init=False, default=False)
    """Whether an earlier attempt may have taken effect."""
    attempted: Request | None = field(init=False, default=None)
    """The request of the present attempt; None between two attempts."""

    def __attrs_post_init__(self) -> None:
        self.started = self.attempt_started = self.pipeline.runtime.now()
        if self.deadline is not None:
            self.expires_at = self.started + self.deadline

    async def run(self) -> ApiResponse[T]:
        try:
            return await self._run()
        except Exception:
            raise
        except BaseException as interruption:
            # The interruption must leave the call, so a note says what an error of ours would say.
            if not (self.in_doubt or (self.attempted is not None and self.attempted.sent)):
                interruption.add_note(NOT_SENT)
            raise

    async def _run(self) -> ApiResponse[T]:
        while True:
            try:
                response = await self._attempt()
            except OmniveryError as error:
                self.attempted = None
                decision = self._decide(error)
                if isinstance(decision, GiveUp):
                    raise self._final_error(error, decision.reason)  # noqa: B904  # it has its cause
            else:
                self.pipeline.budget.refill(self.paid)
                self._notify(status=response.status)
                return self._decode(response)
            await self.pipeline.runtime.sleep(decision.seconds)

    async def _attempt(self) -> Response:
        self.attempt_started = self.pipeline.runtime.now()
        if self.attempt_started >= self.expires_at:
            raise self._deadline_error("before the request was sent", may_have_happened=False)
        self.attempts += 1
        try:
            response = await self._send()
        except TransportError as error:
            error.operation, error.attempts = self.operation.name, self.attempts
            raise
        if response.status not in SUCCESS:
            raise api_error(response, operation=self.operation, attempts=self.attempts)
        return response

    async def _send(self) -> Response:
        if math.isinf(self.expires_at):
            self.attempted = self.request if self.attempts == 1 else evolve(self.request, progress=Progress())
            return await self.pipeline.adapter.send(self.attempted)
        timeouts = self.request.timeouts.within(self.expires_at - self.attempt_started)
        request = evolve(self.request, timeouts=timeouts, expires_at=self.expires_at, progress=Progress())
        self.attempted = request
        response = None
        with self.pipeline.runtime.move_on_at(self.expires_at):
            response = await self.pipeline.adapter.send(request)
        if response is None:
            raise self._deadline_error(f"while {request.progress.phase.value}", may_have_happened=request.sent)
        return response

    def _deadline_error(self, when: str, *, may_have_happened: bool) -> DeadlineError:
        return DeadlineError(
            f"the deadline of {self.deadline:g} s passed {when}",
            operation=self.operation.name,
            attempts=self.attempts,
            may_have_happened=may_have_happened,
        )

    def _decide(self, error: OmniveryError) -> Wait | GiveUp:
        failure = classify(error)
        self.in_doubt = self.in_doubt or failure is Failure.AMBIGUOUS
        self.throttled += failure is Failure.THROTTLED
        runtime, attempt = self.pipeline.runtime, self.attempts
        if self.pipeline.throttling_is_free:
            attempt = self.throttled if failure is Failure.THROTTLED else self.attempts - self.throttled
        decision = (
            GiveUp(Reason.DEADLINE)
            if isinstance(error, DeadlineError)
            else decide(
                failure,
                attempt,
                safety=self.operation.safety,
                policy=self.policy,
                budget=self.pipeline.budget,
                left=self.expires_at - runtime.now(),
                retry_after=error.retry_after if isinstance(error, ApiError) else None,
                random=runtime.random(),
                throttling_is_free=self.pipeline.throttling_is_free,
            )
        )
        if isinstance(decision, Wait):
            self.paid += self.pipeline.budget.price(failure)
        status = error.status if isinstance(error, ApiError) else None
        self._notify(status=status, error=error, decision=decision)
        return decision

    def _notify(
        self, *, status: int | None, error: OmniveryError | None = None, decision: Wait | GiveUp | None = None
    ) -> None:
        listeners = self.pipeline.listeners(failed=error is not None)
        if not listeners:
            return
        attempt = Attempt(
            operation=self.operation.name,
            method=self.operation.method,
            path=self.operation.path,
            number=self.attempts,
            elapsed=self.pipeline.runtime.now() - self.attempt_started,
            status=status,
            error=type(error).__name__ if error else None,
            retry_in=decision.seconds if isinstance(decision, Wait) else None,
            gave_up=decision.reason.value if isinstance(decision, GiveUp) else None,
        )
        for observer in listeners:
            try:
                observer.attempt_ended(attempt)
            except Exception as fault:  # noqa: BLE001  # an observer must not be able to break a call
                logger.error("an observer raised %s", type(fault).__name__)  # noqa: TRY400  # its text may hold secrets

    def _decode(self, response: Response) -> ApiResponse[T]:
        try:
            data = self.operation.read(response)
        except DecodeError as error:
            error.attempts = self.attempts
            raise
        return ApiResponse(
            data=data,
            status=response.status,
            headers=response.headers,
            request_id=response.request_id,
            elapsed=self.pipeline.runtime.now() - self.started,
            attempts=self.attempts,
            content=response.content,
        )

    def _final_error(self, error: OmniveryError, reason: Reason) -> OmniveryError:
        """Return the error that leaves the call: true of all its attempts, not only of the last."""
        says_so = reason is Reason.FINAL or isinstance(error, DeadlineError)
        if isinstance(error, TransportError | ApiError) and not says_so:
            error.gave_up = reason.value
        is_ambiguous = classify(error) is Failure.AMBIGUOUS
        # 1. For an operation that is not idempotent, a 5xx and a lost response mean the same.
        if self.operation.safety is Safety.NON_IDEMPOTENT and isinstance(error, ApiError) and is_ambiguous:
            final = AmbiguousError(
                f"the server failed ({error.status}) after it had received the request",
                operation=self.operation.name,
                attempts=error.attempts,
            )
            final.gave_up, final.__cause__ = error.gave_up, error
            return final
        # 2. The last attempt had no effect, but an earlier one may have.
        if self.in_doubt and isinstance(error, TransportError):
            error.may_have_happened = True
        elif self.in_doubt and isinstance(error, ApiError) and not is_ambiguous:
            error.hint = f"{error.hint}. The response to an earlier attempt was lost: that one may have taken effect"
        return error
