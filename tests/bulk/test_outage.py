"""What a failed request means for its run: each case of the decision, and the order in which they apply."""

from __future__ import annotations

import pytest

from omnivery.bulk.outage import Decision, OutagePolicy, ServiceState, is_about_content, may_have_happened, may_pass
from omnivery.errors import (
    AmbiguousError,
    ApiError,
    ConfigError,
    DeadlineError,
    DecodeError,
    NotSentError,
    OmniveryError,
    error_class,
)
from omnivery.transport.circuit_breaker import CircuitBreaker

STOP, HOLD, GO_ON = Decision.STOP, Decision.HOLD, Decision.GO_ON


def refusal(status: int, *, retry_after: float | None = None) -> ApiError:
    return error_class(status)("refused", status=status, retry_after=retry_after)


LATE = DeadlineError("too late", may_have_happened=True)
EARLY = DeadlineError("too late", may_have_happened=False)
OUTAGE: list[OmniveryError] = [
    NotSentError("refused"),
    AmbiguousError("lost"),
    LATE,
    EARLY,
    *(refusal(status) for status in (408, 429, 500, 502, 503, 504)),
]
NO_TIME = DeadlineError("too late", may_have_happened=False, attempts=0)
EVERY_CALL: list[OmniveryError] = [
    ConfigError("bad"),
    NO_TIME,
    *(refusal(status) for status in (301, 401, 402, 403, 404, 405)),
]
OWN: list[OmniveryError] = [DecodeError("html"), *(refusal(status) for status in (400, 409, 413, 422))]


def name(value: object) -> str:
    return str(value.status) if isinstance(value, ApiError) else type(value).__name__


def decision(
    error: OmniveryError,
    *,
    responded: bool = True,
    accepted: int = 0,
    round: int = 1,  # noqa: A002  # the decision's own name
    now: float = 100.0,
    **settings: float,
) -> Decision:
    """The decision of a run whose batch failed, after the service had accepted so many others meanwhile."""
    policy = OutagePolicy(**settings)  # type: ignore[arg-type]  # numbers and truth values alone
    policy.breaker.responded = responded
    policy.accepted = 7
    before = policy.service_state()
    policy.accepted += accepted
    return policy.decide(error, before=before, round=round, now=now)


@pytest.mark.parametrize("error", OUTAGE, ids=name)
def test_while_nothing_is_accepted_a_batch_is_held(error: OmniveryError) -> None:
    assert decision(error) is HOLD
    assert decision(error, round=100) is HOLD


@pytest.mark.parametrize("error", EVERY_CALL, ids=name)
def test_what_every_batch_would_meet_stops_the_run(error: OmniveryError) -> None:
    assert decision(error) is STOP


@pytest.mark.parametrize("error", OWN, ids=name)
def test_what_a_batch_carries_is_its_own_affair(error: OmniveryError) -> None:
    assert decision(error) is GO_ON


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (AmbiguousError("lost"), GO_ON),
        (refusal(500), GO_ON),
        (LATE, GO_ON),
        (EARLY, HOLD),
        (NotSentError("refused"), HOLD),
        (refusal(429), HOLD),
        (refusal(503), HOLD),
    ],
    ids=str,
)
def test_what_may_not_be_repeated_is_held_only_if_it_was_not_sent(error: OmniveryError, found: Decision) -> None:
    """A second e-mail cannot be taken back."""
    assert decision(error, idempotent=False) is found


def test_before_any_response_a_request_that_could_not_be_sent_stops_the_run() -> None:
    """A wrong URL is likelier than an outage."""
    assert decision(NotSentError("unknown host"), responded=False) is STOP
    assert decision(AmbiguousError("lost"), responded=False) is HOLD


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_batch_that_fails_while_others_are_accepted_is_given_up(rounds: int) -> None:
    found = [decision(refusal(500), accepted=1, round=round_, rounds=rounds) for round_ in range(1, rounds + 2)]
    assert found == [HOLD] * (rounds - 1) + [GO_ON] * 2


def gives_up(policy: OutagePolicy, before: ServiceState) -> bool:
    """Whether a batch that fails for the hundredth time is given up, now that another was accepted."""
    policy.accepted += 1
    return policy.decide(refusal(500), before=before, round=100, now=200.0) is GO_ON


def test_what_failed_because_of_an_outage_is_held_however_often_it_failed() -> None:
    """The circuit was open when the batch was posted, or opened before it failed."""
    policy = OutagePolicy()
    policy.breaker.responded = True
    before = policy.service_state()
    policy.breaker.trip(100.0, random=0.5)
    during = policy.service_state()
    policy.breaker.succeeded()
    after = policy.service_state()
    assert (during.is_down, after.is_down) == (True, False)
    assert [gives_up(policy, one) for one in (before, during, after)] == [False, False, True]


def test_a_service_that_has_never_responded_is_down_although_its_circuit_is_closed() -> None:
    policy = OutagePolicy()
    assert not policy.service_state().is_down
    policy.breaker.failed(100.0, random=0.5, probe=False, responded=False)
    assert not policy.breaker.is_open
    assert policy.service_state().is_down
    assert not gives_up(policy, policy.service_state())


def test_a_deadline_that_passes_in_the_queue_is_no_failure_of_its_batch() -> None:
    """As where the caller's own rate leaves more time between two requests than a request has."""
    assert decision(EARLY, accepted=1, round=100) is HOLD
    assert decision(LATE, accepted=1, round=100) is GO_ON


def test_others_count_that_were_accepted_while_a_batch_waited_for_its_next_round() -> None:
    policy = OutagePolicy()
    policy.breaker.responded = True
    policy.accepted = 5
    assert policy.decide(refusal(500), before=policy.service_state(), round=100, now=200.0) is HOLD
    assert policy.decide(refusal(500), before=policy.service_state(accepted=4), round=100, now=200.0) is GO_ON


@pytest.mark.parametrize(("asked", "found"), [(None, HOLD), (600.0, HOLD), (600.1, STOP)])
def test_a_wait_beyond_what_is_acceptable_stops_the_run(asked: float | None, found: Decision) -> None:
    assert decision(refusal(429, retry_after=asked), max_retry_after=600.0) is found


def test_a_refusal_that_names_no_wait_asks_for_none() -> None:
    assert decision(refusal(429), max_retry_after=0.5) is HOLD


@pytest.mark.parametrize("error", [*OUTAGE, *EVERY_CALL, *OWN], ids=name)
def test_what_speaks_of_the_content_is_told_apart(error: OmniveryError) -> None:
    assert is_about_content(error) == (isinstance(error, ApiError) and error.status in {400, 409, 413, 422})


def test_by_default_any_wait_is_acceptable() -> None:
    assert decision(refusal(429, retry_after=1e9)) is HOLD


def test_after_max_outage_the_run_stops() -> None:
    policy = OutagePolicy(breaker=CircuitBreaker(max_outage=60.0))
    policy.breaker.failed(100.0, random=0.5, probe=False, responded=True)
    before = policy.service_state()
    found = [policy.decide(refusal(500), before=before, round=1, now=now) for now in (159.9, 160.0)]
    assert found == [HOLD, STOP]


def test_what_another_batch_stopped_stays_stopped() -> None:
    policy = OutagePolicy()
    policy.breaker.stop()
    assert policy.decide(refusal(400), before=policy.service_state(), round=1, now=100.0) is STOP


@pytest.mark.parametrize(
    ("error", "passes", "happened"),
    [
        (NotSentError("refused"), True, False),
        (AmbiguousError("lost"), True, True),
        (EARLY, True, False),
        (LATE, True, True),
        (refusal(429), True, False),
        (refusal(500), True, True),
        (refusal(400), False, False),
        (DecodeError("html"), False, True),
        (ConfigError("bad"), False, False),
    ],
    ids=str,
)
def test_what_may_pass_and_what_may_have_happened(error: OmniveryError, *, passes: bool, happened: bool) -> None:
    assert (may_pass(error), may_have_happened(error)) == (passes, happened)
