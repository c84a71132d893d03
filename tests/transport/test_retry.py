"""Whether to try again, and when: the whole matrix of operation times failure, and the bounds of every wait."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omnivery.errors import (
    AmbiguousError,
    ApiError,
    ConfigError,
    DeadlineError,
    DecodeError,
    NotSentError,
    OmniveryError,
    ServerError,
    error_class,
)
from omnivery.transport.config import RetryPolicy
from omnivery.transport.http import Headers
from omnivery.transport.operation import Safety
from omnivery.transport.retry import (
    Failure,
    GiveUp,
    Reason,
    RetryBudget,
    Wait,
    classify,
    concerns_every_call,
    decide,
    jitter,
    parse_retry_after,
    retry_after,
)

POLICY = RetryPolicy()
NOW = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


def refusal(status: int) -> ApiError:
    return error_class(status)("refused", status=status)


RETRIED_ALWAYS: list[OmniveryError] = [NotSentError("refused"), refusal(429), refusal(503), refusal(408)]
AMBIGUOUS: list[OmniveryError] = [
    AmbiguousError("lost"), *(refusal(status) for status in (500, 501, 502, 504, 507, 599)),
]  # fmt: skip
FINAL: list[OmniveryError] = [
    ConfigError("bad"),
    DeadlineError("late"),
    DecodeError("html"),
    *(refusal(status) for status in (301, 307, 400, 401, 402, 403, 404, 405, 409, 413, 415, 422, 425)),
]


def verdict(error: OmniveryError, safety: Safety) -> Wait | GiveUp:
    return decide(classify(error), 1, safety=safety, policy=POLICY, budget=RetryBudget(), random=0.5)


def name(value: object) -> str:
    return str(value.status) if isinstance(value, ApiError) else getattr(value, "value", type(value).__name__)


@pytest.mark.parametrize("safety", Safety, ids=name)
@pytest.mark.parametrize("error", RETRIED_ALWAYS, ids=name)
def test_what_surely_did_not_happen_is_tried_again(error: OmniveryError, safety: Safety) -> None:
    assert isinstance(verdict(error, safety), Wait)


@pytest.mark.parametrize("safety", [Safety.SAFE, Safety.IDEMPOTENT], ids=name)
@pytest.mark.parametrize("error", AMBIGUOUS, ids=name)
def test_what_may_have_happened_is_tried_again_where_twice_is_as_once(error: OmniveryError, safety: Safety) -> None:
    assert isinstance(verdict(error, safety), Wait)


@pytest.mark.parametrize("error", AMBIGUOUS, ids=name)
def test_what_may_have_happened_is_never_repeated_where_twice_is_two(error: OmniveryError) -> None:
    """A second e-mail cannot be taken back."""
    assert verdict(error, Safety.NON_IDEMPOTENT) == GiveUp(Reason.NON_IDEMPOTENT)


@pytest.mark.parametrize("safety", Safety, ids=name)
@pytest.mark.parametrize("error", FINAL, ids=name)
def test_a_final_failure_is_not_retried(error: OmniveryError, safety: Safety) -> None:
    assert verdict(error, safety) == GiveUp(Reason.FINAL)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (NotSentError("refused"), Failure.NOT_SENT),
        (NotSentError("bad certificate", permanent=True), Failure.FINAL),
        (AmbiguousError("too large", permanent=True), Failure.FINAL),
        (DeadlineError("too late"), Failure.FINAL),
        (refusal(429), Failure.THROTTLED),
        (refusal(503), Failure.UNAVAILABLE),
        (refusal(408), Failure.UNAVAILABLE),
        (refusal(500), Failure.AMBIGUOUS),
        (ServerError("odd", status=599), Failure.AMBIGUOUS),
        (refusal(404), Failure.FINAL),
    ],
    ids=name,
)
def test_failures_are_told_apart(error: OmniveryError, failure: Failure) -> None:
    assert classify(error) is failure


@pytest.mark.parametrize(
    ("error", "concerns"),
    [
        *((refusal(status), True) for status in (301, 401, 402, 403, 404, 405)),
        *((refusal(status), False) for status in (400, 409, 413, 422)),
        *((error, False) for error in (*RETRIED_ALWAYS, *AMBIGUOUS, DecodeError("html"), ConfigError("bad"))),
    ],
    ids=name,
)
def test_what_every_request_of_a_run_would_meet_is_told_from_what_one_met(
    error: OmniveryError, *, concerns: bool
) -> None:
    """The one ends a run, the other isolates an item: neither may be taken for the other."""
    assert concerns_every_call(error) == concerns


# When it ends


def decision(
    failure: Failure = Failure.NOT_SENT,
    attempt: int = 1,
    *,
    policy: RetryPolicy = POLICY,
    budget: RetryBudget | None = None,
    left: float = math.inf,
    retry_after: float | None = None,
    random: float = 0.5,
) -> Wait | GiveUp:
    return decide(
        failure,
        attempt,
        safety=Safety.SAFE,
        policy=policy,
        budget=budget or RetryBudget(),
        left=left,
        retry_after=retry_after,
        random=random,
    )


def test_attempts_are_counted_in_all() -> None:
    policy = RetryPolicy(attempts=3)
    found = [decision(attempt=attempt, policy=policy) for attempt in (1, 2, 3, 4)]
    assert [isinstance(one, Wait) for one in found] == [True, True, False, False]
    assert found[2] == GiveUp(Reason.ATTEMPTS)
    assert decision(policy=RetryPolicy(attempts=1)) == GiveUp(Reason.ATTEMPTS)


def test_a_wait_that_reaches_the_deadline_is_not_begun() -> None:
    """Sleeping up to the deadline only to report it would waste the caller's time."""
    assert decision(left=0.05) == GiveUp(Reason.DEADLINE)
    assert decision(left=0.0501) == Wait(0.05)
    assert decision(left=0.0) == GiveUp(Reason.DEADLINE)
    assert decision(left=-1.0, random=0.0) == GiveUp(Reason.DEADLINE)
    assert decision(Failure.THROTTLED, left=10.0, retry_after=10.0) == GiveUp(Reason.DEADLINE)


def test_the_jitter_on_a_retry_after_does_not_reach_the_deadline() -> None:
    """A wait that the deadline allows must not fail by our own addition to it."""
    found = decision(Failure.THROTTLED, retry_after=10.0, left=10.1, random=0.99)
    assert isinstance(found, Wait)
    assert 10.09 < found.seconds < 10.1
    fifty = {decision(Failure.THROTTLED, retry_after=10.0, random=number / 50) for number in range(50)}
    assert len(fifty) == 50, "processes that were told the same time return one by one"


@pytest.mark.parametrize(
    ("error", "concerns"),
    [
        (NotSentError("bad certificate", permanent=True), True),
        (NotSentError("refused", unreachable=True), False),
        (AmbiguousError("too large", permanent=True), False),
        (refusal(401), True),
        (refusal(404), True),
        (refusal(400), False),
        (refusal(429), False),
        (refusal(500), False),
        (DecodeError("html"), False),
    ],
    ids=name,
)
def test_what_every_call_of_a_run_would_meet_is_known(error: OmniveryError, concerns: bool) -> None:
    assert concerns_every_call(error) is concerns


def test_a_retry_after_beyond_our_patience_ends_the_call() -> None:
    assert decision(Failure.THROTTLED, retry_after=120.0, random=0.0) == Wait(120.0)
    assert decision(Failure.THROTTLED, retry_after=120.1) == GiveUp(Reason.RETRY_AFTER)
    assert decision(Failure.THROTTLED, retry_after=1e9) == GiveUp(Reason.RETRY_AFTER)
    assert decision(Failure.THROTTLED, retry_after=math.inf) == GiveUp(Reason.RETRY_AFTER)


def test_a_throttled_call_is_charged_as_one() -> None:
    """It costs less than a failure: what nearly empties the budget for one is enough for the other."""
    budget = RetryBudget(capacity=9)
    assert decision(Failure.NOT_SENT, budget=budget) == GiveUp(Reason.BUDGET)
    assert isinstance(decision(Failure.THROTTLED, budget=budget), Wait)


@pytest.mark.parametrize("failure", [Failure.NOT_SENT, Failure.THROTTLED, Failure.AMBIGUOUS])
@pytest.mark.parametrize("free", [None, False, True])
def test_only_throttling_in_bulk_work_costs_no_attempt(failure: Failure, *, free: bool | None) -> None:
    """A rate limit slows a run and does not end it; a single call counts every attempt, unless told otherwise."""
    options = {} if free is None else {"throttling_is_free": free}
    found = decide(failure, 9, safety=Safety.SAFE, policy=POLICY, budget=RetryBudget(), random=0.5, **options)
    assert isinstance(found, Wait) == (free is True and failure is Failure.THROTTLED)


@pytest.mark.parametrize(
    ("asked", "left", "seconds"),
    [(0.0, 9.0, 0.0), (5.0, 100.0, 0.525), (60.0, math.inf, 2.5), (5.0, 5.5, 0.25), (5.0, 5.0, 0.0), (5.0, 1.0, 0.0)],
)
def test_jitter_on_top_of_a_retry_after_does_not_reach_the_deadline(asked: float, left: float, seconds: float) -> None:
    assert jitter(asked, 0.5, left=left) == pytest.approx(seconds)


def test_a_call_waits_with_jitter_as_long_as_its_deadline_allows() -> None:
    assert decision(Failure.THROTTLED, retry_after=5.0, left=5.5, random=0.5) == Wait(5.25)


def test_an_empty_budget_ends_the_call() -> None:
    budget = RetryBudget(capacity=10)
    assert isinstance(decision(budget=budget), Wait)
    assert decision(budget=budget) == GiveUp(Reason.BUDGET)


@pytest.mark.parametrize(
    ("attempt", "left", "retry_after"), [(4, math.inf, None), (1, 0.01, None), (1, math.inf, 1000.0)]
)
def test_giving_up_costs_nothing_of_the_budget(attempt: int, left: float, retry_after: float | None) -> None:
    budget = RetryBudget()
    assert isinstance(decision(attempt=attempt, left=left, retry_after=retry_after, budget=budget), GiveUp)
    assert budget.tokens == budget.capacity


# How long it waits


def test_waits_double_up_to_the_cap() -> None:
    policy = RetryPolicy(attempts=100, base=0.1, throttle_base=1.0, max_backoff=5.0)
    highest = [decision(attempt=attempt, policy=policy, random=1.0) for attempt in (1, 2, 3, 7, 99)]
    assert highest == [Wait(0.1), Wait(0.2), Wait(0.4), Wait(5.0), Wait(5.0)]
    throttled = [decision(Failure.THROTTLED, attempt, policy=policy, random=1.0) for attempt in (1, 2, 3, 4)]
    assert throttled == [Wait(1.0), Wait(2.0), Wait(4.0), Wait(5.0)]


def test_jitter_is_full() -> None:
    """From nothing to the whole: clients that failed together must not come back together."""
    assert [decision(attempt=3, random=random) for random in (0.0, 0.25, 1.0)] == [Wait(0.0), Wait(0.1), Wait(0.4)]


@given(
    failure=st.sampled_from([failure for failure in Failure if failure is not Failure.FINAL]),
    attempt=st.integers(1, 10**6),
    base=st.floats(1e-3, 1e3),
    max_backoff=st.floats(1e-3, 1e3),
    max_retry_after=st.floats(1e-3, 1e9),
    left=st.floats(0) | st.just(math.inf),
    retry_after=st.none() | st.floats(0, 1e12),
    random=st.floats(0, 1, exclude_max=True),
)
def test_every_wait_keeps_its_bounds(
    *,
    failure: Failure,
    attempt: int,
    base: float,
    max_backoff: float,
    max_retry_after: float,
    left: float,
    retry_after: float | None,
    random: float,
) -> None:
    """Never below what the server asked, never far above it or our cap, never at or beyond the deadline."""
    policy = RetryPolicy(
        attempts=10**6 + 1, base=base, throttle_base=base, max_backoff=max_backoff, max_retry_after=max_retry_after
    )
    found = decision(failure, attempt, policy=policy, left=left, retry_after=retry_after, random=random)
    floor = retry_after or 0.0
    if isinstance(found, GiveUp):
        assert found.reason is (Reason.RETRY_AFTER if floor > max_retry_after else Reason.DEADLINE)
        return
    assert floor <= found.seconds <= max(max_backoff, floor + min(0.05 + 0.2 * floor, 5.0) if floor else 0.0)
    assert 0.0 <= found.seconds < left


# The retry budget


def test_a_budget_pays_until_it_is_empty_and_earns_by_successes() -> None:
    budget = RetryBudget(capacity=20)
    assert [budget.spend(Failure.NOT_SENT) for _ in range(3)] == [True, True, False]
    for _ in range(9):
        budget.refill()
    assert not budget.spend(Failure.AMBIGUOUS)
    budget.refill()
    assert budget.spend(Failure.AMBIGUOUS)


def test_a_throttled_retry_costs_nothing() -> None:
    """A server that says 429 is alive, and its own wishes already slow us down."""
    budget = RetryBudget(capacity=0)
    assert [budget.spend(Failure.THROTTLED) for _ in range(3)] == [True, True, True]
    assert [budget.spend(Failure.UNAVAILABLE), budget.tokens] == [False, 0]


def test_a_retry_that_succeeds_gets_its_price_back() -> None:
    """Else a tenth of failures drains the budget of a service that works, and a lost response then fails a call."""
    budget = RetryBudget(capacity=100)
    for _ in range(1000):
        for _ in range(9):
            budget.refill()
        assert budget.spend(Failure.AMBIGUOUS)
        budget.refill(budget.price(Failure.AMBIGUOUS))
    assert budget.tokens == 100
    budget.spend(Failure.NOT_SENT)
    budget.refill(budget.price(Failure.THROTTLED))
    assert budget.tokens == 91, "a retry after 429 is free, and earns what any success does"


@given(st.integers(0, 50), st.lists(st.sampled_from([None, *Failure])))
def test_a_budget_stays_between_empty_and_full(capacity: int, steps: list[Failure | None]) -> None:
    budget = RetryBudget(capacity=capacity)
    for step in steps:
        budget.refill() if step is None else budget.spend(step)
        assert 0 <= budget.tokens <= capacity


# Retry-After


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        (" 3 ", 3.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("1000000000", 1e9),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        ("Wednesday, 01-May-24 12:01:30 GMT", 90.0),  # RFC 850, obsolete and still to be read (RFC 9110, 5.6.7)
        ("Wed, 01 May 2024 14:01:30 +0200", 90.0),
        ("Wed, 01 May 2024 12:01:30 -0000", 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("3 seconds", None),
        ("inf", None),
        ("-inf", None),
        ("nan", None),
        ("1e999", None),
        ("99 May 2024 12:01:30 GMT", None),
        ("1 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Tue, 1 Jan 2030 00:00:00 +99999999999999999", None),
        ("3, 3", None),
    ],
)
def test_retry_after_is_read_in_every_form(value: str | None, seconds: float | None) -> None:
    """The field comes from the other side: whatever stands in it, the call must not break over it."""
    assert parse_retry_after(value, now=NOW) == seconds


@pytest.mark.parametrize("skew", [timedelta(), timedelta(hours=-9), timedelta(days=400)])
@pytest.mark.parametrize("date", [None, "yesterday", "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_a_date_counts_from_that_of_its_response(skew: timedelta, date: str | None) -> None:
    """The clock of one of the two is wrong: by it, the wait would be none at all, or too long for any policy."""
    there = datetime.now(UTC) + skew
    until = format_datetime(there + timedelta(seconds=90), usegmt=True)
    assert retry_after(Headers({"Retry-After": until, "Date": format_datetime(there, usegmt=True)})) == 90.0
    assert retry_after(Headers({"Retry-After": "7", "Date": format_datetime(there, usegmt=True)})) == 7.0
    fields = {"Retry-After": until} | ({"Date": date} if date else {})
    found = retry_after(Headers(fields))
    assert found is not None
    assert abs(found - max(90.0 + skew.total_seconds(), 0.0)) < 60.0
    assert retry_after(Headers({"Date": until})) is None


@given(
    st.text(max_size=40)
    | st.text(alphabet="0123456789 .+-eE", max_size=12)
    | st.from_regex(r"\w{3}, \d{1,4} (Jan|Feb|Dec) \d{1,25} \d{1,4}:\d\d:\d\d( GMT| [+-]\d{1,20})?", fullmatch=True)
)
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
def test_no_retry_after_can_break_a_call(value: str) -> None:
    found = parse_retry_after(value)
    assert found is None or (found >= 0.0 and math.isfinite(found))


def test_a_date_is_compared_with_the_present_time() -> None:
    seconds = parse_retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    assert seconds is not None
    assert 60.0 < seconds <= 90.0
