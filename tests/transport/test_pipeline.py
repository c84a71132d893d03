"""The one path of a call, driven without any event loop: what goes out, how often, and which error comes back."""

from __future__ import annotations

import logging
import pickle
from itertools import repeat
from typing import Any

import anyio
import pytest
from attrs import define, evolve, field

from omnivery import codec
from omnivery.errors import (
    AmbiguousError,
    ApiError,
    ConfigError,
    DeadlineError,
    DecodeError,
    NotFoundError,
    NotSentError,
    OmniveryError,
    RateLimitError,
    ServerError,
)
from omnivery.transport.adapters.limited import LimitedAdapter
from omnivery.transport.config import RetryPolicy, Timeouts
from omnivery.transport.http import (
    Adapter,
    ApiResponse,
    Phase,
    Request,
    Response,
)
from omnivery.transport.limits import AdaptiveLimiter
from omnivery.transport.observe import LogObserver
from omnivery.transport.operation import KeyKind, Operation, Safety
from omnivery.transport.pipeline import NOT_SENT, Pipeline
from omnivery.transport.retry import RetryBudget
from omnivery.transport.runtime import AsyncRuntime, SyncRuntime
from tests.support.clocks import pass_time
from tests.support.fakes import (
    FakeAdapter,
    FakeObserver,
    FakeRuntime,
    Step,
    drive,
    response,
)

READ: Operation[dict[str, Any]] = Operation(
    "test.things.get",
    "GET",
    "/{domain}/things/{address}",
    returns=dict[str, Any],
    key=KeyKind.TOKEN,
    safety=Safety.SAFE,
    docs="https://example.org",
)
SEND = evolve(READ, name="test.things.send", method="POST", safety=Safety.NON_IDEMPOTENT)
REQUEST = Request(
    method="POST",
    url="https://api.example.org/example.com/things/ann%40example.com",
    headers=(("ov-token", "t0ken"), ("content-type", "application/json")),
    content=b'{"a":1}',
)
LOST = AmbiguousError("the response was lost")
REFUSED = NotSentError("no connection could be made")


@define(kw_only=True)
class World:
    """A pipeline with everything around it scripted."""

    script: Any
    runtime: FakeRuntime = field(factory=FakeRuntime)
    budget: RetryBudget = field(factory=RetryBudget)
    observer: FakeObserver = field(factory=FakeObserver)
    adapter: FakeAdapter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.adapter = FakeAdapter(script=self.script)

    def run(
        self,
        operation: Operation[dict[str, Any]] = READ,
        *,
        deadline: float | None = None,
        attempts: int = 4,
        throttling_is_free: bool = False,
    ) -> ApiResponse[dict[str, Any]]:
        pipeline = Pipeline(
            adapter=self.adapter,
            runtime=self.runtime,
            budget=self.budget,
            observers=(self.observer, FakeObserver()),
            throttling_is_free=throttling_is_free,
        )
        policy = RetryPolicy(attempts=attempts)
        return drive(pipeline.run(operation, REQUEST, policy=policy, deadline=deadline))

    def slowly(self, seconds: float, then: Step) -> Step:
        """A response that takes its time."""

        def step(_request: Request) -> Response:
            self.runtime.take(seconds)
            if isinstance(then, Exception):
                raise then
            assert isinstance(then, Response)
            return then

        return step


@define
class Stuck:
    """An adapter that takes every request and never responds."""

    requests: int = 0

    async def send(self, request: Request) -> Response:
        self.requests += 1
        await anyio.sleep_forever()
        raise AssertionError

    async def aclose(self) -> None:
        """Nothing to close."""


def world(*script: Step, **parts: Any) -> World:
    return World(script=script, **parts)


# Successes


def test_a_call_needs_no_event_loop() -> None:
    """The sync clients step this very coroutine: it may await nothing but the adapter and the runtime."""
    found = world(response(200, b'{"a": 1}', x_request_id="r-1")).run()
    assert (found.data, found.status, found.request_id, found.attempts) == ({"a": 1}, 200, "r-1", 1)


def test_a_call_that_retries_needs_no_event_loop_either() -> None:
    scene = world(REFUSED, response(429, retry_after="3"), LOST, response(200, b'{"a": 1}'))
    found = scene.run()
    assert (found.attempts, len(scene.adapter.requests)) == (4, 4)
    assert scene.runtime.slept == pytest.approx([0.05, 3.325, 0.2])
    assert found.elapsed == pytest.approx(3.575)


def test_attempts_are_the_same_to_the_byte() -> None:
    """What is encoded anew may differ: a boundary, a timestamp, an attachment read to its end."""
    scene = world(REFUSED, response(503), response(500), response())
    scene.run()
    seen = {(request.method, request.url, request.headers, request.content) for request in scene.adapter.requests}
    assert seen == {(REQUEST.method, REQUEST.url, REQUEST.headers, REQUEST.content)}
    assert len(scene.adapter.requests) == 4


# Refusals


def test_a_final_refusal_is_raised_at_once() -> None:
    scene = world(response(404, b'{"message": "no such thing"}'))
    with pytest.raises(NotFoundError, match="no such thing") as caught:
        scene.run()
    assert (caught.value.attempts, caught.value.operation) == (1, READ.name)
    assert scene.runtime.slept == []


def test_the_last_error_says_how_often_it_was_tried() -> None:
    scene = world(*repeat(response(500), 3))
    with pytest.raises(ServerError) as caught:
        scene.run(attempts=3)
    assert caught.value.attempts == 3
    assert "Tried 3 times." in str(caught.value)


def test_a_lost_connection_keeps_its_cause() -> None:
    """The library's own error is what tells a developer about TLS and DNS."""
    error = NotSentError("no connection could be made")
    error.__cause__ = OSError("refused")
    with pytest.raises(NotSentError) as caught:
        world(*repeat(error, 2)).run(attempts=2)
    assert isinstance(caught.value.__cause__, OSError)
    assert (caught.value.operation, caught.value.attempts) == (READ.name, 2)


def test_a_good_status_with_the_wrong_body_is_not_tried_again() -> None:
    """The operation has taken effect: only its response cannot be read."""
    scene = world(REFUSED, response(200, b"<html>"))
    with pytest.raises(DecodeError, match="HTML where JSON was expected") as caught:
        scene.run()
    assert (caught.value.operation, caught.value.attempts, caught.value.body) == (READ.name, 2, "<html>")


def test_an_error_of_the_setup_is_not_tried_again() -> None:
    scene = world(ConfigError("this client is closed"))
    with pytest.raises(ConfigError):
        scene.run()
    assert len(scene.adapter.requests) == 1


# Once only


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_send_that_the_server_failed_on_is_never_repeated(status: int) -> None:
    """A retried send is a duplicated e-mail."""
    scene = world(response(status, b'{"message": "oops"}'))
    with pytest.raises(AmbiguousError, match=f"{status}") as caught:
        scene.run(SEND)
    assert len(scene.adapter.requests) == 1
    assert caught.value.may_have_happened
    assert (caught.value.operation, caught.value.attempts) == (SEND.name, 1)
    assert isinstance(caught.value.__cause__, ServerError)
    assert caught.value.__cause__.status == status


def test_a_send_whose_response_was_lost_is_never_repeated() -> None:
    scene = world(LOST)
    with pytest.raises(AmbiguousError, match="check before you repeat it"):
        scene.run(SEND)
    assert len(scene.adapter.requests) == 1


@pytest.mark.parametrize("first", [response(503), response(429), response(408), REFUSED])
def test_a_send_that_surely_did_not_happen_is_tried_again(first: Step) -> None:
    scene = world(first, response())
    assert scene.run(SEND).attempts == 2
    assert len(scene.adapter.requests) == 2


def test_a_send_may_be_lost_at_a_later_attempt_too() -> None:
    scene = world(response(503), LOST)
    with pytest.raises(AmbiguousError) as caught:
        scene.run(SEND)
    assert (caught.value.attempts, len(scene.adapter.requests)) == (2, 2)


@pytest.mark.parametrize("operation", [READ, SEND])
def test_what_no_repetition_can_change_is_not_tried_again(operation: Operation[dict[str, Any]]) -> None:
    scene = world(NotSentError("the certificate could not be verified", permanent=True))
    with pytest.raises(NotSentError, match=r"did not take effect, and would fail again\.$"):
        scene.run(operation)
    assert len(scene.adapter.requests) == 1


# Deadlines


def test_a_deadline_cuts_an_attempt_off_and_nothing_follows() -> None:
    scene = world()
    scene.adapter = FakeAdapter(script=[scene.slowly(30.0, response())])
    started = scene.runtime.clock
    with pytest.raises(DeadlineError, match="deadline of 5 s passed") as caught:
        scene.run(deadline=5.0)
    assert scene.runtime.clock == started + 5.0
    assert len(scene.adapter.requests) == 1
    assert (caught.value.attempts, caught.value.operation, caught.value.may_have_happened) == (1, READ.name, True)
    assert "Not retried" not in str(caught.value), "it says so itself"
    assert scene.observer.attempts[-1].gave_up == "the deadline leaves no time for another attempt"


def test_who_sees_by_himself_that_the_deadline_has_passed_says_the_same() -> None:
    """The synchronous client's wait for a slot looks at the clock: it ends exactly when the scope around it does."""
    runtime = SyncRuntime()

    def no_slot(request: Request) -> Response:
        request.progress.phase = Phase.QUEUED
        while runtime.now() < request.expires_at:
            pass
        raise NotSentError("no slot became free")

    adapter = FakeAdapter(script=[no_slot])
    pipeline = Pipeline(adapter=adapter, runtime=runtime, budget=RetryBudget(), observers=())
    with pytest.raises(DeadlineError, match="passed while the request waited for a slot") as caught:
        drive(pipeline.run(READ, REQUEST, policy=RetryPolicy(), deadline=0.01))
    assert (caught.value.attempts, caught.value.may_have_happened, len(adapter.requests)) == (1, False, 1)


def test_the_deadline_spans_all_attempts() -> None:
    scene = world()
    scene.adapter = FakeAdapter(script=[scene.slowly(3.0, REFUSED), scene.slowly(3.0, response())])
    with pytest.raises(DeadlineError) as caught:
        scene.run(deadline=5.0)
    assert (caught.value.attempts, scene.runtime.clock) == (2, 105.0)


def test_no_attempt_gets_longer_timeouts_than_the_deadline_leaves() -> None:
    scene = world()
    scene.adapter = FakeAdapter(script=[scene.slowly(3.0, REFUSED), response()])
    scene.run(deadline=5.0)
    first, second = (request.timeouts for request in scene.adapter.requests)
    assert first == Timeouts(connect=5.0, read=5.0, write=5.0)
    assert (second.connect, second.read, second.write) == pytest.approx((1.95, 1.95, 1.95))


def test_a_retry_after_beyond_the_deadline_ends_the_call_at_once() -> None:
    """Waiting would only hide what the server has already said."""
    scene = world(response(429, retry_after="60"))
    with pytest.raises(RateLimitError) as caught:
        scene.run(deadline=30.0)
    assert (caught.value.retry_after, len(scene.adapter.requests), scene.runtime.slept) == (60.0, 1, [])


def test_a_sleep_that_ends_after_the_deadline_is_followed_by_no_request() -> None:
    """A busy loop wakes late; the caller set a deadline and must be told of that, not of a timeout of -0.01 s."""
    scene = world(response(503), runtime=FakeRuntime(late=10.0))
    with pytest.raises(DeadlineError) as caught:
        scene.run(deadline=5.0)
    assert len(scene.adapter.requests) == 1
    assert not caught.value.may_have_happened


def test_a_lost_response_is_not_forgotten_over_a_later_failure() -> None:
    """The first attempt may have deleted what the second could not even reach."""
    scene = world(LOST, REFUSED)
    with pytest.raises(NotSentError) as caught:
        scene.run(attempts=2)
    assert caught.value.may_have_happened
    assert "may have taken effect" in str(caught.value)
    scene = world(response(500), runtime=FakeRuntime(late=10.0))
    with pytest.raises(DeadlineError) as late:
        scene.run(deadline=5.0)
    assert late.value.may_have_happened


def test_a_deadline_that_is_over_before_the_first_attempt_sends_nothing() -> None:
    class Hurried(FakeRuntime):
        def now(self) -> float:
            self.clock += 1.0
            return self.clock

    scene = world(runtime=Hurried())
    with pytest.raises(DeadlineError) as caught:
        scene.run(deadline=0.5)
    assert scene.adapter.requests == []
    assert not caught.value.may_have_happened


@pytest.mark.anyio
async def test_a_deadline_bounds_the_queue_too_and_says_that_nothing_was_sent() -> None:
    """To repeat a send, one must know that the first was not sent."""
    stuck = Stuck()
    runtime = AsyncRuntime()
    limited = LimitedAdapter(inner=stuck, runtime=runtime, slots=AdaptiveLimiter(ceiling=1), max_retry_after=1.0)
    async with anyio.create_task_group() as group:
        group.start_soon(run_on, limited, 60.0)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(DeadlineError) as caught:
            await run_on(limited, 0.02)
        assert not caught.value.may_have_happened
        group.cancel_scope.cancel()
    assert stuck.requests == 1


@pytest.mark.anyio
async def test_a_deadline_in_the_midst_of_a_request_says_that_it_may_have_happened() -> None:
    class Slow(Stuck):
        async def send(self, request: Request) -> Response:
            pass_time(60)
            return await Stuck.send(self, request)

    with pytest.raises(DeadlineError) as caught:
        await run_on(Slow(), 60.0)
    assert caught.value.may_have_happened


@pytest.mark.anyio
async def test_a_call_runs_on_any_event_loop() -> None:
    adapter = FakeAdapter(script=[REFUSED, response(200, b'{"a": 1}')])
    found = await run_on(adapter, 5.0)
    assert (found.data, found.attempts) == ({"a": 1}, 2)


async def run_on(adapter: Adapter, deadline: float) -> ApiResponse[dict[str, Any]]:
    """One call on the event loop that runs."""
    pipeline = Pipeline(adapter=adapter, runtime=AsyncRuntime(), budget=RetryBudget(), observers=())
    policy = RetryPolicy(base=0.001, throttle_base=0.001)
    return await pipeline.run(SEND, REQUEST, policy=policy, deadline=deadline)


# Outages


def test_in_an_outage_retries_do_not_multiply_the_traffic() -> None:
    """A hundred calls at four attempts each are four hundred requests to a server that is down."""
    budget = RetryBudget(capacity=50)
    requests = 0
    for _ in range(100):
        scene = World(script=repeat(response(500)), budget=budget)
        with pytest.raises(ServerError):
            scene.run()
        requests += len(scene.adapter.requests)
    assert requests == 105
    assert budget.tokens == 0


def test_successes_fill_the_budget_again() -> None:
    budget = RetryBudget(capacity=10)
    world(REFUSED, response(), budget=budget).run()
    for _ in range(9):
        world(response(), budget=budget).run()
    assert budget.tokens == 10


def test_a_retry_that_succeeds_gets_its_price_back() -> None:
    """Steady failures of a tenth must not drain the budget of a service that works."""
    budget = RetryBudget(capacity=10)
    for _ in range(100):
        world(response(500), response(), budget=budget).run()
    assert budget.tokens == 10


def test_a_call_that_succeeds_late_gets_the_price_of_all_its_retries_back() -> None:
    """A third of failures for hours must not end a bulk run: it makes one and a half requests of each, and no more."""
    budget = RetryBudget(capacity=30)
    world(response(500), LOST, REFUSED, response(), budget=budget).run()
    assert budget.tokens == 30
    with pytest.raises(ServerError):
        world(*repeat(response(500), 4), budget=budget).run()
    assert budget.tokens == 0


# Rate limits


def test_in_bulk_work_a_rate_limit_ends_nothing() -> None:
    """A server that takes five requests a second slows a run of millions, and must not stop it."""
    budget = RetryBudget(capacity=0)
    scene = world(*repeat(response(429), 50), response(), budget=budget)
    assert scene.run(attempts=2, throttling_is_free=True).attempts == 51
    assert max(scene.runtime.slept) == 10.0, "half of max_backoff: it grows as ever, and no further"


def test_throttled_attempts_do_not_use_up_those_of_other_failures() -> None:
    scene = world(*repeat(response(429), 5), LOST, *repeat(response(429), 5), LOST)
    with pytest.raises(AmbiguousError) as caught:
        scene.run(attempts=2, throttling_is_free=True)
    assert (caught.value.attempts, caught.value.gave_up) == (12, "all attempts of the retry policy are used")
    assert scene.runtime.slept[5] == 0.05, "the first wait after a failure is that of the first failure"


@pytest.mark.parametrize("status", [503, 408])
def test_in_bulk_work_an_outage_uses_attempts(status: int) -> None:
    scene = world(*repeat(response(status), 2))
    with pytest.raises(ApiError):
        scene.run(attempts=2, throttling_is_free=True)


def test_a_single_call_counts_a_429_as_an_attempt() -> None:
    scene = world(*repeat(response(429), 2))
    with pytest.raises(RateLimitError) as caught:
        scene.run(attempts=2)
    assert caught.value.attempts == 2


# Why a call gave up


@pytest.mark.parametrize(
    ("script", "options", "reason"),
    [
        ([response(500)] * 2, {"attempts": 2}, "all attempts of the retry policy are used"),
        ([LOST], {"operation": SEND}, "the operation is not idempotent"),
        ([response(500)], {"operation": SEND}, "the operation is not idempotent"),
        ([response(503)], {"deadline": 0.1}, "the deadline leaves no time for another attempt"),
        (
            [response(429, retry_after="1000")],
            {},
            "the server asked for a longer wait than the retry policy's max_retry_after",
        ),
        ([REFUSED], {"budget": 0}, "the retry budget is spent"),
    ],
)
def test_why_a_call_gave_up_is_in_the_error_and_told_to_observers(
    script: list[Step], options: dict[str, Any], reason: str
) -> None:
    """With four attempts in the policy and one in the log, nobody could tell why there was no second."""
    scene = World(script=script, budget=RetryBudget(capacity=options.pop("budget", 500)))
    with pytest.raises(OmniveryError, match=f"(Not retried|Gave up): {reason}") as caught:
        scene.run(**options)
    assert caught.value.gave_up == reason  # type: ignore[attr-defined]  # of both kinds that are raised here
    assert pickle.loads(pickle.dumps(caught.value)).gave_up == reason
    assert [seen.gave_up for seen in scene.observer.attempts][-1] == reason
    assert all(seen.gave_up is None for seen in scene.observer.attempts[:-1])


@pytest.mark.parametrize("last", [response(404), ConfigError("closed"), NotSentError("bad URL", permanent=True)])
def test_a_failure_that_is_final_needs_no_reason_in_its_text(last: Step) -> None:
    scene = world(last)
    with pytest.raises(OmniveryError) as caught:
        scene.run()
    assert "Not retried" not in str(caught.value)
    assert [seen.gave_up for seen in scene.observer.attempts] == ["the failure is final"]


# Observers


def test_observers_are_told_of_every_attempt() -> None:
    scene = world(REFUSED, response(503), response())
    scene.run()
    told = [(seen.number, seen.status, seen.error, seen.retry_in) for seen in scene.observer.attempts]
    assert told == [(1, None, "NotSentError", 0.05), (2, 503, "ServerError", 1.0), (3, 200, None, None)]


@pytest.mark.parametrize("last", [response(404), LOST, ConfigError("closed")])
def test_observers_are_told_of_the_last_attempt_too(last: Step) -> None:
    scene = world(last)
    with pytest.raises(OmniveryError):
        scene.run(SEND)
    assert [(seen.retry_in, seen.error is None) for seen in scene.observer.attempts] == [(None, False)]


def test_observers_never_see_the_filled_path() -> None:
    """It contains a recipient's e-mail address, and metrics are kept for long and by many."""
    scene = world(REFUSED, response(500, b'{"message": "ann@example.com"}'), response())
    scene.run()
    assert {seen.path for seen in scene.observer.attempts} == {READ.path}
    assert all("ann" not in repr(seen) and "t0ken" not in repr(seen) for seen in scene.observer.attempts)


def test_the_time_of_an_attempt_is_its_own() -> None:
    scene = world()
    scene.adapter = FakeAdapter(script=[scene.slowly(2.0, REFUSED), scene.slowly(3.0, response())])
    scene.run()
    assert [seen.elapsed for seen in scene.observer.attempts] == pytest.approx([2.0, 3.0])


# Decoding


def test_json_inside_a_json_text_is_read_once_more() -> None:
    """The documents' own list examples are texts that hold JSON."""
    assert world(response(200, codec.dumps('{"a": 1}'))).run().data == {"a": 1}


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_an_empty_response_where_json_was_expected_is_a_decode_error(content: bytes) -> None:
    with pytest.raises(DecodeError, match="empty where JSON was expected"):
        world(response(200, content)).run()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("phase", "lost_before", "is_unsent"),
    [
        (Phase.QUEUED, False, True),
        (Phase.CONNECTING, False, True),
        (Phase.SENDING, False, False),
        (Phase.WAITING, False, False),
        (Phase.CONNECTING, True, False),
    ],
)
@pytest.mark.parametrize("deadline", [None, 3600.0])
async def test_an_interrupted_call_says_if_nothing_was_sent(
    phase: Phase, lost_before: bool, is_unsent: bool, deadline: float | None
) -> None:
    """Nobody can catch an error of ours then: the exception that interrupts it carries the note."""
    lost, started = lost_before, anyio.Event()

    class Hanging:
        async def send(self, request: Request) -> Response:
            nonlocal lost
            if lost:
                lost = False
                raise AmbiguousError("the response was lost")
            request.progress.phase = phase
            started.set()
            await anyio.sleep_forever()
            raise AssertionError

        async def aclose(self) -> None: ...

    pipeline = Pipeline(adapter=Hanging(), runtime=AsyncRuntime(), budget=RetryBudget(), observers=())
    notes: list[str] = []

    async def call() -> None:
        try:
            await pipeline.run(READ, REQUEST, policy=RetryPolicy(base=0.001), deadline=deadline)
        except anyio.get_cancelled_exc_class() as interruption:
            notes.extend(getattr(interruption, "__notes__", ()))
            raise

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await started.wait()
        tasks.cancel_scope.cancel()
    assert notes == ([NOT_SENT] if is_unsent else [])


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", ["DEBUG", "DEBUG"]), ("INFO", [])])
def test_successes_are_in_the_log_for_debugging_and_observers_see_them_anyway(
    caplog: pytest.LogCaptureFixture, level: str, lines: list[str]
) -> None:
    logger = logging.getLogger("omnivery.test")
    observer = FakeObserver()
    with caplog.at_level(level, logger.name):
        for observers in ([], [observer]):
            pipeline = Pipeline(
                adapter=FakeAdapter(script=[response()]),
                runtime=FakeRuntime(),
                budget=RetryBudget(),
                observers=observers,
                log=LogObserver(logger=logger),
            )
            drive(pipeline.run(SEND, REQUEST, policy=RetryPolicy()))
    assert [record.levelname for record in caplog.records] == lines
    assert [seen.status for seen in observer.attempts] == [200]
