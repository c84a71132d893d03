"""What a failed request means for its run: go on, hold, stop. Decisions without I/O."""

from __future__ import annotations

import math
from enum import Enum, auto

from attrs import define, field

from omnivery.errors import ApiError, ConfigError, DeadlineError, DecodeError, OmniveryError, TransportError
from omnivery.transport.limits import CircuitBreaker
from omnivery.transport.retry import CONTENT_ERRORS, Failure, classify, concerns_every_call


class Decision(Enum):
    """The reaction of a run to a failed request."""

    GO_ON = auto()
    """The failure is this batch's own: settle it, and send the others."""
    HOLD = auto()
    """The service is down: keep the batch, and send it again when the service is back."""
    STOP = auto()
    """Every batch would fail in the same way: stop the run."""


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

    def decide(
        self,
        error: OmniveryError,
        *,
        accepted_before: int,
        round: int,  # noqa: A002
        now: float,
        disturbed: bool = False,
    ) -> Decision:
        """Say what a request's failure, after all its attempts, means.

        Args:
            error: the failure.
            accepted_before: `accepted` when the batch failed last, or else when it was posted.
            round: 1, and one more for each earlier time that the batch failed although the service worked.
            now: the time on the runtime's clock.
            disturbed: whether the circuit was open meanwhile, so that attempts failed because of the outage.
        """
        # 1. The error concerns key, account, domain or set-up; or the server asked for too long a wait.
        if isinstance(error, ConfigError) or concerns_every_call(error) or self._asks_for_too_long_a_wait(error):
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
        # 5. Others were accepted meanwhile: the service works, and this batch fails again and again.
        if self.accepted > accepted_before and round >= self.rounds and not disturbed:
            return Decision.GO_ON
        return Decision.HOLD

    def _asks_for_too_long_a_wait(self, error: OmniveryError) -> bool:
        return isinstance(error, ApiError) and (error.retry_after or 0.0) > self.max_retry_after


def may_pass(error: OmniveryError) -> bool:
    """Whether the same request may succeed later: it was not sent, it was throttled, or its outcome is unknown."""
    return classify(error) is not Failure.FINAL or isinstance(error, DeadlineError)


def may_have_happened(error: OmniveryError) -> bool:
    """Whether the request may have taken effect although it failed."""
    if isinstance(error, TransportError):
        return error.may_have_happened
    return isinstance(error, DecodeError) or classify(error) is Failure.AMBIGUOUS


def is_about_content(error: OmniveryError) -> bool:
    """Whether the service refused a request because of its content."""
    return isinstance(error, ApiError) and error.status in CONTENT_ERRORS
