"""Single calls without an event loop: the same responses, retries, deadlines and errors, in the thread that calls."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator

import anyio
import pytest

from omnivery import (
    AsyncAutomations,
    Automations,
    BotEvent,
    CallOptions,
    Mailgun,
    Message,
    RetryPolicy,
)
from omnivery.errors import (
    AmbiguousError,
    AuthenticationError,
    ConfigError,
    NotFoundError,
    NotSentError,
    OmniveryError,
    ServerError,
)
from tests.support.bots import event
from tests.support.sync import (
    ONCE,
    Request,
    always,
    client_of,
    each,
    hang_up,
    meeting,
    never,
    response,
    run,
    serving,
)

QUICK = RetryPolicy(attempts=3, base=0.001, throttle_base=0.001, max_backoff=0.002)
LETTER = Message(from_="ann@example.com", to=["bob@example.com"], subject="Hello", text="Hello")


def test_a_call_starts_no_thread_and_loads_no_event_loop() -> None:
    """It is to work anywhere, at the price of a bare `httpx.Client`."""
    with serving(always(response())) as server:
        done = run(
            """
import asyncio
def refuse(*_, **__): raise AssertionError("an event loop was made")
asyncio.new_event_loop = asyncio.Runner = refuse
threading.Thread.start = refuse
with client:
    client.account.test()
    client.with_options(domain="other.example.com").account.test()
    client.call(__import__("omnivery.automations.account", fromlist=["TEST"]).TEST)
print(threading.active_count())
""",
            server.url,
        )
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)
    assert len(server.requests) == 3


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_call_works_inside_a_running_event_loop(backend: str) -> None:
    """A notebook always has one."""

    async def main() -> None:
        with client_of(server) as client:
            client.account.test()

    with serving(always(response())) as server:
        anyio.run(main, backend=backend)
    assert len(server.requests) == 1


def test_retries_sleep_in_the_thread_and_honour_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    refusal = response(b"{}", "429 Too Many Requests", "Retry-After: 7")
    with meeting(each(refusal, response())) as (server, client):
        monkeypatch.setattr(time, "monotonic", lambda: 100.0 + sum(slept))
        client.account.test()
    assert slept[0] >= 7
    assert len(server.requests) == 2


def test_a_read_is_tried_again_after_a_lost_response_and_a_send_is_not() -> None:
    """A retried send is a duplicated e-mail."""
    with serving(hang_up) as server:
        options = CallOptions(retry=QUICK)
        with client_of(server) as client, pytest.raises(AmbiguousError):
            client.account.test(options=options)
        assert len(server.requests) == 3
        with Mailgun("key", domain="mail.example.com", base_url=server.url) as mailgun, pytest.raises(AmbiguousError):
            mailgun.messages.send(LETTER, options=options)
        assert len(server.requests) == 4


FAULTS = {
    "rejected": response(b'{"message": "no"}', "401 Unauthorized"),
    "missing": response(b"{}", "404 Not Found"),
    "failed": response(b"{}", "502 Bad Gateway"),
    "html": response(b"<html>", "200 OK", "Content-Type: text/html"),
    "list": response(b"[1]", "200 OK"),
    "nonsense": b"this is no HTTP\r\n\r\n",
    "cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_errors_are_those_of_the_asynchronous_client(fault: str) -> None:
    """Same type, same words: what a program does about them does not depend on how it calls."""

    async def asynchronously() -> None:
        async with AsyncAutomations("token", base_url=server.url) as client:
            await client.account.test(options=ONCE)

    def respond_and_hang_up(connection: socket.socket, request: Request) -> None:
        connection.sendall(FAULTS[fault])
        hang_up(connection, request)

    with serving(respond_and_hang_up) as server:
        with pytest.raises(OmniveryError) as expected:
            asyncio.run(asynchronously())
        with client_of(server) as client, pytest.raises(type(expected.value)) as caught:
            client.account.test(options=ONCE)
    assert type(caught.value) is type(expected.value)
    assert str(caught.value) == str(expected.value)
    assert vars(caught.value) == vars(expected.value)


def test_the_tree_of_errors_is_told_apart() -> None:
    """The table above compares; this says what some of them are."""
    for data, kind in (("rejected", AuthenticationError), ("missing", NotFoundError), ("failed", ServerError)):
        with meeting(always(FAULTS[data])) as (_server, client), pytest.raises(kind):
            client.account.test(options=ONCE)


def test_a_refused_connection_is_known_not_to_have_happened() -> None:
    with serving(always(response())) as server:
        pass
    with pytest.raises(NotSentError) as caught, Automations("t", base_url="http://127.0.0.1:9") as client:
        client.account.test(options=ONCE)
    assert not caught.value.may_have_happened
    assert server.requests == []


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    def respond_and_hang_up(connection: socket.socket, request: Request) -> None:
        connection.sendall(response())
        hang_up(connection, request)

    with meeting(respond_and_hang_up) as (server, client):
        for _ in range(3):
            client.account.test()
    assert server.connections == 3


def test_a_whole_list_is_read_page_by_page() -> None:
    def page(connection: socket.socket, request: Request) -> None:
        skip = int(request.target.partition("skip=")[2].partition("&")[0] or 0)
        items = [{"address": f"{number}@example.com"} for number in range(skip, min(skip + 2, 5))]
        connection.sendall(response(json.dumps({"items": items, "total_count": 5}).encode()))

    with serving(page) as server, Mailgun("key", domain="d.example", base_url=server.url) as client:
        bounces = client.bounces.list()
        assert server.requests == []
        assert [bounce.address for bounce in bounces] == [f"{number}@example.com" for number in range(5)]
        assert len(server.requests) == 3
        assert [len(page.items) for page in bounces.pages()] == [2, 2, 1]
        assert len(bounces.first().items) == 2
        assert len(bounces.collect(max_items=3)) == 3


def test_an_asynchronous_source_is_refused_before_anything_is_sent() -> None:
    async def source() -> AsyncIterator[BotEvent]:
        yield event()

    with meeting(never) as (server, client), pytest.raises(ConfigError, match="asynchronous client"):
        client.bots.submit_batch(source())  # type: ignore[arg-type]  # that it is wrong is the point
    assert server.requests == []


def test_a_refusal_is_one_although_the_rest_of_its_body_is_lost() -> None:
    def cut_short(connection: socket.socket, request: Request) -> None:
        connection.sendall(response(b"<html>" * 9, "401 Unauthorized")[:-9])
        hang_up(connection, request)

    with meeting(cut_short) as (server, client), pytest.raises(AuthenticationError):
        client.account.test()
    assert len(server.requests) == 1
