"""Adapters behind limits: slots, pauses and the circuit breaker, for tasks and for threads."""

from __future__ import annotations

import math
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import pytest
from attrs import define, evolve, field

from omnivery.errors import AmbiguousError, DeadlineError, NotSentError
from omnivery.transport.adapters.limited import LimitedAdapter, Probe, SyncLimitedAdapter
from omnivery.transport.adaptive_rate import AdaptiveRate
from omnivery.transport.circuit_breaker import CircuitBreaker
from omnivery.transport.http import Phase, Progress, Request, Response
from omnivery.transport.limits import AdaptiveLimiter, RateLimiter
from omnivery.transport.runtime import AsyncRuntime, SyncRuntime
from tests.support.fakes import FakeAdapter, FakeRuntime, PatientCondition, drive, response

REQUEST = Request(method="GET", url="http://127.0.0.1/x")


# Slots and pauses, for tasks


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
async def test_a_child_does_not_wait_for_a_turn_of_its_parents_tasks() -> None:
    """What is at the head of the queue in the parent is no task of the child's, and would never leave it."""
    runtime = AsyncRuntime()
    pace = RateLimiter(per_second=1 / 3600, runtime=runtime)
    gated = LimitedAdapter(
        inner=FakeAdapter(script=[response()]),
        runtime=runtime,
        slots=AdaptiveLimiter(ceiling=2),
        max_retry_after=1.0,
        pace=pace,
    )
    await pace.wait()
    async with anyio.create_task_group() as group:
        group.start_soon(pace.wait)
        await anyio.wait_all_tasks_blocked()
        gated.reset_after_fork()
        pace.per_second, pace._due = math.inf, 0.0
        with anyio.fail_after(10):
            await gated.send(REQUEST)
        group.cancel_scope.cancel()


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
    """One such response would otherwise stop every call of the process for years."""
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
    with anyio.fail_after(30):
        await gated.send(REQUEST)
    assert door.begun == 2


@pytest.mark.anyio
async def test_a_failed_request_gives_its_slot_back() -> None:
    gated = gate(FakeAdapter(script=[AmbiguousError("lost"), response()]), FakeRuntime(), slots=1)
    with pytest.raises(AmbiguousError):
        await gated.send(REQUEST)
    with anyio.fail_after(30):
        assert (await gated.send(REQUEST)).status == 200


@pytest.mark.anyio
async def test_closing_the_gate_closes_what_is_behind() -> None:
    inner = FakeAdapter(script=[])
    await gate(inner, FakeRuntime(), slots=1).aclose()
    assert inner.closed


@define(kw_only=True)
class EventfulRuntime(FakeRuntime):
    """Something happens during its first sleep."""

    happens: Callable[[], None] = lambda: None

    async def sleep(self, seconds: float) -> None:
        await FakeRuntime.sleep(self, seconds)
        happens, self.happens = self.happens, lambda: None
        happens()


GATES: list[type[LimitedAdapter | SyncLimitedAdapter]] = [LimitedAdapter, SyncLimitedAdapter]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", GATES)
async def test_a_pause_that_was_extended_meanwhile_is_waited_for_too(
    kind: type[LimitedAdapter | SyncLimitedAdapter],
) -> None:
    runtime = EventfulRuntime(clock=100.0)
    slots = AdaptiveLimiter(ceiling=8)
    times: list[float] = []

    def note(_request: Request) -> Response:
        times.append(runtime.clock)
        return response()

    slots.throttled(slots.enter(), resume_at=105.0)
    runtime.happens = lambda: slots.throttled(slots.enter(), resume_at=120.0)
    await kind(inner=FakeAdapter(script=[note]), runtime=runtime, slots=slots, max_retry_after=60.0).send(REQUEST)
    assert times == [120.0]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", GATES)
async def test_a_response_is_judged_by_the_slots_when_its_request_went_out(
    kind: type[LimitedAdapter | SyncLimitedAdapter],
) -> None:
    """What changed while it waited for its turn is not news to it: its 429 means that this is still too much."""
    runtime = EventfulRuntime(clock=100.0)
    slots = AdaptiveLimiter(ceiling=8)
    slots.throttled(slots.enter(), resume_at=105.0)
    runtime.happens = lambda: slots.throttled(slots.enter())
    inner = FakeAdapter(script=[response(429)])
    await kind(inner=inner, runtime=runtime, slots=slots, max_retry_after=60.0).send(REQUEST)
    assert slots.limit == 1


@pytest.mark.anyio
@pytest.mark.parametrize("kind", GATES)
async def test_a_request_is_marked_as_sent_when_it_goes_out_and_not_before(
    kind: type[LimitedAdapter | SyncLimitedAdapter],
) -> None:
    """At a deadline this mark alone says whether a message may have gone out: see the test of the pipeline."""
    request = Request(method="POST", url="http://127.0.0.1/x")
    marks: list[bool] = []
    runtime = EventfulRuntime(clock=100.0, happens=lambda: marks.append(request.sent))
    slots = AdaptiveLimiter(ceiling=1)
    slots.throttled(slots.enter(), resume_at=105.0)

    def note(request: Request) -> Response:
        marks.append(request.sent)
        return response()

    await kind(inner=FakeAdapter(script=[note]), runtime=runtime, slots=slots, max_retry_after=60.0).send(request)
    assert marks == [False, True]
    assert request.progress.phase is Phase.WAITING


# Slots, for threads


class HeldAdapter:
    """Keeps requests in flight until they are let out one by one."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.out = threading.Semaphore(0)

    async def send(self, request: Request) -> Response:
        self.arrived.release()
        assert self.out.acquire(timeout=30)
        return response()

    async def aclose(self) -> None:
        """Nothing to close."""


def test_one_thread_is_told_of_a_free_slot_and_one_of_a_new_slot() -> None:
    """A response that frees its own slot and earns another lets two go on at once."""
    held, slots = HeldAdapter(), AdaptiveLimiter(ceiling=2)
    slots.throttled(slots.enter())
    limited = SyncLimitedAdapter(inner=held, runtime=SyncRuntime(), slots=slots, max_retry_after=60.0)
    limited._changed = changed = PatientCondition(limited._lock)
    threads = [threading.Thread(target=lambda: drive(limited.send(REQUEST)), daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert held.arrived.acquire(timeout=30)
    changed.wait_for_waiting(2)
    held.out.release()
    assert [held.arrived.acquire(timeout=30) for _ in range(2)] == [True, True]
    held.out.release(2)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def held_threads(
    held: HeldAdapter, slots: AdaptiveLimiter, count: int, *, expires_at: float = math.inf
) -> list[threading.Thread]:
    """So many threads that send one request each, at 100.0."""
    limited = SyncLimitedAdapter(inner=held, runtime=FakeRuntime(clock=100.0), slots=slots, max_retry_after=60.0)
    limited._changed = PatientCondition(limited._lock)
    one = Request(method="GET", url="http://127.0.0.1/x", expires_at=expires_at)
    threads = [threading.Thread(target=lambda: drive(limited.send(one)), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_never_more_threads_in_flight_than_slots() -> None:
    held = HeldAdapter()
    threads = held_threads(held, AdaptiveLimiter(ceiling=2), 5)
    for _ in range(2):
        assert held.arrived.acquire(timeout=30)
    for _ in range(3):
        assert not held.arrived.acquire(timeout=0.02)
        held.out.release()
        assert held.arrived.acquire(timeout=30)
    held.out.release(2)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_a_thread_waits_for_a_slot_up_to_its_deadline() -> None:
    held = HeldAdapter()
    threads = held_threads(held, AdaptiveLimiter(ceiling=1), 2, expires_at=100.9)
    assert held.arrived.acquire(timeout=30)
    held.out.release()
    assert held.arrived.acquire(timeout=30), "the second one did not give up before its time"
    held.out.release()
    for thread in threads:
        thread.join(30)


@pytest.mark.parametrize(
    ("asked", "luck", "resume_at"), [("5", 0.0, 105.0), ("5", 0.5, 105.525), ("61", 0.0, 0.0), (None, 0.0, 0.0)]
)
def test_a_response_to_a_thread_pauses_every_thread(asked: str | None, luck: float, resume_at: float) -> None:
    headers = {} if asked is None else {"retry_after": asked}
    limited = SyncLimitedAdapter(
        inner=FakeAdapter(script=[response(429, b"", **headers)]),
        runtime=FakeRuntime(clock=100.0, luck=luck),
        slots=AdaptiveLimiter(ceiling=4),
        max_retry_after=60.0,
    )
    drive(limited.send(REQUEST))
    assert limited.slots.limit == 2
    assert limited.slots.resume_at == pytest.approx(resume_at)


def test_a_thread_sits_out_a_short_pause_to_its_end() -> None:
    runtime = FakeRuntime(clock=100.0)
    slots = AdaptiveLimiter(ceiling=1)
    slots.throttled(slots.enter(), resume_at=100.5)
    limited = SyncLimitedAdapter(
        inner=FakeAdapter(script=[response()]), runtime=runtime, slots=slots, max_retry_after=60.0
    )
    drive(limited.send(REQUEST))
    assert runtime.slept == [0.5]


def test_a_pause_that_ends_with_the_deadline_is_too_long() -> None:
    runtime = FakeRuntime(clock=100.0)
    slots = AdaptiveLimiter(ceiling=1)
    slots.throttled(slots.enter(), resume_at=110.0)
    inner = FakeAdapter(script=[])
    limited = SyncLimitedAdapter(inner=inner, runtime=runtime, slots=slots, max_retry_after=60.0)
    with pytest.raises(NotSentError, match="beyond the deadline"):
        drive(limited.send(Request(method="GET", url="http://127.0.0.1/x", expires_at=110.0)))


def test_a_thread_waits_for_a_slot_no_longer_than_its_deadline() -> None:
    runtime = FakeRuntime(clock=100.0)
    limited = SyncLimitedAdapter(
        inner=FakeAdapter(script=[]), runtime=runtime, slots=AdaptiveLimiter(ceiling=1), max_retry_after=60.0
    )
    limited._take(expires_at=200.0)
    with pytest.raises(NotSentError, match="no slot became free"):
        drive(limited.send(Request(method="GET", url="http://127.0.0.1/x", expires_at=100.0)))


def test_a_thread_sits_out_no_pause_beyond_its_deadline() -> None:
    runtime = FakeRuntime(clock=100.0)
    slots = AdaptiveLimiter(ceiling=1)
    slots.throttled(slots.enter(), resume_at=200.0)
    inner = FakeAdapter(script=[response()])
    limited = SyncLimitedAdapter(inner=inner, runtime=runtime, slots=slots, max_retry_after=600.0)
    late = Request(method="GET", url="http://127.0.0.1/x", expires_at=110.0)
    with pytest.raises(NotSentError, match="beyond the deadline"):
        drive(limited.send(late))
    assert (runtime.clock, late.sent, inner.requests) == (110.0, False, [])
    runtime.clock = 200.0
    assert drive(limited.send(REQUEST)).status == 200, "its slot is free again"


def test_a_request_that_a_thread_could_not_send_is_not_marked_as_sent() -> None:
    refused = Request(method="POST", url="http://127.0.0.1/x")
    limited = SyncLimitedAdapter(
        inner=FakeAdapter(script=[NotSentError("refused")]),
        runtime=FakeRuntime(),
        slots=AdaptiveLimiter(ceiling=1),
        max_retry_after=60.0,
    )
    with pytest.raises(NotSentError):
        drive(limited.send(refused))
    assert not refused.sent


# The circuit breaker, and the rate that the server takes


def bulk(
    *script: Response | Exception | Callable[[Request], Response],
    runtime: FakeRuntime | None = None,
    probe: Probe | None = None,
    **settings: float,
) -> LimitedAdapter:
    """An adapter of a bulk run whose circuit opens after two failures."""
    breaker = CircuitBreaker(threshold=2, **settings)
    breaker.responded = True
    return LimitedAdapter(
        inner=FakeAdapter(script=script),
        runtime=runtime or FakeRuntime(),
        slots=AdaptiveLimiter(ceiling=8),
        max_retry_after=60.0,
        rate=AdaptiveRate(),
        breaker=breaker,
        probe=probe,
    )


def breaker_of(limited: LimitedAdapter) -> CircuitBreaker:
    assert limited.breaker is not None
    return limited.breaker


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [response(500), response(503), response(408), AmbiguousError("lost")])
async def test_failures_in_a_row_open_the_circuit(failure: Response | Exception) -> None:
    limited = bulk(failure, failure)
    for _ in range(2):
        assert not breaker_of(limited).is_open
        try:
            await limited.send(REQUEST)
        except AmbiguousError:
            continue
    assert breaker_of(limited).is_open


@pytest.mark.anyio
@pytest.mark.parametrize("status", [200, 400, 404, 429])
async def test_a_response_of_a_service_that_works_closes_the_circuit(status: int) -> None:
    runtime = FakeRuntime()
    limited = bulk(response(500), response(500), response(status), runtime=runtime)
    for _ in range(2):
        await limited.send(REQUEST)
    runtime.clock += 1000
    await limited.send(REQUEST)
    assert not breaker_of(limited).is_open
    assert (breaker_of(limited).failing_since is None) == (status != 429)


@pytest.mark.anyio
async def test_a_probe_that_fails_leaves_the_circuit_open() -> None:
    runtime = FakeRuntime()
    limited = bulk(*[response(500)] * 3, runtime=runtime)
    for _ in range(2):
        await limited.send(REQUEST)
    runtime.clock += 1000
    await limited.send(REQUEST)
    assert breaker_of(limited).is_open
    assert 0 < breaker_of(limited).ask_again_at - runtime.clock < 10, "the next probe has its time"


@pytest.mark.anyio
async def test_a_lost_response_is_none_and_an_error_of_the_server_is_one() -> None:
    """Before the first response, a wrong URL is likelier than an outage."""
    limited = bulk(*[AmbiguousError("lost")] * 3, response(500))
    breaker_of(limited).responded = False
    for _ in range(3):
        with pytest.raises(AmbiguousError):
            await limited.send(REQUEST)
    assert (breaker_of(limited).responded, breaker_of(limited).is_open) == (False, False)
    await limited.send(REQUEST)
    assert (breaker_of(limited).responded, breaker_of(limited).is_open) == (True, True)


@pytest.mark.anyio
async def test_from_a_429_on_the_service_accepts_nothing() -> None:
    runtime = FakeRuntime(clock=300.0)
    limited = bulk(response(429), runtime=runtime)
    await limited.send(REQUEST)
    assert breaker_of(limited).failing_since == 300.0


@pytest.mark.anyio
async def test_a_refusal_for_a_reason_of_its_own_is_no_acceptance() -> None:
    """How much a server takes cannot be learned from what it does not take."""
    runtime = FakeRuntime(clock=100.0)

    def refuse(_request: Request) -> Response:
        runtime.clock += 0.1
        return response(400)

    limited = bulk(*[refuse] * 30, response(429), runtime=runtime)
    assert limited.rate is not None
    for _ in range(31):
        await limited.send(REQUEST)
    assert limited.rate.per_second(runtime.clock) == math.inf


@pytest.mark.anyio
async def test_what_waits_goes_on_when_a_probe_succeeded() -> None:
    runtime = FakeRuntime()
    limited = bulk(*[response(500)] * 2, *[response()] * 4, runtime=runtime)
    for _ in range(2):
        await limited.send(REQUEST)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(swallow, limited.send)
        await anyio.wait_all_tasks_blocked()
        assert len(requests_of(limited)) == 2
        runtime.clock += 1000
        with anyio.fail_after(30):
            await limited.send(REQUEST)
    assert len(requests_of(limited)) == 6


def requests_of(limited: LimitedAdapter) -> list[Request]:
    assert isinstance(limited.inner, FakeAdapter)
    return limited.inner.requests


@pytest.mark.anyio
async def test_what_waits_probes_by_itself_when_its_time_has_come() -> None:
    """Nobody wakes the one task that is left."""
    breaker = CircuitBreaker(threshold=1, base=0.01)
    breaker.responded = True
    limited = LimitedAdapter(
        inner=FakeAdapter(script=[response(500), response()]),
        runtime=AsyncRuntime(),
        slots=AdaptiveLimiter(ceiling=8),
        max_retry_after=60.0,
        breaker=breaker,
    )
    await limited.send(REQUEST)
    assert breaker.is_open
    with anyio.fail_after(30):
        assert (await limited.send(REQUEST)).status == 200


@pytest.mark.anyio
async def test_a_probe_that_was_cancelled_leaves_its_place_to_the_next() -> None:
    """Else everybody would wait for ever for the outcome of a request that was given up."""
    runtime = FakeRuntime()
    limited = bulk(*[response(500)] * 2, runtime=runtime)
    for _ in range(2):
        await limited.send(REQUEST)
    runtime.clock += 1000
    door = limited.inner = Door()
    async with anyio.create_task_group() as group:
        group.start_soon(swallow, limited.send)
        await anyio.wait_all_tasks_blocked()
        assert door.in_flight == 1
        group.cancel_scope.cancel()
    door.out.set()
    with anyio.fail_after(30):
        assert (await limited.send(REQUEST)).status == 200
    assert not breaker_of(limited).is_open


@pytest.mark.anyio
@pytest.mark.parametrize("probing", [False, True])
async def test_a_deadline_that_passes_under_way_is_a_failure_of_the_service(probing: bool) -> None:
    """Else a run whose requests have a deadline would ask a service that hangs again and again, for good."""
    runtime = FakeRuntime()
    limited = bulk(*[response(500)] * 2, runtime=runtime, max_outage=3000.0)
    for _ in range(2 if probing else 0):
        await limited.send(REQUEST)
    runtime.clock += 1000
    limited.inner = Door()
    for _ in range(1 if probing else 2):
        with anyio.move_on_after(0):
            await limited.send(evolve(REQUEST, expires_at=runtime.clock, progress=Progress()))
    assert breaker_of(limited).is_open
    assert breaker_of(limited).ask_again_at > runtime.clock
    runtime.clock += 3000
    with pytest.raises(DeadlineError, match="the last failure: a request took longer than its deadline"):
        await limited.send(REQUEST)


@pytest.mark.anyio
@pytest.mark.parametrize("expires_at", [math.inf, 1e9])
async def test_a_response_that_comes_byte_by_byte_holds_up_no_run(expires_at: float) -> None:
    runtime = FakeRuntime()

    def trickle(_: Request) -> Response:
        runtime.take(601)
        return response(200)

    limited = bulk(trickle, runtime=runtime)
    request = evolve(REQUEST, expires_at=expires_at, progress=Progress())
    if expires_at < math.inf:
        assert (await limited.send(request)).status == 200, "who has set a deadline gets that one"
    else:
        with pytest.raises(AmbiguousError, match="no complete response came within 600 s"):
            await limited.send(request)


@pytest.mark.anyio
async def test_a_probe_of_its_own_goes_out_in_place_of_the_request() -> None:
    """A message must not be what finds out whether the service is back."""
    runtime = FakeRuntime()
    probes: list[float] = []

    async def probe() -> Response:
        probes.append(runtime.clock)
        if len(probes) == 1:
            raise AmbiguousError("lost")
        return response(404)

    limited = bulk(*[response(500)] * 2, response(), runtime=runtime, probe=probe)
    for _ in range(2):
        await limited.send(REQUEST)
    runtime.clock += 1000
    async with anyio.create_task_group() as group:
        group.start_soon(swallow, limited.send)
        await anyio.wait_all_tasks_blocked()
        assert (len(probes), len(requests_of(limited))) == (1, 2)
        runtime.clock += 1000
        limited._wake()
    assert (len(probes), len(requests_of(limited))) == (2, 3)


@pytest.mark.anyio
async def test_a_probe_whose_response_comes_byte_by_byte_has_failed() -> None:
    runtime, probes = FakeRuntime(), 0

    async def probe() -> Response:
        nonlocal probes
        probes += 1
        runtime.take(61 if probes == 1 else 0)
        return response(200)

    limited = bulk(*[response(500)] * 2, response(200), runtime=runtime, probe=probe)
    for _ in range(2):
        await limited.send(REQUEST)
    runtime.clock += 1000
    sent: list[Response] = []
    async with anyio.create_task_group() as group:

        async def send() -> None:
            sent.append(await limited.send(REQUEST))

        group.start_soon(send)
        await anyio.wait_all_tasks_blocked()
        assert (probes, sent, breaker_of(limited).is_open) == (1, [], True)
        runtime.clock += 1000
        breaker_of(limited).abandoned()
    assert (probes, [each.status for each in sent]) == (2, [200])


@pytest.mark.anyio
async def test_a_probe_that_gets_no_response_does_not_outlast_max_outage() -> None:
    runtime = FakeRuntime()

    async def probe() -> Response:
        runtime.take(59)
        return response(200)

    limited = bulk(*[response(500)] * 2, runtime=runtime, probe=probe, max_outage=10.0)
    for _ in range(2):
        await limited.send(REQUEST)
    runtime.clock += 5
    with pytest.raises(DeadlineError, match="accepted nothing for 10 s"):
        await limited.send(REQUEST)


@pytest.mark.anyio
async def test_a_probe_of_its_own_is_no_acceptance() -> None:
    """A GET that works says nothing of messages: `max_outage` goes on until one is accepted."""
    runtime = FakeRuntime(clock=300.0)

    async def probe() -> Response:
        return response()

    limited = bulk(*[response(500)] * 2, response(500), response(), runtime=runtime, probe=probe)
    for _ in range(2):
        await limited.send(REQUEST)
    runtime.clock += 1000
    await limited.send(REQUEST)
    assert breaker_of(limited).failing_since == 300.0
    runtime.clock += 1000
    await limited.send(REQUEST)
    assert breaker_of(limited).failing_since is None


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "ending"),
    [
        (response(500), "; the last failure: status 500"),
        (response(408), "; the last failure: status 408"),
        (AmbiguousError("the connection was lost"), "; the last failure: the connection was lost"),
        (response(429), ""),
    ],
)
async def test_after_max_outage_a_request_is_refused_and_says_why(failure: Response | Exception, ending: str) -> None:
    runtime = FakeRuntime()
    limited = bulk(failure, runtime=runtime, max_outage=60.0)
    with suppress(AmbiguousError):
        await limited.send(REQUEST)
    runtime.clock += 61
    with pytest.raises(DeadlineError) as told:
        await limited.send(REQUEST)
    assert told.value.args[0] == f"the service accepted nothing for 61 s, which is the run's max_outage{ending}"


# What must be written down as being sent waits before that


@pytest.mark.anyio
async def test_without_a_circuit_or_with_a_closed_one_all_is_ready() -> None:
    await gate(FakeAdapter(script=[]), FakeRuntime(), slots=1).ready()
    limited = bulk(probe=never)
    await limited.ready()
    assert not breaker_of(limited).is_open


async def never() -> Response:
    raise AssertionError("nothing may go out")


@pytest.mark.anyio
async def test_what_must_be_ready_waits_for_the_circuit_and_finds_out_by_itself() -> None:
    """A message is written down as being sent when it can be sent, and not through an hour of an outage before."""
    runtime = FakeRuntime()
    probes: list[float] = []

    async def probe() -> Response:
        probes.append(runtime.clock)
        if len(probes) == 1:
            raise AmbiguousError("lost")
        return response(404)

    limited = bulk(*[response(500)] * 2, runtime=runtime, probe=probe)
    for _ in range(2):
        await limited.send(REQUEST)
    ready: list[bool] = []

    async def wait() -> None:
        await limited.ready()
        ready.append(breaker_of(limited).is_open)

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(wait)
        for count in (1, 2):
            await anyio.wait_all_tasks_blocked()
            assert (ready, len(probes)) == ([], count - 1)
            runtime.clock += 1000
            limited._wake()
    assert (ready, len(probes), len(requests_of(limited))) == ([False] * 2, 2, 2)


@pytest.mark.anyio
async def test_what_has_no_other_request_to_find_out_with_goes_and_finds_out() -> None:
    runtime = FakeRuntime()
    limited = bulk(*[response(500)] * 2, response(), runtime=runtime)
    for _ in range(2):
        await limited.send(REQUEST)
    runtime.clock += 1000
    with anyio.fail_after(30):
        await limited.ready()
        assert breaker_of(limited).is_open
        await limited.send(REQUEST)
    assert not breaker_of(limited).is_open


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["stopped", "stopped while it waits", "after max_outage"])
async def test_what_waits_to_be_ready_is_refused_when_the_run_ends(how: str) -> None:
    runtime = FakeRuntime()
    limited = bulk(*[response(500)] * 2, runtime=runtime, probe=never, max_outage=60.0)
    if how == "stopped":
        breaker_of(limited).stop()
        with pytest.raises(DeadlineError, match="the run was stopped"):
            await limited.ready()
        return
    for _ in range(2):
        await limited.send(REQUEST)
    refused: list[str] = []

    async def wait() -> None:
        try:
            await limited.ready()
        except DeadlineError as error:
            refused.append(str(error))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        if how == "after max_outage":
            runtime.clock += 60
            limited._wake()
        else:
            breaker_of(limited).stop()
    assert len(refused) == 1
    assert ("max_outage" if how == "after max_outage" else "the run was stopped") in refused[0]


@pytest.mark.anyio
async def test_a_stopped_run_refuses_what_waits() -> None:
    limited = bulk(*[response(500)] * 2)
    for _ in range(2):
        await limited.send(REQUEST)
    refused: list[str] = []

    async def wait() -> None:
        try:
            await limited.send(REQUEST)
        except DeadlineError as error:
            refused.append(str(error))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        breaker_of(limited).stopped = True
        limited._wake()
    assert len(refused) == 3
    assert all("the run was stopped" in text for text in refused)


@pytest.mark.anyio
async def test_a_steady_429_teaches_a_rate_and_successes_keep_it() -> None:
    runtime = FakeRuntime(clock=100.0)

    def accept(_request: Request) -> Response:
        runtime.clock += 0.1
        return response()

    limited = bulk(*[accept] * 50, response(429), *[accept] * 10, runtime=runtime)
    assert limited.rate is not None
    for _ in range(50):
        await limited.send(REQUEST)
    assert runtime.slept == []
    await limited.send(REQUEST)
    assert limited.rate.per_second(runtime.clock) == pytest.approx(10.0, rel=0.06)
    limited.inner = FakeAdapter(script=[response()] * 10)
    start = runtime.clock
    for _ in range(10):
        await limited.send(REQUEST)
    assert 0.7 < runtime.clock - start < 1.1
    assert limited.rate.per_second(runtime.clock) < 11


@pytest.mark.anyio
async def test_a_burst_of_429_slows_the_rate_once() -> None:
    limited = bulk(*[response()] * 20, runtime=FakeRuntime())
    assert limited.rate is not None
    for _ in range(20):
        await limited.send(REQUEST)
    limited.inner = FakeAdapter(script=[response(429)] * 8)
    before = limited.slots.enter()
    limited._learn(response(429), before)
    rate = limited.rate.per_second(limited.runtime.now())
    for _ in range(7):
        limited._learn(response(429), before)
    assert limited.rate.per_second(limited.runtime.now()) == rate


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "pause"), [({}, 0.03), ({"retry_after": "0"}, 0.03), ({"retry_after": "soon"}, 0.03)]
)
async def test_a_refusal_pauses_by_our_own_measure_if_the_server_names_none(
    headers: dict[str, str], pause: float
) -> None:
    runtime = FakeRuntime(clock=100.0, luck=0.5)
    limited = bulk(response(429, b"", **headers), runtime=runtime)
    assert limited.rate is not None
    await limited.send(REQUEST)
    assert limited.rate.turn(runtime.clock) == pytest.approx(pause)
