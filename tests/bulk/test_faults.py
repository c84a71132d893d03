"""Bulk runs over real sockets, when the server or the way to it fails: no event is lost, and the account is whole."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from omnivery import AsyncAutomations, CallOptions, RetryPolicy
from omnivery.emulator import Emulator
from omnivery.errors import (
    AmbiguousError,
    AuthenticationError,
    BulkError,
    ConfigError,
    DecodeError,
    ForbiddenError,
    NotFoundError,
    NotSentError,
    OmniveryError,
    PaymentRequiredError,
)
from omnivery.events.event import EventLike
from tests.support.bots import (
    ONCE,
    assert_lawful,
    client_of,
    endless,
    event,
    events,
    finish,
    ids,
    numbered,
    submit,
)
from tests.support.clocks import let_time_fly

pytestmark = pytest.mark.anyio


async def test_a_storm_of_429_is_sat_out(
    emu: Emulator, client: AsyncAutomations, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_time_fly(monkeypatch)
    emu.fail_next("bot", status=429, retry_after=0.05, times=20)
    report = await submit(client, events(2000), concurrency=4)
    assert (report.accepted, report.batches, report.requests, report.retries) == (2000, 4, 24, 20)
    assert Counter(ids(emu.bot_events)) == Counter(numbered(2000))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_a_failing_server_is_tried_again(emu: Emulator, client: AsyncAutomations, status: int) -> None:
    emu.fail_next("bot", status=status, times=5)
    report = await submit(client, events(1100))
    assert (report.accepted, report.requests, report.retries) == (1100, 8, 5)
    assert Counter(ids(emu.bot_events)) == Counter(numbered(1100))


@pytest.mark.parametrize("after", ["received", "accepted"])
async def test_a_cut_connection_loses_nothing(emu: Emulator, client: AsyncAutomations, after: Any) -> None:
    """The client cannot know whether a cut batch was taken; it sends it again, and no other."""
    emu.fail_next("bot", after=after, times=2)
    report = await submit(client, events(1500), concurrency=1)
    assert (report.accepted, report.requests, report.retries) == (1500, 5, 2)
    # Both cuts hit the first batch, because the one worker does not go on without it.
    repeats = 2 if after == "accepted" else 0
    assert emu.bot_batches == [500] * (3 + repeats)
    assert Counter(ids(emu.bot_events)) == Counter([*numbered(1500), *[f"e{n}" for n in range(500)] * repeats])


async def test_faults_of_every_kind_at_once(
    emu: Emulator, client: AsyncAutomations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is the client's belief: everything that it calls accepted must be on the server."""
    let_time_fly(monkeypatch)
    emu.faults = "429=20%,500=20%,cut-before=15%,cut-after=15%,retry-after=0s,seed=11"
    report = await submit(client, events(5000))
    assert report.accepted == 5000
    assert set(ids(emu.bot_events)) == numbered(5000)
    assert report.requests == len(emu.requests)
    assert report.retries == report.requests - 10 > 0


async def test_a_wrong_token_stops_an_endless_run(emu: Emulator) -> None:
    """Every further batch would meet the same response: ten million events must not be read for it."""
    async with client_of(emu, token="wrong") as client:
        report = await submit(client, endless(), concurrency=4)
    assert isinstance(report.stopped_by, AuthenticationError)
    assert 500 <= report.undelivered == report.read <= 4 * 500
    assert emu.bot_events == []
    with pytest.raises(BulkError, match="stopped by") as caught:
        report.raise_for_failures()
    assert isinstance(caught.value.__cause__, AuthenticationError)


async def test_a_domain_without_bot_detection_stops_the_run(client: AsyncAutomations) -> None:
    report = await submit(client, endless(), domain="other.example.com")
    assert isinstance(report.stopped_by, PaymentRequiredError)
    assert report.undelivered == report.read


@pytest.mark.parametrize(("status", "kind"), [(402, PaymentRequiredError), (403, ForbiddenError), (404, NotFoundError)])
async def test_what_every_batch_would_meet_stops_the_run(
    emu: Emulator, client: AsyncAutomations, status: int, kind: type[OmniveryError]
) -> None:
    """In the middle of it: what was accepted before stays accepted, what was read is given back."""
    batches = iter([*range(3)])

    def source() -> Iterator[EventLike]:
        for number, item in enumerate(endless()):
            if number % 500 == 0 and next(batches, None) is None:
                emu.fail_next("bot", status=status, times=9)
            yield item

    report = await submit(client, source(), concurrency=1)
    assert isinstance(report.stopped_by, kind)
    assert (report.accepted, report.undelivered) == (1500, 500)
    assert report.failures[0].error is report.stopped_by
    assert ids(report.undelivered_events()) == [f"e{n}" for n in range(1500, 2000)]


async def test_a_web_page_is_no_receipt(emu: Emulator, client: AsyncAutomations) -> None:
    """A proxy's log-in page comes with status 200: to count its events as accepted would lose them."""
    emu.fail_next("bot", status=200, body="<html>Please log in</html>")
    report = await submit(client, events(700), concurrency=1)
    assert (report.accepted, report.undelivered, report.stopped_by) == (200, 500, None)
    assert isinstance(report.failures[0].error, DecodeError)
    assert report.failures[0].events == 500
    assert ids(report.undelivered_events()) == [f"e{n}" for n in range(500)]


@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirect_is_not_followed(emu: Emulator, client: AsyncAutomations, status: int) -> None:
    """Following it would send token and events to the host that it names, here one that would accept them."""
    with Emulator(token=emu.token, domain=emu.domain) as other:
        there = f"{other.automations_url}/{other.domain}/bot"
        emu.fail_next("bot", status=status, headers={"location": there}, times=99)
        report = await submit(client, endless(), concurrency=1)
    emu.reset()
    assert other.requests == []
    assert report.undelivered == report.read == 500
    assert report.stopped_by is not None
    assert "Redirects are never followed" in str(report.stopped_by)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nobody listens, and nobody else can in the meantime."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def test_a_server_that_is_down_costs_no_event(emu: Emulator, closed_port: int) -> None:
    """They come back as they were given, and go to a live server with the next call."""
    given = events(1200)
    options = CallOptions(retry=RetryPolicy(attempts=2, base=0.01))
    async with client_of(emu, base_url=f"http://127.0.0.1:{closed_port}") as client:
        report = await submit(client, given, options=options)
    assert (report.accepted, report.undelivered) == (0, 1200)
    assert isinstance(report.stopped_by, NotSentError)
    with pytest.raises(BulkError, match="1200 not delivered"):
        report.raise_for_failures()
    assert {id(item) for item in report.undelivered_events()} == {id(item) for item in given}

    async with client_of(emu) as client:
        again = await submit(client, report.undelivered_events())
    assert again.accepted == 1200
    assert Counter(ids(emu.bot_events)) == Counter(numbered(1200))


async def test_a_lost_response_without_retries_says_so(emu: Emulator, client: AsyncAutomations) -> None:
    """Undelivered is not the same as not there: the failure tells which."""
    emu.fail_next("bot", after="accepted")
    report = await submit(client, events(10), options=ONCE, max_outage=0)
    (failure,) = report.failures
    assert isinstance(failure.error, AmbiguousError)
    assert failure.error.may_have_happened
    assert len(emu.bot_events) == report.undelivered == 10


async def test_a_batch_too_large_for_the_server_is_halved(client: AsyncAutomations) -> None:
    with Emulator(max_body=20_000) as small:
        async with client_of(small) as own:
            report = await submit(own, [*events(700), event(700, attributes={"pad": "x" * 30_000})])
    assert (report.accepted, report.rejected) == (700, 1)
    assert (report.rejections[0].index, report.rejections[0].event_id) == (700, "e700")
    assert Counter(ids(small.bot_events)) == Counter(numbered(700))
    assert report.retries == 0


@pytest.mark.parametrize("max_bytes", [3000, 1_000_000])
async def test_requests_stay_below_the_byte_limit(emu: Emulator, client: AsyncAutomations, max_bytes: int) -> None:
    report = await submit(client, [*events(100), event(100, uas="x" * 4000)], max_bytes=max_bytes)
    fits = max_bytes > 4000
    assert (report.accepted, report.rejected) == (101, 0) if fits else (100, 1)
    assert (report.requests == 1) is fits


async def test_an_outage_is_waited_out(
    emu: Emulator, client: AsyncAutomations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All attempts of all batches failed, and nothing else was accepted: that is the service, not the events."""
    let_time_fly(monkeypatch)
    emu.fail_next("bot", status=500, times=4)
    options = CallOptions(retry=RetryPolicy(attempts=2, base=0.001))
    report = await submit(client, events(1000), concurrency=2, options=options)
    assert (report.accepted, report.undelivered, report.stopped_by) == (1000, 0, None)
    assert report.requests == 6


async def test_an_outage_beyond_max_outage_stops_the_run_with_no_more_than_was_in_hand(
    emu: Emulator, client: AsyncAutomations
) -> None:
    emu.fail_next("bot", status=500, times=999)
    options = CallOptions(retry=RetryPolicy(attempts=2, base=0.001))
    report = await submit(client, endless(), concurrency=2, options=options, max_outage=0.2)
    emu.reset()
    assert report.stopped_by is not None
    assert report.undelivered == report.read == 1000


async def test_a_service_that_hangs_ends_a_run_whose_requests_have_a_deadline(
    emu: Emulator, client: AsyncAutomations
) -> None:
    emu.fail_next("bot", delay=30, times=999)
    with anyio.fail_after(60):
        report = await submit(client, endless(), concurrency=2, options=CallOptions(deadline=0.05), max_outage=0.3)
    emu.reset()
    assert report.stopped_by is not None
    assert report.undelivered == report.read == 1000


async def test_a_refused_batch_names_what_the_server_said(emu: Emulator, client: AsyncAutomations) -> None:
    emu.fail_next("bot", status=400, body=b'{"message":"bad event"}')
    report = await submit(client, [event()])
    assert (report.rejected, report.requests) == (1, 1)
    assert report.rejections[0].reason == "the server refused it: 400 bad event"


async def test_a_closed_client_is_a_config_error_and_no_group(emu: Emulator) -> None:
    client = client_of(emu)
    await client.aclose()
    run = client.bots.stream(events(3000))
    with pytest.raises(ConfigError, match="closed"):
        await finish(run)
    assert_lawful(run.report)
    assert run.report.undelivered == run.report.read
