"""Connections: how many there are, how long they live, and what is left of them after failures, closing and forks."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
import warnings
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import anyio
import pytest
from anyio import to_thread
from anyio.abc import ByteStream, SocketAttribute
from anyio.from_thread import start_blocking_portal

from omnivery.errors import AmbiguousError, ConfigError, NotSentError, TransportError
from omnivery.transport.config import Limits, Timeouts
from omnivery.transport.http import Phase, Request
from omnivery.transport.runtime import drive
from tests.support.adapters import Lane, open_connections
from tests.support.fakes import Seen, always, http_response, serve


def get(url: str, *, connect: float = 30.0) -> Request:
    return Request(method="GET", url=url, timeouts=Timeouts(connect=connect, read=30.0, write=30.0))


async def close(stream: ByteStream, _seen: Seen) -> None:
    await stream.aclose()


async def stay_silent(_stream: ByteStream, _seen: Seen) -> None:
    await anyio.sleep_forever()


# Opening


@pytest.mark.anyio
async def test_a_refused_connection_is_not_sent(lane: Lane, refused_port: int) -> None:
    """Before its first response, a bulk run takes `unreachable` for a wrong setting."""
    async with lane.open() as adapter:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(NotSentError, match="connection refused; check the URL") as caught:
                await adapter.send(get(f"http://{host}:{refused_port}/"))
            assert (caught.value.unreachable, caught.value.permanent) == (True, False)


@pytest.mark.anyio
async def test_a_name_that_nobody_knows_is_called_so(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is mostly a typing error in the URL; ten words about TLS would not reveal it."""

    def unknown(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    async with lane.open() as adapter:
        with pytest.raises(NotSentError, match=r"to nobody\.invalid:80: the host name is not known") as caught:
            await adapter.send(get("http://nobody.invalid/"))
    assert (caught.value.unreachable, caught.value.permanent) == (True, False)


@pytest.mark.anyio
@pytest.mark.parametrize("phase", ["TCP", "TLS"])
async def test_a_server_that_does_not_respond_is_not_sent_to_after_the_connect_timeout(lane: Lane, phase: str) -> None:
    """A full queue of connections drops the first packet; a server that speaks no TLS waits for a request."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.socket() as other,
        socket.socket() as third,
    ):
        address = listener.getsockname()
        if phase == "TCP":
            for filler in (other, third):
                filler.setblocking(False)
                filler.connect_ex(address)
        scheme = "http" if phase == "TCP" else "https"
        request = get(f"{scheme}://127.0.0.1:{address[1]}/", connect=0.05)
        async with lane.open(verify=False) as adapter:
            with (
                anyio.fail_after(20),
                pytest.raises(NotSentError, match="took longer than the connect timeout") as caught,
            ):
                await adapter.send(request)
    assert (request.progress.phase, caught.value.unreachable) == (Phase.CONNECTING, False)


# Keeping


@pytest.mark.anyio
async def test_one_after_the_other_needs_one_connection(lane: Lane) -> None:
    async with serve(always(http_response())) as server, lane.open() as adapter:
        for _ in range(10):
            await adapter.send(get(server.url))
        assert (server.connections, open_connections(adapter)) == (1, 1)


@pytest.mark.anyio
async def test_there_are_as_many_connections_as_requests_at_once_and_they_are_used_again(lane: Lane) -> None:
    """Each one more is a TLS handshake in real life."""
    together, waiting, everybody = 20, 0, anyio.Event()

    async def handler(stream: ByteStream, seen: Seen) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == together:
            everybody.set()
        await everybody.wait()
        await always(http_response())(stream, seen)

    async with serve(handler) as server, lane.open() as adapter:
        for _ in range(2):
            waiting, everybody = 0, anyio.Event()
            async with anyio.create_task_group() as group:
                for _ in range(together):
                    group.start_soon(adapter.send, get(server.url))
        assert (open_connections(adapter), server.connections, len(server.seen)) == (20, 20, 40)


@pytest.mark.anyio
async def test_connections_that_nobody_needs_any_more_are_closed(lane: Lane) -> None:
    """After a burst, a service must not keep its sockets for the rest of its days."""
    arrived, everybody = 0, anyio.Event()

    async def handler(stream: ByteStream, seen: Seen) -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 4:
            everybody.set()
        await everybody.wait()
        await always(http_response())(stream, seen)

    async with serve(handler) as server, lane.open(limits=Limits(keepalive=0.01)) as adapter:
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(adapter.send, get(server.url))
        for _ in range(4):
            await anyio.sleep(0.02)
            await adapter.send(get(server.url))
        assert open_connections(adapter) == 1


@pytest.mark.anyio
async def test_an_idle_connection_is_kept_no_longer_than_asked(lane: Lane) -> None:
    """One that the server has closed meanwhile would cost a lost response."""
    async with serve(always(http_response())) as server, lane.open(limits=Limits(keepalive=0.02)) as adapter:
        await adapter.send(get(server.url))
        await anyio.sleep(0.05)
        await adapter.send(get(server.url))
        assert server.connections == 2


@pytest.mark.anyio
@pytest.mark.parametrize("loop_runs", [True, False], ids=["seen by the loop", "not seen by the loop"])
async def test_a_connection_that_the_server_closed_while_it_was_idle_is_not_used(lane: Lane, loop_runs: bool) -> None:
    """A request on it would be a lost response, although no server had received it."""

    closed = anyio.Event()

    async def respond_and_close(stream: ByteStream, _seen: Seen) -> None:
        await stream.send(http_response())
        await stream.aclose()
        closed.set()

    async with serve(respond_and_close) as server, lane.open() as adapter:
        for _ in range(3):
            closed = anyio.Event()
            await adapter.send(get(server.url))
            with anyio.fail_after(30):
                while not closed.is_set():
                    await anyio.lowlevel.checkpoint()
            if loop_runs:
                await anyio.sleep(0.01)
            else:
                # The end of the connection comes while the program computes.
                time.sleep(0.005)  # noqa: ASYNC251
        assert server.connections == 3


# After failures


@pytest.mark.anyio
async def test_the_adapter_works_on_after_a_failure(lane: Lane) -> None:
    """A broken connection must not stay in the way of the next request."""
    broken = True

    async def handler(stream: ByteStream, seen: Seen) -> None:
        await (close if broken else always(http_response()))(stream, seen)

    async with serve(handler) as server, lane.open() as adapter:
        for _ in range(3):
            with pytest.raises(AmbiguousError):
                await adapter.send(get(server.url))
        broken = False
        assert (await adapter.send(get(server.url))).status == 200


async def in_the_head(stream: ByteStream, _seen: Seen) -> None:
    await stream.send(b"HTTP/1.1 200 OK\r\ncontent-")
    await anyio.sleep_forever()


async def in_the_body(stream: ByteStream, _seen: Seen) -> None:
    await stream.send(http_response("200 OK", b"x" * 99)[:-9])
    await anyio.sleep_forever()


@pytest.mark.anyio
@pytest.mark.parametrize("handler", [stay_silent, in_the_head, in_the_body])
async def test_a_cancelled_request_takes_no_connection_with_it(
    lane: Lane, handler: Callable[[ByteStream, Seen], Awaitable[None]]
) -> None:
    """Nor does the rest of its response become the next one."""

    async def choose(stream: ByteStream, seen: Seen) -> None:
        await (handler if seen.target == "/silent" else always(http_response("200 OK", b"next")))(stream, seen)

    async with serve(choose) as server, lane.open() as adapter:
        for _ in range(3):
            with anyio.move_on_after(0.01):
                await adapter.send(get(f"{server.url}/silent"))
        assert (await adapter.send(get(server.url))).content == b"next"
        assert open_connections(adapter) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_request_that_is_cancelled_while_it_connects_or_is_sent_leaves_nothing(lane: Lane, scheme: str) -> None:
    """The handshake gets no response, and the content is not taken."""
    if (lane.backend, scheme) == ("trio", "https"):
        pytest.skip("httpcore leaves the socket of an interrupted handshake to the garbage collector")
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, lane.open(verify=False) as adapter:
        url = f"{scheme}://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        request = Request(method="POST", url=url, content=b"x" * 30_000_000)
        phase = Phase.SENDING if scheme == "http" else Phase.CONNECTING
        async with anyio.create_task_group() as group:
            group.start_soon(adapter.send, request)
            with anyio.fail_after(20):
                while request.progress.phase is not phase:  # noqa: ASYNC110  # no event tells of it
                    await anyio.sleep(0.005)
            await anyio.sleep(0.05)
            group.cancel_scope.cancel()
        assert request.progress.phase is phase
        assert open_connections(adapter) <= 1


@pytest.mark.anyio
async def test_a_request_can_be_cancelled_at_every_point(lane: Lane) -> None:
    """After each, the next request gets its own response, over as many connections as are needed."""
    count = 0

    async def respond(stream: ByteStream, seen: Seen) -> None:
        await stream.send(http_response("200 OK", seen.target.encode(), "x: y"))

    async with serve(respond) as server, lane.open() as adapter:
        for turns in range(25):
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(adapter.send, get(f"{server.url}/{turns}"))
                    for _ in range(turns):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()
            found = await adapter.send(get(f"{server.url}/after-{turns}"))
            assert found.content == f"/after-{turns}".encode()
            count = max(count, open_connections(adapter))
    assert count <= 2


def test_without_idle_connections_there_is_nothing_to_close_and_any_loop_will_do(lane: Lane) -> None:
    """A pytest fixture cannot know which event loop its client runs on, nor run on it once the test has ended."""
    adapter = lane.make(limits=Limits(keepalive=0))

    async def twice() -> int:
        async with serve(always(http_response())) as server:
            for _ in range(2):
                await adapter.send(get(server.url))
            assert not adapter.connected
            return server.connections

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [anyio.run(twice, backend=lane.backend) for _ in range(2)] == [2, 2]
        gc.collect()


# Closing


@pytest.mark.anyio
async def test_a_closed_adapter_says_so(lane: Lane) -> None:
    adapter = lane.make()
    await adapter.aclose()
    with pytest.raises(ConfigError, match="closed"):
        await adapter.send(get("http://127.0.0.1/"))
    await adapter.aclose()


@pytest.mark.anyio
async def test_closing_leaves_nothing_open(lane: Lane) -> None:
    async with serve(always(http_response())) as server:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            adapter = lane.make()
            assert not adapter.connected
            await adapter.send(get(server.url))
            assert adapter.connected
            await adapter.aclose()
            assert not adapter.connected
            del adapter
            gc.collect()
            await anyio.wait_all_tasks_blocked()
            gc.collect()
    assert [str(one.message) for one in caught] == []


@pytest.mark.anyio
async def test_closing_closes_its_sockets_before_it_returns(lane: Lane) -> None:
    """The caller may keep the event loop from its next step, and the server waits meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        def respond() -> socket.socket:
            connection, _ = listener.accept()
            connection.settimeout(30)
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            return connection

        with ThreadPoolExecutor(1) as threads:
            accepted = threads.submit(respond)
            async with lane.open() as adapter:
                await adapter.send(get(url))
            with accepted.result(30) as connection, suppress(ConnectionResetError):
                assert connection.recv(1) == b""


@pytest.mark.anyio
async def test_closing_ends_the_requests_in_flight(lane: Lane) -> None:
    errors: list[bool] = []

    async def send() -> None:
        with pytest.raises(TransportError) as caught:
            await adapter.send(get(server.url))
        errors.append(caught.value.may_have_happened)

    async with serve(stay_silent) as server:
        adapter = lane.make()
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(send)
                while len(server.seen) < 3:  # noqa: ASYNC110  # the server has no event for it
                    await anyio.sleep(0.005)
                await adapter.aclose()
    assert errors == [True] * 3


@pytest.mark.anyio
async def test_a_second_event_loop_is_told_off(lane: Lane) -> None:
    """A notebook's or a script's second asyncio.run() would find connections of a loop that is gone."""
    async with serve(always(http_response())) as server, lane.open() as adapter:
        await adapter.send(get(server.url))
        with pytest.raises(ConfigError, match="one client for each event loop"):
            await to_thread.run_sync(asyncio.run, adapter.send(get(server.url)))
        assert (await adapter.send(get(server.url))).status == 200


def test_what_was_never_used_is_closed_without_an_event_loop(lane: Lane) -> None:
    """As a synchronous client does, whose own requests go another way."""
    adapter = lane.make()
    drive(adapter.aclose())
    assert not adapter.connected


def test_closing_in_a_second_event_loop_keeps_the_error_that_matters(lane: Lane) -> None:
    """`async with client` in a second asyncio.run(): the advice must not be lost to an error of the closing."""
    adapter = lane.make()

    async def send(url: str) -> None:
        await adapter.send(get(url))

    async def send_and_close(url: str) -> None:
        try:
            await send(url)
        finally:
            await adapter.aclose()

    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve(always(http_response()))) as server,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", ResourceWarning)  # of the sockets that the first loop left
        anyio.run(send, server.url, backend=lane.backend)
        with pytest.raises(ConfigError, match="one client for each event loop"):
            anyio.run(send_and_close, server.url, backend=lane.backend)
        assert not adapter.connected
        gc.collect()
