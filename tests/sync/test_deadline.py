"""Deadlines of calls that nothing can cancel: each way of waiting looks at the clock."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import httpcore
import pytest

from omnivery import (
    CallOptions,
    Limits,
    Message,
    RetryPolicy,
    Timeouts,
)
from omnivery.errors import (
    DeadlineError,
    OmniveryError,
    RateLimitError,
)
from tests.support.clocks import let_only_waiting_take_time
from tests.support.sync import (
    LONG,
    ONCE,
    Request,
    always,
    meeting,
    never,
    response,
)

QUICK = RetryPolicy(attempts=3, base=0.001, throttle_base=0.001, max_backoff=0.002)
LETTER = Message(from_="ann@example.com", to=["bob@example.com"], subject="Hello", text="Hello")


def trickle(connection: socket.socket, _request: Request) -> None:
    """A body that takes its time, each piece well within the read timeout; one that waits for its end gets it all."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1012\r\n\r\n")
    for piece in (b'{"auth": {}}', *[b" "] * 1000):
        connection.sendall(piece)
        time.sleep(0.02)


def test_a_deadline_ends_a_call_that_gets_no_response(monkeypatch: pytest.MonkeyPatch) -> None:
    let_only_waiting_take_time(monkeypatch, seconds=1)
    with meeting(never) as (_server, client), pytest.raises(DeadlineError, match="the response was awaited") as caught:
        client.account.test(options=CallOptions(deadline=0.2))
    assert caught.value.may_have_happened


def test_a_deadline_ends_a_response_that_trickles_in_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every piece comes within the read timeout, which starts anew each time."""
    let_only_waiting_take_time(monkeypatch, seconds=1)
    with (
        meeting(trickle) as (_server, client),
        pytest.raises(DeadlineError, match="the response was being received") as caught,
    ):
        client.account.test(options=CallOptions(deadline=10))
    assert caught.value.may_have_happened


class Wire(httpcore.NetworkStream):
    """A connection that notes the timeouts that it is given."""

    def __init__(self, inner: httpcore.NetworkStream, given: list[float | None]) -> None:
        self._inner, self._given = inner, given

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._given.append(timeout)
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._given.append(timeout)
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def test_each_step_of_an_exchange_gets_what_is_left_of_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timeouts start anew with each step: a slow connect and a slow response together must not take twice as long."""
    given: list[float | None] = []
    clock = [100.0]
    connect_tcp = httpcore.SyncBackend.connect_tcp

    def slowly(self: httpcore.SyncBackend, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        given.append(options["timeout"])
        clock[0] += 7
        return Wire(connect_tcp(self, *arguments, **options), given)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", slowly)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with meeting(always(response()), timeouts=Timeouts(connect=20, read=20, write=20)) as (_server, client):
        client.account.test(options=CallOptions(deadline=10.0))
    assert given[0] == 10.0
    assert len(given) >= 3
    assert all(timeout == 3.0 for timeout in given[1:])


def test_a_deadline_ends_the_wait_for_a_slot() -> None:
    with meeting(never, limits=Limits(concurrency=1)) as (server, client):

        def occupy() -> None:
            with pytest.raises(OmniveryError):
                client.account.test(options=ONCE)

        other = threading.Thread(target=occupy)
        other.start()
        assert server.arrived.acquire(timeout=LONG)
        with pytest.raises(DeadlineError, match="waited for a slot") as caught:
            client.account.test(options=CallOptions(deadline=0.1))
        server.stop()
        other.join(LONG)
    assert not caught.value.may_have_happened
    assert len(server.requests) == 1


def test_a_deadline_ends_the_pause_that_the_server_asked_everybody_for() -> None:
    refusal = response(b"{}", "429 Too Many Requests", "Retry-After: 60")
    with meeting(always(refusal)) as (server, client):
        with pytest.raises(RateLimitError):
            client.account.test(options=ONCE)
        with pytest.raises(DeadlineError, match="waited for a slot") as caught:
            client.account.test(options=CallOptions(deadline=0.1))
    assert not caught.value.may_have_happened
    assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "in_doubt"), [("503 Service Unavailable", False), ("500 Oops", True)])
def test_a_deadline_that_passes_in_a_retry_sleep_ends_the_call(
    status: str, in_doubt: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it may have happened is up to all attempts, not to the one that was not made."""
    clock = [100.0]

    def oversleep(seconds: float) -> None:
        clock[0] += seconds + 60

    with meeting(always(response(b"{}", status))) as (server, client):
        monkeypatch.setattr(time, "sleep", oversleep)
        monkeypatch.setattr(time, "monotonic", lambda: clock[0])
        with pytest.raises(DeadlineError, match="before the request was sent") as caught:
            client.account.test(options=CallOptions(deadline=30.0, retry=QUICK))
    assert caught.value.may_have_happened is in_doubt
    assert len(server.requests) == 1


def test_a_retry_after_beyond_the_deadline_ends_the_call_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    refusal = response(b"{}", "429 Too Many Requests", "Retry-After: 60")
    with meeting(always(refusal)) as (_server, client), pytest.raises(RateLimitError):
        client.account.test(options=CallOptions(deadline=5.0))
    assert slept == []
