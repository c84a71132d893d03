"""What the tests of bot detection share: events to submit, servers to submit them to, and the law of every run."""

from __future__ import annotations

import json
import math
import pickle
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.lowlevel
import httpx

from omnivery import AsyncAutomations, BotEvent, CallOptions, RetryPolicy
from omnivery.automations.batch import MAX_BYTES, EventWork
from omnivery.automations.report import SubmitReport
from omnivery.automations.run import AsyncBulkRun, target_of
from omnivery.bulk.outage import OutagePolicy, may_pass
from omnivery.bulk.source_reader import SourceReader
from omnivery.bulk.target import RunTarget
from omnivery.errors import ApiError, OmniveryError, error_class, phrase
from omnivery.events.event import EventLike
from omnivery.transport.circuit_breaker import Admission, CircuitBreaker
from omnivery.transport.http import ApiResponse, Headers

if TYPE_CHECKING:
    from omnivery.emulator import Emulator

T = TypeVar("T")

WEBHOOK = "http://127.0.0.1:9/verdicts"
"""Nobody listens there, and nothing is sent there: `event()` makes events that never get a verdict."""
FAST = CallOptions(retry=RetryPolicy(attempts=100, base=0.001, throttle_base=0.001, max_backoff=0.005))
"""Patient with the server, and quick to come back to it."""
ONCE = CallOptions(retry=RetryPolicy(attempts=1))

Post = Callable[[bytes], Awaitable[int]]
Events = Iterable[EventLike] | AsyncIterable[EventLike]


def event(number: int = 0, **fields: Any) -> BotEvent:
    """A sound event, from the test network that the emulator never judges."""
    return BotEvent(**{"ip": "203.0.113.7", "uas": "Mozilla/5.0", "event_id": f"e{number}", **fields})


def events(count: int) -> list[EventLike]:
    return [event(number) for number in range(count)]


def endless() -> Iterator[EventLike]:
    """Events without end, as far as a run is concerned: it has to be stopped long before."""
    for number in range(100_000):
        yield event(number)
    raise AssertionError("the run was not stopped")


def ids(items: Iterable[Any]) -> list[str]:
    """Event ids, whether of events as they were given or as the server saw them."""
    return [item["event_id"] if isinstance(item, Mapping) else item.event_id for item in items]


def numbered(count: int) -> set[str]:
    """The ids of `events(count)`."""
    return {f"e{number}" for number in range(count)}


def sent(body: bytes) -> list[dict[str, Any]]:
    """The events in the body of a batch."""
    found: list[dict[str, Any]] = json.loads(body)["events"]
    return found


def refusal(status: int) -> ApiError:
    return error_class(status)(phrase(status), status=status)


def client_of(emu: Emulator, **options: Any) -> AsyncAutomations:
    settings = {"base_url": emu.automations_url, "domain": emu.domain, "webhook_url": WEBHOOK, **options}
    return AsyncAutomations(settings.pop("token", emu.token), **settings)


def source_of(items: Events) -> SourceReader[EventLike]:
    """What `submit` makes of its first argument."""
    return SourceReader.of(items, argument="events", advice="A single event goes in a list", encoded=True)


TARGET = target_of(webhook_url=WEBHOOK, domain="mail.example.com", base_url="http://api.example.com")


def run_of(
    source: Events,
    post: Post,
    *,
    concurrency: int = 2,
    max_bytes: int = MAX_BYTES,
    max_outage: float = 0.0,
    max_retry_after: float = math.inf,
    target: RunTarget = TARGET,
    rounds: int = 1,
    **options: Any,
) -> AsyncBulkRun:
    """A run whose service is a function: what no real server can be made to do at the right moment.

    It gives up at the first failure unless told otherwise, so that nothing waits for a function to recover.
    """
    breaker = CircuitBreaker(max_outage=max_outage)
    clock: dict[str, Any] = {"now": options["runtime"].now, "pause": 0.1} if "runtime" in options else {}
    return AsyncBulkRun(
        source=source_of(source),
        work=EventWork(send=through(breaker, post, **clock), target=target, max_bytes=max_bytes),
        policy=OutagePolicy(breaker=breaker, rounds=rounds, max_retry_after=max_retry_after),
        concurrency=concurrency,
        **options,
    )


def response(attempts: int = 1) -> ApiResponse[Any]:
    """What the service says to an accepted batch."""
    return ApiResponse(data={}, status=200, headers=Headers(), request_id=None, elapsed=0.0, attempts=attempts)


def through(
    breaker: CircuitBreaker, post: Post, *, now: Callable[[], float] = time.monotonic, pause: float = 0.001
) -> Callable[[bytes], Awaitable[ApiResponse[Any]]]:
    """A service behind a circuit breaker, as the client's adapter has it."""

    async def send(body: bytes) -> ApiResponse[Any]:
        while breaker.admit(now()) is Admission.WAIT:  # noqa: ASYNC110  # it has no event loop to wait with
            await anyio.sleep(pause)
        try:
            attempts = await post(body)
        except OmniveryError as error:
            if may_pass(error):
                breaker.failed(now(), random=0.0, probe=breaker.is_open, responded=isinstance(error, ApiError))
            else:
                breaker.succeeded()
            raise
        breaker.succeeded()
        return response(attempts)

    return send


async def finish(run: AsyncBulkRun) -> SubmitReport:
    """Let a run go to its end; the law holds then."""
    async with run:
        async for _ in run:
            continue
    assert_lawful(run.report)
    return run.report


async def submit(client: AsyncAutomations, source: Any, **options: Any) -> SubmitReport:
    """Submit, and hold the report to the law."""
    report = await client.bots.submit(source, **{"options": FAST, **options})
    assert_lawful(report)
    return report


def assert_lawful(report: SubmitReport) -> None:
    """Whatever happened: every item of the input is in exactly one of the three, and what can be resent is there."""
    assert report.accepted + report.rejected + report.undelivered == report.read
    assert len(report.undelivered_events()) == report.undelivered
    assert len(report.rejections) == min(report.rejected, 1000)


class Server:
    """Takes some batches at once, and then none: requests hang until they are cancelled.

    `on_hanging` is told how many hang, whenever one more does: a test that ends a run at that moment races nothing.
    """

    def __init__(self, takes: int, *, on_hanging: Callable[[int], object] = lambda _: None) -> None:
        self.takes = takes
        self.hanging = 0
        self.on_hanging = on_hanging

    async def __call__(self, _: bytes) -> int:
        await anyio.lowlevel.checkpoint()
        if self.takes:
            self.takes -= 1
            return 1
        self.hanging += 1
        self.on_hanging(self.hanging)
        try:
            await anyio.sleep_forever()
        finally:
            self.hanging -= 1
        raise AssertionError

    async def wait_hanging(self, count: int = 1) -> None:
        """Go on when so many requests hang."""
        with anyio.fail_after(30):
            while self.hanging < count:  # noqa: ASYNC110  # an event of anyio belongs to one event loop
                await anyio.sleep(0.001)


def assert_ended(run: AsyncBulkRun, server: Server, *, accepted: int) -> None:
    """The report is whole, what hung is given back, and nobody works on behind the caller's back."""
    assert_lawful(run.report)
    assert run.report.accepted == accepted
    assert run.report.undelivered > 0
    assert server.hanging == 0


def pickled(value: T) -> T:
    """A value as another process gets it."""
    again: T = pickle.loads(pickle.dumps(value))
    return again


async def requests_of(*calls: Callable[[AsyncAutomations], Awaitable[object]]) -> list[httpx.Request]:
    """The requests that some calls make, as they would go out."""
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=json.dumps({"is_bot": True, "request": {}}))

    transport = httpx.AsyncClient(transport=httpx.MockTransport(respond), trust_env=False, verify=False)
    async with AsyncAutomations(
        "t", domain="mail.example.com", base_url="http://api.example.com", webhook_url=WEBHOOK, http_client=transport
    ) as client:
        for call in calls:
            await call(client)
    return seen


def form_of(request: httpx.Request) -> list[tuple[str, str]]:
    """The fields of a multipart form, as the standard library's own parser reads them."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    whole: Message = BytesParser(policy=HTTP).parsebytes(head + request.content)
    assert whole.get_content_type() == "multipart/form-data"
    assert not whole.defects
    parts: Any = whole.get_payload()
    return [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True).decode()) for part in parts
    ]
