"""What stands before the network: the retry budget, and slots that shrink when the server says slow down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from omnivery.errors import AmbiguousError
from omnivery.transport.adapters.limited import LimitedAdapter
from omnivery.transport.http import Request, Response
from omnivery.transport.limits import AdaptiveLimiter
from omnivery.transport.retry import Failure, RetryBudget
from tests.support.fakes import FakeAdapter, FakeRuntime, response

REQUEST = Request(method="GET", url="http://127.0.0.1/x")

# The retry budget


def test_a_budget_pays_until_it_is_empty_and_earns_by_good_answers() -> None:
    budget = RetryBudget(capacity=20)
    assert [budget.spend(Failure.NOT_SENT) for _ in range(3)] == [True, True, False]
    for _ in range(9):
        budget.refill()
    assert not budget.spend(Failure.AMBIGUOUS)
    budget.refill()
    assert budget.spend(Failure.AMBIGUOUS)


def test_a_throttled_retry_costs_half() -> None:
    """A server that says 429 is alive, and its own wishes already slow us down."""
    budget = RetryBudget(capacity=10)
    assert [budget.spend(Failure.THROTTLED) for _ in range(3)] == [True, True, False]


@given(st.integers(0, 50), st.lists(st.sampled_from([None, *Failure])))
def test_a_budget_stays_between_empty_and_full(capacity: int, steps: list[Failure | None]) -> None:
    budget = RetryBudget(capacity=capacity)
    for step in steps:
        budget.refill() if step is None else budget.spend(step)
        assert 0 <= budget.tokens <= capacity


# Slots


def test_a_burst_of_429_halves_the_slots_once() -> None:
    """Eight answers to one mistake are one mistake."""
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


def test_answers_from_before_the_change_say_nothing_about_it() -> None:
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


# The gate


@define(kw_only=True, eq=False)
class Door:
    """An adapter whose requests stay in flight until they are let out."""

    in_flight: int = 0
    most: int = 0
    begun: int = 0
    out: anyio.Event = field(factory=anyio.Event)

    async def send(self, request: Request) -> Response:
        self.begun += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await self.out.wait()
        finally:
            self.in_flight -= 1
        return response()

    async def aclose(self) -> None:
        """Nothing to close."""


def gate(
    inner: Door | FakeAdapter, runtime: FakeRuntime, *, slots: int, max_retry_after: float = 120.0
) -> LimitedAdapter:
    return LimitedAdapter(
        inner=inner, runtime=runtime, slots=AdaptiveLimiter(ceiling=slots), max_retry_after=max_retry_after
    )


async def swallow(send: Callable[[Request], Awaitable[Response]]) -> None:
    await send(REQUEST)


@pytest.mark.anyio
async def test_never_more_in_flight_than_slots() -> None:
    door = Door()
    gated = gate(door, FakeRuntime(), slots=3)
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(swallow, gated.send)
        await anyio.wait_all_tasks_blocked()
        assert (door.in_flight, door.begun) == (3, 3)
        door.out.set()
    assert (door.most, door.begun) == (3, 10)


@pytest.mark.anyio
async def test_fewer_go_out_together_after_a_429() -> None:
    runtime = FakeRuntime()
    gated = gate(FakeAdapter(script=[response(429)]), runtime, slots=4)
    await gated.send(REQUEST)
    door = gated.inner = Door()
    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(swallow, gated.send)
        await anyio.wait_all_tasks_blocked()
        assert door.in_flight == 2
        door.out.set()


@pytest.mark.anyio
@pytest.mark.parametrize("status", [429, 503])
async def test_a_retry_after_holds_everybody_back(status: int) -> None:
    """The server asked this client to wait, not this one request."""
    runtime = FakeRuntime(clock=100.0, luck=0.0)
    times: list[float] = []

    def note(_request: Request) -> Response:
        times.append(runtime.clock)
        return response()

    gated = gate(FakeAdapter(script=[response(status, retry_after="5"), note, note, note]), runtime, slots=4)
    await gated.send(REQUEST)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(swallow, gated.send)
    assert times == [105.0, 105.0, 105.0]


@pytest.mark.anyio
async def test_processes_that_were_told_the_same_time_do_not_come_back_together() -> None:
    """`Retry-After` is the least that is waited."""
    slept = []
    for luck in (0.0, 0.5, 0.999):
        runtime = FakeRuntime(luck=luck)
        gated = gate(FakeAdapter(script=[response(429, retry_after="5"), response()]), runtime, slots=1)
        await gated.send(REQUEST)
        await gated.send(REQUEST)
        slept += runtime.slept
    assert 5.0 == slept[0] < slept[1] < slept[2] < 6.1


@pytest.mark.anyio
@pytest.mark.parametrize("wish", ["1000000000", "soon", "-5", "nan"])
async def test_a_wish_beyond_patience_or_reason_holds_nobody_back(wish: str) -> None:
    """One such answer would otherwise stop every call of the process for years."""
    runtime = FakeRuntime()
    gated = gate(
        FakeAdapter(script=[response(429, retry_after=wish), response()]), runtime, slots=4, max_retry_after=60.0
    )
    await gated.send(REQUEST)
    await gated.send(REQUEST)
    assert runtime.slept == []
    assert gated.slots.limit == 2


@pytest.mark.anyio
async def test_a_waiting_task_that_is_cancelled_frees_nothing_that_it_did_not_hold() -> None:
    door = Door()
    gated = gate(door, FakeRuntime(), slots=1)
    async with anyio.create_task_group() as group:
        group.start_soon(swallow, gated.send)
        await anyio.wait_all_tasks_blocked()
        async with anyio.create_task_group() as impatient:
            impatient.start_soon(swallow, gated.send)
            await anyio.wait_all_tasks_blocked()
            impatient.cancel_scope.cancel()
        group.start_soon(swallow, gated.send)
        await anyio.wait_all_tasks_blocked()
        assert (door.begun, door.in_flight) == (1, 1)
        door.out.set()
    assert (door.begun, door.most) == (2, 1)


@pytest.mark.anyio
async def test_a_task_that_is_cancelled_in_flight_gives_its_slot_back() -> None:
    door = Door()
    gated = gate(door, FakeRuntime(), slots=1)
    async with anyio.create_task_group() as group:
        group.start_soon(swallow, gated.send)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    door.out.set()
    with anyio.fail_after(5):
        await gated.send(REQUEST)
    assert door.begun == 2


@pytest.mark.anyio
async def test_a_failed_request_gives_its_slot_back() -> None:
    gated = gate(FakeAdapter(script=[AmbiguousError("lost"), response()]), FakeRuntime(), slots=1)
    with pytest.raises(AmbiguousError):
        await gated.send(REQUEST)
    with anyio.fail_after(5):
        assert (await gated.send(REQUEST)).status == 200


@pytest.mark.anyio
async def test_closing_the_gate_closes_what_is_behind() -> None:
    inner = FakeAdapter(script=[])
    await gate(inner, FakeRuntime(), slots=1).aclose()
    assert inner.closed
