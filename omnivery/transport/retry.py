"""Whether to retry, and when. Pure decisions: the caller provides the clock, the sleep and the random number.

The operation's safety and the kind of failure decide:

    ================================  ========  =============  ===================  =========
    operation                         not sent  429, 503, 408  response lost, 5xx   other 4xx
    ================================  ========  =============  ===================  =========
    safe or idempotent                retry     retry          retry                final
    non-idempotent (sending mail, …)  retry     retry          `AmbiguousError`     final
    ================================  ========  =============  ===================  =========

A failure that every repetition would have is final, too: a bad certificate, an invalid URL or header field.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from omnivery.errors import AmbiguousError, ApiError, NotSentError, OmniveryError, ServerError, TransportError
from omnivery.transport.config import RetryPolicy
from omnivery.transport.operation import Safety

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_ERRORS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""Statuses that concern the content of the one request."""


class Failure(Enum):
    """The kinds of failure, for the decision to retry."""

    NOT_SENT = "not sent"
    """The request did not reach the server."""
    THROTTLED = "throttled"
    """The server works, and asks for fewer requests: 429."""
    UNAVAILABLE = "unavailable"
    """The server refused the request for the moment, and may be down: 503, 408."""
    AMBIGUOUS = "ambiguous"
    """The server may have carried out the request: the response was lost, or was another 5xx."""
    FINAL = "final"
    """The same request would fail in the same way."""


class Reason(Enum):
    """Why there is no further attempt."""

    FINAL = "the failure is final"
    NON_IDEMPOTENT = "the operation is not idempotent"
    ATTEMPTS = "all attempts of the retry policy are used"
    BUDGET = "the retry budget is spent"
    DEADLINE = "the deadline leaves no time for another attempt"
    RETRY_AFTER = "the server asked for a longer wait than the retry policy's max_retry_after"


@frozen
class Wait:
    """Retry after this many seconds."""

    seconds: float


@frozen
class GiveUp:
    """Do not retry."""

    reason: Reason


def classify(error: OmniveryError) -> Failure:
    """Return the kind of failure of an attempt."""
    if isinstance(error, TransportError) and error.permanent:
        return Failure.FINAL
    if isinstance(error, NotSentError):
        return Failure.NOT_SENT
    if isinstance(error, AmbiguousError):
        return Failure.AMBIGUOUS
    if isinstance(error, ApiError) and error.status in TEMPORARY:
        return TEMPORARY[error.status]
    return Failure.AMBIGUOUS if isinstance(error, ServerError) else Failure.FINAL


def concerns_every_call(error: OmniveryError) -> bool:
    """Whether the other calls of a run would fail in the same way: the error concerns key, account, domain or URL.

    400, 409, 413 and 422 concern the content of one request, and failures that may be retried concern the moment.
    """
    if isinstance(error, NotSentError):
        return error.permanent
    if not isinstance(error, ApiError) or classify(error) is not Failure.FINAL:
        return False
    return error.status not in CONTENT_ERRORS


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
    throttling_is_free: bool = False,
) -> Wait | GiveUp:
    """Decide whether to retry, and after how long. The caller sleeps.

    Args:
        failure: the kind of failure of this attempt.
        attempt: number of this attempt, from 1.
        safety: what happens when the operation is carried out twice.
        policy: the limits of retrying.
        budget: the client's retry budget; it is charged if the decision is to wait.
        left: seconds until the deadline.
        retry_after: seconds that the server asked to wait.
        random: a random number in [0, 1).
        throttling_is_free: whether a 429 does not count as an attempt. In bulk work it slows the run and does not end
            it.
    """
    # 1. The same request would fail in the same way.
    if failure is Failure.FINAL:
        return GiveUp(Reason.FINAL)
    # 2. The operation is not idempotent, and this attempt may have carried it out.
    if failure is Failure.AMBIGUOUS and safety is Safety.NON_IDEMPOTENT:
        return GiveUp(Reason.NON_IDEMPOTENT)
    # 3. All attempts are used.
    if attempt >= policy.attempts and not (throttling_is_free and failure is Failure.THROTTLED):
        return GiveUp(Reason.ATTEMPTS)
    # 4. The server named a time beyond the policy or the deadline: waiting would only hide that.
    asked = retry_after or 0.0
    if asked > policy.max_retry_after:
        return GiveUp(Reason.RETRY_AFTER)
    wait = max(_backoff(failure, attempt, policy, random), asked + jitter(asked, random, left=left))
    if wait >= left:
        return GiveUp(Reason.DEADLINE)
    # 5. The budget is spent: an outage must not multiply traffic.
    return Wait(wait) if budget.spend(failure) else GiveUp(Reason.BUDGET)


def jitter(asked: float, random: float, *, left: float = math.inf) -> float:
    """Return the seconds to add to a `Retry-After`: processes that got the same time must not return together.

    Args:
        asked: seconds that the server asked to wait; 0.0 if it did not.
        random: a random number in [0, 1).
        left: seconds until the deadline, which the jitter must not reach.
    """
    return random * min(0.05 + 0.2 * asked, 5.0, max(left - asked, 0.0)) if asked else 0.0


def _backoff(failure: Failure, attempt: int, policy: RetryPolicy, random: float) -> float:
    base = policy.throttle_base if failure in {Failure.THROTTLED, Failure.UNAVAILABLE} else policy.base
    # 2**30 exceeds any cap; the bound keeps the power from overflowing.
    return random * min(policy.max_backoff, base * 2.0 ** min(attempt - 1, 30))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a response's `Retry-After`; None if it has none.

    A date counts from the `Date` of the same response: the clock of this machine may be wrong.
    """
    return parse_retry_after(headers.get("retry-after"), now=_moment(headers.get("date")))


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Return the seconds of a `Retry-After` field (RFC 9110, section 10.2.3): a number or a date. None for others.

    A negative number or a date in the past is zero.
    """
    text = (value or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        moment = _moment(text)
        return None if moment is None else max((moment - (now or datetime.now(UTC))).total_seconds(), 0.0)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _moment(text: str | None) -> datetime | None:
    """Return the time of an HTTP date; None for another text."""
    try:
        moment = parsedate_to_datetime(text or "")
        # An offset may move a time in the first or last year out of all years.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


@define(kw_only=True)
class RetryBudget:
    """A token bucket shared by a client's calls: each retry takes tokens, and a call that succeeds puts them back.

    It has no effect while most calls succeed. In an outage it empties, and each call then has a single attempt, so that
    retries do not multiply the traffic to a server in trouble. The idea is botocore's ("retry quota"). Retries after
    429 are free: the server works, and slots and pauses slow its clients.
    """

    PRICE = 10
    """Tokens of a retry."""

    capacity: int = 500
    """Tokens in a full bucket."""
    tokens: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tokens = self.capacity

    def spend(self, failure: Failure) -> bool:
        """Take the tokens of a retry after this failure. Return False if there are not enough."""
        price = self.price(failure)
        if self.tokens < price:
            return False
        self.tokens -= price
        return True

    def refill(self, paid: int = 0) -> None:
        """Put back the tokens of a successful call's retries; one token if it had no retry."""
        self.tokens = min(self.capacity, self.tokens + max(1, paid))

    def price(self, failure: Failure) -> int:
        """Return the tokens of a retry after this failure."""
        return 0 if failure is Failure.THROTTLED else self.PRICE


TEMPORARY: dict[int, Failure] = {
    HTTPStatus.TOO_MANY_REQUESTS: Failure.THROTTLED,
    HTTPStatus.SERVICE_UNAVAILABLE: Failure.UNAVAILABLE,
    HTTPStatus.REQUEST_TIMEOUT: Failure.UNAVAILABLE,
}
"""Statuses that refuse a request for the moment, without having carried it out."""
