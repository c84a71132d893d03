"""The one path of a call: attempts under a deadline, and the decisions between them; then the answer is read.

The pipeline awaits nothing but `adapter.send` and `runtime.sleep`, so that the same coroutine runs on any event loop,
or on none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve, frozen

from omnivery._logging import get_logger
from omnivery.errors import AmbiguousError, ApiError, DeadlineError, DecodeError, OmniveryError, TransportError
from omnivery.transport.http import ApiResponse, Departure
from omnivery.transport.observe import Attempt
from omnivery.transport.operation import Safety
from omnivery.transport.responses import SUCCESS, api_error, request_id
from omnivery.transport.retry import (
    Failure,
    GiveUp,
    classify,
    decide,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import Logger

    from omnivery.transport.config import RetryPolicy
    from omnivery.transport.http import Adapter, Request, Response
    from omnivery.transport.observe import Observer
    from omnivery.transport.operation import Operation
    from omnivery.transport.retry import RetryBudget
    from omnivery.transport.runtime import Runtime

T = TypeVar("T")

logger: Logger = get_logger("omnivery.transport")


@frozen(kw_only=True)
class Call(Generic[T]):
    """One call, fully resolved: what to send, already encoded, and how far to go for it."""

    operation: Operation[T]
    request: Request
    retry: RetryPolicy
    deadline: float | None = None
    """Seconds for the whole call."""


@frozen(kw_only=True, eq=False)
class Pipeline:
    """Carries calls through; shared by a client and all its clones."""

    adapter: Adapter
    runtime: Runtime
    budget: RetryBudget
    observers: Sequence[Observer]

    async def run(self, call: Call[T]) -> ApiResponse[T]:
        """Carry one call through.

        Raises:
            TransportError: no usable answer came; the sub-class says whether the operation may have happened.
            ApiError: the server answered and refused.
            DecodeError: the answer is not what the operation promises.
        """
        started = self.runtime.now()
        expires_at = started + call.deadline if call.deadline else math.inf
        number, in_doubt = 1, False
        while True:
            begun = self.runtime.now()
            try:
                answer = await self._attempt(call, number, begun=begun, expires_at=expires_at)
            except OmniveryError as error:
                failure = classify(error)
                in_doubt = in_doubt or failure is Failure.AMBIGUOUS
                pause = self._pause_before_next(call, error, failure, number=number, begun=begun, expires_at=expires_at)
                if pause is None:
                    raise _last_word(error, call.operation, in_doubt=in_doubt)  # noqa: B904  # it sets its own cause
            else:
                self.budget.refill()
                self._tell(call, number, begun, status=answer.status)
                return self._response(call, answer, number, started)
            await self.runtime.sleep(pause)
            number += 1

    async def _attempt(self, call: Call[T], number: int, *, begun: float, expires_at: float) -> Response:
        if begun >= expires_at:
            raise DeadlineError(
                f"the deadline of {call.deadline:g} s passed before the request went out",
                operation=call.operation.name,
                attempts=number - 1,
            )
        try:
            answer = await self._send_within(call, number, left=expires_at - begun, expires_at=expires_at)
        except TransportError as error:
            error.operation, error.attempts = call.operation.name, number
            raise
        if answer.status not in SUCCESS:
            raise api_error(answer, operation=call.operation, attempts=number)
        return answer

    async def _send_within(self, call: Call[T], number: int, *, left: float, expires_at: float) -> Response:
        if math.isinf(left):
            return await self.adapter.send(call.request)
        timeouts = call.request.timeouts.within(left)
        request = evolve(call.request, timeouts=timeouts, expires_at=expires_at, departure=Departure())
        answer = None
        with self.runtime.move_on_after(left):
            answer = await self.adapter.send(request)
        if answer is None:
            awaited = "the answer was awaited" if request.departure.happened else "the request waited for a slot"
            raise DeadlineError(
                f"the deadline of {call.deadline:g} s passed while {awaited}",
                operation=call.operation.name,
                attempts=number,
                may_have_happened=request.departure.happened,
            )
        return answer

    def _pause_before_next(
        self, call: Call[T], error: OmniveryError, failure: Failure, *, number: int, begun: float, expires_at: float
    ) -> float | None:
        decision = decide(
            failure,
            number,
            safety=call.operation.safety,
            policy=call.retry,
            budget=self.budget,
            left=expires_at - self.runtime.now(),
            retry_after=error.retry_after if isinstance(error, ApiError) else None,
            random=self.runtime.random(),
        )
        pause = None if isinstance(decision, GiveUp) else decision.seconds
        status = error.status if isinstance(error, ApiError) else None
        self._tell(call, number, begun, status=status, error=error, retry_in=pause)
        return pause

    def _tell(
        self,
        call: Call[T],
        number: int,
        begun: float,
        *,
        status: int | None,
        error: OmniveryError | None = None,
        retry_in: float | None = None,
    ) -> None:
        if not self.observers:
            return
        attempt = Attempt(
            operation=call.operation.name,
            method=call.operation.method,
            path=call.operation.path,
            number=number,
            elapsed=self.runtime.now() - begun,
            status=status,
            error=type(error).__name__ if error else None,
            retry_in=retry_in,
        )
        for observer in self.observers:
            try:
                observer.attempt_ended(attempt)
            except Exception as fault:  # noqa: BLE001  # whoever watches a call must not be able to break it
                logger.error("an observer raised %s", type(fault).__name__)  # noqa: TRY400  # its text may hold anything

    def _response(self, call: Call[T], answer: Response, number: int, started: float) -> ApiResponse[T]:
        try:
            data = call.operation.read(answer)
        except DecodeError as error:
            error.attempts = number
            raise
        return ApiResponse(
            data=data,
            status=answer.status,
            headers=answer.headers,
            request_id=request_id(answer),
            elapsed=self.runtime.now() - started,
            attempts=number,
        )


def _last_word(error: OmniveryError, operation: Operation[Any], *, in_doubt: bool) -> OmniveryError:
    """The error that leaves the call, true to all of its attempts and not to the last alone."""
    # 1. For an operation that must not happen twice, a 5xx and a lost answer mean the same.
    if (
        operation.safety is Safety.NON_IDEMPOTENT
        and isinstance(error, ApiError)
        and classify(error) is Failure.AMBIGUOUS
    ):
        last = AmbiguousError(
            f"the server failed ({error.status}) after it had the request",
            operation=operation.name,
            attempts=error.attempts,
        )
        last.__cause__ = error
        return last
    # 2. The last attempt did not get through, but an earlier one may have.
    if in_doubt and isinstance(error, TransportError):
        error.may_have_happened = True
    elif in_doubt and isinstance(error, ApiError) and classify(error) is not Failure.AMBIGUOUS:
        error.hint = f"{error.hint}. The answer to an earlier attempt was lost: that one may have taken effect"
    return error
