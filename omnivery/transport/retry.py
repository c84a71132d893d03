"""Whether to try again, and when: decisions without a clock, a socket or a random number of their own.

What an operation may do twice, times how it failed, decides:

    ============================  ========  =============  ==================  =========
    operation                     not sent  429, 503, 408  answer lost, 5xx    other 4xx
    ============================  ========  =============  ==================  =========
    safe or repeatable            retry     retry          retry               final
    once only (sending mail, …)   retry     retry          `AmbiguousError`    final
    ============================  ========  =============  ==================  =========
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus

from attrs import define, field, frozen

from omnivery.errors import (
    AmbiguousError,
    ApiError,
    NotSentError,
    OmniveryError,
    ServerError,
)
from omnivery.transport.config import RetryPolicy
from omnivery.transport.operation import Safety

ABOUT_THE_CONTENT = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""Statuses that find fault with what the one request carries."""


class Failure(Enum):
    """How an attempt failed, as far as retrying is concerned."""

    NOT_SENT = "not sent"
    """Nothing reached the server."""
    THROTTLED = "throttled"
    """The server refused for the moment: 429, 503, 408."""
    AMBIGUOUS = "ambiguous"
    """The server may have acted: the answer was lost, or it was another 5xx."""
    FINAL = "final"
    """The same request would meet the same answer."""


class Reason(Enum):
    """Why there is no further attempt."""

    FINAL = "the answer is final"
    NON_IDEMPOTENT = "it may have happened, and must not happen twice"
    ATTEMPTS = "every attempt is used"
    BUDGET = "the retry budget is spent"
    DEADLINE = "the deadline comes before the next attempt"
    PATIENCE = "the server asked for a longer wait than the policy allows"


@frozen
class Wait:
    """Try again after so many seconds."""

    seconds: float


@frozen
class GiveUp:
    """Do not try again."""

    reason: Reason


def classify(error: OmniveryError) -> Failure:
    """Say how an attempt failed."""
    if isinstance(error, NotSentError):
        return Failure.NOT_SENT
    if isinstance(error, AmbiguousError):
        return Failure.AMBIGUOUS
    if isinstance(error, ApiError) and error.status in THROTTLING:
        return Failure.THROTTLED
    return Failure.AMBIGUOUS if isinstance(error, ServerError) else Failure.FINAL


def concerns_every_call(error: OmniveryError) -> bool:
    """Whether the other calls of a run would meet the same answer: it speaks of key, account, domain or address.

    400, 409, 413 and 422 speak of what one call carries; what may be tried again speaks of the moment.
    """
    if not isinstance(error, ApiError) or classify(error) is not Failure.FINAL:
        return False
    return error.status not in ABOUT_THE_CONTENT


def decide(
    failure: Failure,
    attempt: int,
    *,
    safety: Safety,
    policy: RetryPolicy,
    budget: RetryBudget,
    left: float = math.inf,
    retry_after: float | None = None,
    random: float,
) -> Wait | GiveUp:
    """Say whether to try again, and after how long. No clock, no socket: the caller sleeps.

    Args:
        failure: how this attempt failed.
        attempt: its number, from 1.
        safety: what it means to do the operation twice.
        policy: the limits to keep to.
        budget: the client's; it is charged when the answer is to wait.
        left: seconds until the deadline.
        retry_after: seconds that the server asked to wait.
        random: a random number from 0 up to 1, drawn evenly.
    """
    # 1. The same request would meet the same answer.
    if failure is Failure.FINAL:
        return GiveUp(Reason.FINAL)
    # 2. The operation may not be done twice, and this failure may have done it once.
    if failure is Failure.AMBIGUOUS and safety is Safety.NON_IDEMPOTENT:
        return GiveUp(Reason.NON_IDEMPOTENT)
    # 3. It has been tried often enough.
    if attempt >= policy.attempts:
        return GiveUp(Reason.ATTEMPTS)
    # 4. The server named a time beyond our patience or the deadline: waiting would only hide that.
    wait = max(_backoff(failure, attempt, policy, random), retry_after or 0.0)
    if (retry_after or 0.0) > policy.max_retry_after:
        return GiveUp(Reason.PATIENCE)
    if wait >= left:
        return GiveUp(Reason.DEADLINE)
    # 5. The budget is spent: an outage must not multiply traffic.
    return Wait(wait) if budget.spend(failure) else GiveUp(Reason.BUDGET)


def _backoff(failure: Failure, attempt: int, policy: RetryPolicy, random: float) -> float:
    base = policy.throttle_base if failure is Failure.THROTTLED else policy.base
    # Beyond 2**30 any cap is reached; the bound keeps the power from growing without end.
    return random * min(policy.max_backoff, base * 2.0 ** min(attempt - 1, 30))


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Read a `Retry-After` field (RFC 9110, section 10.2.3): seconds, or a date. None for what is neither.

    A date or number in the past is zero: the wait is over.
    """
    text = (value or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text, now or datetime.now(UTC))
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _seconds_until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max((aware - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


@define(kw_only=True)
class RetryBudget:
    """A bucket of tokens shared by a client's calls: retries take some out, good answers put one back.

    While most calls succeed it is never felt. In an outage it empties, and every call is then tried once only, so
    that retries do not multiply the traffic that a struggling server gets. The idea, and the proportions, are
    botocore's (its "retry quota").
    """

    capacity: int = 500
    """Tokens in a full bucket."""
    tokens: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tokens = self.capacity

    def spend(self, failure: Failure) -> bool:
        """Pay for one retry; False where the bucket does not hold that much."""
        price = 5 if failure is Failure.THROTTLED else 10
        if self.tokens < price:
            return False
        self.tokens -= price
        return True

    def refill(self) -> None:
        """Put one token back for a good answer."""
        self.tokens = min(self.capacity, self.tokens + 1)


THROTTLING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.REQUEST_TIMEOUT})
"""Statuses that refuse a request for the moment, without having acted on it."""
