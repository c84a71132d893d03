"""What a failed request means for its run: go on, hold, stop. Decisions without I/O."""

from __future__ import annotations

import math
from enum import Enum, auto

from attrs import define, field, frozen

from omnivery.errors import ApiError, ConfigError, DeadlineError, DecodeError, OmniveryError, TransportError
from omnivery.transport.circuit_breaker import CircuitBreaker
from omnivery.transport.retry import CONTENT_ERRORS, Failure, classify, concerns_every_call


class Decision(Enum):
    """The reaction of a run to a failed request."""

    GO_ON = auto()
    """The failure is this batch's own: settle it, and send the others."""
    HOLD = auto()
    """The service is down: keep the batch, and send it again when the service is back."""
    STOP = auto()
    """Every batch would fail in the same way: stop the run."""


@frozen(kw_only=True)
class ServiceState:
    """The state of the service when a batch is posted, with all its attempts."""

    accepted: int
    """Requests that the service had accepted by then, or by the time that the batch failed last."""
    openings: int
    """How often the circuit had opened."""
    is_down: bool


@define(kw_only=True)
class OutagePolicy:
    """Distinguishes the failure of a batch from the failure of the service."""

    breaker: CircuitBreaker = field(factory=CircuitBreaker)
    idempotent: bool = True
    """Whether a request that may have taken effect can be sent again."""
    rounds: int = 2
    """How often a batch fails with all its attempts, while others are accepted, before it is given up."""
    max_retry_after: float = math.inf
    """Longest `Retry-After` in seconds that is waited for."""
    accepted: int = field(init=False, default=0)
    """Requests that the service accepted."""

    def service_state(self, *, accepted: int | None = None) -> ServiceState:
        """Return the state of the service, for a batch that is posted now.

        Args:
            accepted: `accepted` when the batch failed last, if it has failed.
        """
        # Before the first response the circuit stays closed, whether the service is down or not.
        silent = self.breaker.failing_since is not None and not self.breaker.responded
        return ServiceState(
            accepted=self.accepted if accepted is None else accepted,
            openings=self.breaker.openings,
            is_down=self.breaker.is_open or silent,
        )

    def was_down_since(self, before: ServiceState) -> bool:
        """Whether the service was down at that time, or the circuit has opened since."""
        return before.is_down or before.openings != self.breaker.openings

    def decide(
        self,
        error: OmniveryError,
        *,
        before: ServiceState,
        round: int,  # noqa: A002
        now: float,
    ) -> Decision:
        """Say what a request's failure, after all its attempts, means.

        Args:
            error: the failure.
            before: the state of the service when the batch was posted.
            round: 1, and one more for each earlier time that the batch failed although the service worked.
            now: the time on the runtime's clock.
        """
        # 1. The error concerns key, account, domain or set-up, such as a deadline that leaves no time at all; or the
        #    server asked for too long a wait.
        if is_about_set_up(error) or self._asks_for_too_long_a_wait(error):
            return Decision.STOP
        # 2. The outage has lasted for max_outage, or another batch has stopped the run.
        if self.breaker.refuses(now):
            return Decision.STOP
        # 3. The error concerns this batch's content; or the batch may have taken effect, and must not be sent again.
        if not may_pass(error) or (may_have_happened(error) and not self.idempotent):
            return Decision.GO_ON
        # 4. There was never a response: a wrong URL is likelier than an outage.
        if classify(error) is Failure.NOT_SENT and not self.breaker.responded:
            return Decision.STOP
        # 5. Others were accepted meanwhile: the service works, and this batch fails again and again. Attempts that
        #    failed because of an outage do not count, nor deadlines that passed in the queue.
        if (
            was_sent(error)
            and self.accepted > before.accepted
            and round >= self.rounds
            and not self.was_down_since(before)
        ):
            return Decision.GO_ON
        return Decision.HOLD

    def _asks_for_too_long_a_wait(self, error: OmniveryError) -> bool:
        return isinstance(error, ApiError) and (error.retry_after or 0.0) > self.max_retry_after


def is_about_set_up(error: OmniveryError) -> bool:
    """Whether the other requests of a run would fail in the same way."""
    leaves_no_time = isinstance(error, DeadlineError) and error.attempts == 0
    return isinstance(error, ConfigError) or leaves_no_time or concerns_every_call(error)


def may_pass(error: OmniveryError) -> bool:
    """Whether the same request may succeed later: it was not sent, it was throttled, or its outcome is unknown."""
    return classify(error) is not Failure.FINAL or isinstance(error, DeadlineError)


def was_sent(error: OmniveryError) -> bool:
    """Whether a request was tried at all: a deadline that passes before says nothing of the service."""
    return not isinstance(error, DeadlineError) or error.may_have_happened


def may_have_happened(error: OmniveryError) -> bool:
    """Whether the request may have taken effect although it failed."""
    if isinstance(error, TransportError):
        return error.may_have_happened
    return isinstance(error, DecodeError) or classify(error) is Failure.AMBIGUOUS


def is_about_content(error: OmniveryError) -> bool:
    """Whether the service refused a request because of its content."""
    return isinstance(error, ApiError) and error.status in CONTENT_ERRORS
