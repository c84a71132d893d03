"""The limits of requests in flight and a second: slots that shrink and grow back, and an even rate."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.transport.limits import AdaptiveLimiter, RateLimiter
from omnivery.transport.runtime import AsyncRuntime
from tests.support.fakes import FakeRuntime, response


def test_a_burst_of_429_halves_the_slots_once() -> None:
    """Eight responses to one mistake are one mistake."""
    slots = AdaptiveLimiter(ceiling=8)
    windows = [slots.enter() for _ in range(8)]
    for window in windows:
        slots.throttled(window)
    assert slots.limit == 4


def test_each_window_that_is_told_off_halves_again_down_to_one() -> None:
    slots = AdaptiveLimiter(ceiling=8)
    limits = []
    for _ in range(5):
        slots.throttled(slots.enter())
        limits.append(slots.limit)
    assert limits == [4, 2, 1, 1, 1]


def test_a_clean_window_gives_one_slot_back() -> None:
    slots = AdaptiveLimiter(ceiling=4)
    slots.throttled(slots.enter())
    limits = []
    for _ in range(7):
        slots.succeeded(slots.enter())
        limits.append(slots.limit)
    assert limits == [2, 3, 3, 3, 4, 4, 4]


def test_responses_from_before_the_change_say_nothing_about_it() -> None:
    slots = AdaptiveLimiter(ceiling=4)
    old = slots.enter()
    slots.throttled(old)
    for _ in range(10):
        slots.succeeded(old)
        slots.throttled(old)
    assert slots.limit == 2


def test_the_later_of_two_pauses_counts() -> None:
    slots = AdaptiveLimiter(ceiling=4)
    window = slots.enter()
    slots.throttled(window, resume_at=30.0)
    slots.throttled(window, resume_at=10.0)
    assert slots.resume_at == 30.0


@given(st.integers(1, 20), st.lists(st.tuples(st.sampled_from(["enter", "good", "slow"]), st.integers(0, 5))))
def test_slots_stay_between_one_and_the_ceiling(ceiling: int, steps: list[tuple[str, int]]) -> None:
    """Whatever comes, in whatever order: below one nothing would ever go out again."""
    slots = AdaptiveLimiter(ceiling=ceiling)
    windows = [slots.enter()]
    for step, which in steps:
        window, before = windows[-1 - which % len(windows)], slots.limit
        if step == "enter":
            windows.append(slots.enter())
        elif step == "good":
            slots.succeeded(window)
            assert slots.limit in {before, before + 1}
        else:
            slots.throttled(window)
            assert slots.limit in {before, max(1, before // 2)}
        assert 1 <= slots.limit <= ceiling


def test_a_throttled_window_forgets_what_was_clean() -> None:
    """Successes before a 429 are no evidence that the server takes more after it."""
    slots = AdaptiveLimiter(ceiling=8)
    slots.throttled(slots.enter())
    for _ in range(3):
        slots.succeeded(slots.enter())
    slots.throttled(slots.enter())
    assert slots.limit == 2
    slots.succeeded(slots.enter())
    assert slots.limit == 2
    slots.succeeded(slots.enter())
    assert slots.limit == 3


def test_each_throttled_window_has_a_number_of_its_own() -> None:
    """Else a late response from two changes ago would be taken for one from the present window."""
    slots = AdaptiveLimiter(ceiling=16)
    windows = []
    for _ in range(3):
        windows.append(slots.enter())
        slots.throttled(windows[-1])
    assert slots.limit == 2
    for window in windows:
        slots.throttled(window)
    assert slots.limit == 2
    for window in windows * 2:
        slots.succeeded(window)
    assert slots.limit == 2


def learned(status: int, *, random: float = 0.0, retry_after: str = "0") -> AdaptiveLimiter:
    """Slots that were halved once, and then saw two responses."""
    slots = AdaptiveLimiter(ceiling=4)
    slots.throttled(slots.enter())
    for _ in range(2):
        slots.learn(
            response(status, retry_after=retry_after), slots.enter(), now=100.0, max_retry_after=60.0, random=random
        )
    return slots


@pytest.mark.parametrize(("status", "limit"), [(200, 3), (404, 3), (499, 3), (500, 2), (502, 2), (429, 1), (503, 1)])
def test_a_refusal_of_one_request_is_clean_and_an_error_of_the_server_is_not(status: int, limit: int) -> None:
    """404 says that the server keeps up; 500 says nothing about how many requests it can take."""
    assert learned(status).limit == limit


@pytest.mark.parametrize(
    ("asked", "random", "resume_at"),
    [
        ("0.5", 0.0, 100.5),
        ("5", 0.0, 105.0),
        ("5", 0.5, 105.525),
        ("60", 0.5, 162.5),  # at most 5 s of jitter
        ("60.1", 0.5, 0.0),
        ("0", 0.5, 0.0),
    ],
)
def test_a_pause_lasts_as_long_as_asked_and_a_little_longer(asked: str, random: float, resume_at: float) -> None:
    assert learned(429, random=random, retry_after=asked).resume_at == pytest.approx(resume_at)


# A rate that the caller sets


@pytest.mark.anyio
async def test_requests_are_spread_evenly_and_the_first_goes_at_once() -> None:
    runtime = FakeRuntime(clock=100.0)
    limiter = RateLimiter(per_second=4.0, runtime=runtime)
    times = []
    for count in (1, 1, 2, 1):
        await limiter.wait(count)
        times.append(runtime.clock)
    assert times == [100.0, 100.25, 100.5, 101.0]
    assert runtime.slept == [0.25, 0.25, 0.5], "the first does not wait, not even for nothing"


@pytest.mark.anyio
async def test_a_rest_earns_no_burst() -> None:
    runtime = FakeRuntime(clock=100.0)
    limiter = RateLimiter(per_second=1.0, runtime=runtime)
    await limiter.wait()
    runtime.clock = 1000.0
    times = []
    for _ in range(3):
        await limiter.wait()
        times.append(runtime.clock)
    assert times == [1000.0, 1001.0, 1002.0]


@pytest.mark.anyio
async def test_a_task_that_is_cancelled_in_the_queue_puts_off_nobody() -> None:
    """Requests whose deadline is shorter than the pause between two would put off one another for good."""
    runtime = AsyncRuntime()
    limiter = RateLimiter(per_second=1 / 3600, runtime=runtime)
    await limiter.wait()
    due = limiter._due
    for waiting in (1, 3):
        async with anyio.create_task_group() as group:
            for _ in range(waiting):
                group.start_soon(limiter.wait)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
    assert limiter._due == due
