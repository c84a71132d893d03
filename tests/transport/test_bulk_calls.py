"""The calls of a bulk run: what they do otherwise than single ones."""

from __future__ import annotations

import httpx
import pytest

from omnivery import CallOptions, RetryPolicy
from tests.support.fakes import FakeObserver
from tests.transport.test_client import EVENT, Wire, connected


@pytest.mark.anyio
async def test_a_bulk_run_goes_on_through_more_429s_than_it_has_attempts() -> None:
    replies = iter([*[httpx.Response(429)] * 5, httpx.Response(200)])
    wire = Wire(lambda: next(replies))
    quick = RetryPolicy(attempts=2, throttle_base=0.001, max_backoff=0.002)
    observer = FakeObserver()
    async with connected(wire, webhook_url="https://example.org/hook", observers=[observer]) as client:
        report = await client.bots.submit([EVENT], options=CallOptions(retry=quick))
    assert (report.accepted, len(wire.requests)) == (1, 6)
    assert [attempt.number for attempt in observer.attempts] == [1, 2, 3, 4, 5, 6], "of one call"
