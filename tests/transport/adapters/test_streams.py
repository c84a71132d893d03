"""httpcore's streams on asyncio, beside what the contract of the adapters says of them."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import httpx
import pytest

from omnivery.transport.adapters import streams
from omnivery.transport.adapters.failures import is_unreachable
from omnivery.transport.adapters.streams import HIGH_WATER, Stream, StreamBackend, use_streams
from omnivery.transport.adapters.tls import untrusting_context

pytestmark = pytest.mark.asyncio
INNER: Any = httpcore.AnyIOBackend()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Any, socket.socket]]:
    """A stream, and the server's end of its connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        backend = StreamBackend(INNER)
        stream = await backend.connect_tcp("127.0.0.1", listener.getsockname()[1], timeout=30.0)
        with listener.accept()[0] as server:
            server.setblocking(False)
            yield stream, server
            await stream.aclose()
            await asyncio.sleep(0)


async def test_what_is_sent_is_read_in_pieces_no_larger_than_asked_for() -> None:
    async with connected() as (stream, server):
        assert isinstance(stream, Stream)
        server.send(b"abcdef")
        assert [await stream.read(4, timeout=30.0), await stream.read(4, timeout=None)] == [b"abcd", b"ef"]
        await stream.write(b"")
        await stream.write(b"ghi", timeout=30.0)
        assert server.recv(9) == b"ghi"
        assert stream.get_extra_info("server_addr") == server.getsockname()
        assert stream.get_extra_info("client_addr") == server.getpeername()
        assert stream.get_extra_info("ssl_object") is stream.get_extra_info("anything") is None


class OtherTransport:
    """Has every method of a transport, and is of another class, as uvloop's transports are."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


async def test_an_event_loop_may_have_transports_of_its_own_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop's do not inherit from asyncio's, and servers such as uvicorn run on uvloop where it is installed."""
    made = streams._StreamProtocol.connection_made

    def connection_made(protocol: Any, transport: asyncio.BaseTransport) -> None:
        other: Any = OtherTransport(transport)
        made(protocol, other)

    monkeypatch.setattr(streams._StreamProtocol, "connection_made", connection_made)
    async with connected() as (stream, server):
        server.send(b"abc")
        assert await stream.read(9, timeout=30.0) == b"abc"
        await stream.write(b"def", timeout=30.0)
        assert server.recv(9) == b"def"


async def test_a_server_that_sends_more_than_is_read_has_to_wait() -> None:
    async with connected() as (stream, server):
        sent, data = 0, b"x" * 100_000
        while sent < 200 * len(data):
            try:
                sent += server.send(data)
            except BlockingIOError:
                await asyncio.sleep(0.001)
                if stream._protocol.full:
                    break
        assert HIGH_WATER < len(stream._protocol.received) < 4 * HIGH_WATER
        read = 0
        while read < sent:
            read += len(await stream.read(1_000_000, timeout=30.0))
        assert read == sent


async def test_each_wait_has_its_timeout() -> None:
    async with connected() as (stream, _server):
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(1, timeout=0.01)
        with pytest.raises(httpcore.WriteTimeout):
            await stream.write(b"x" * 20_000_000, timeout=0.01)


async def test_the_end_of_a_connection_is_told_from_its_break() -> None:
    async with connected() as (stream, server):
        assert not stream.get_extra_info("is_readable")
        server.send(b"last")
        server.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(30):
            while not stream.get_extra_info("is_readable"):  # noqa: ASYNC110  # the stream has no event
                await asyncio.sleep(0.001)
        assert [await stream.read(9), await stream.read(9)] == [b"last", b""]
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"more")


async def test_a_break_wakes_readers_and_writers() -> None:
    async with connected() as (stream, server):
        reading = asyncio.ensure_future(stream.read(1, timeout=30.0))
        writing = asyncio.ensure_future(stream.write(b"x" * 20_000_000, timeout=30.0))
        await asyncio.sleep(0.01)
        server.close()  # with bytes unread: a reset
        with pytest.raises(httpcore.ReadError):
            await reading
        with pytest.raises(httpcore.WriteError):
            await writing


def found(*addresses: str) -> Any:
    """A lookup of names that finds these addresses."""

    async def getaddrinfo(*_arguments: object, **_options: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 9)) for address in addresses]

    return getaddrinfo


async def test_the_next_address_is_tried_while_one_does_not_respond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HAPPY_EYEBALLS_DELAY", 0.01)
    create = asyncio.get_running_loop().create_connection

    async def connect(factory: Any, address: str, port: int) -> Any:
        if address == "192.0.2.1":
            await asyncio.sleep(60)
        return await create(factory, address, port)

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        protocol = await streams._connect(["192.0.2.1", "127.0.0.1"], listener.getsockname()[1])
        protocol.transport.abort()
        await asyncio.sleep(0)


async def test_what_each_address_said_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nothing would tell a refused connection from an unknown host."""
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found("127.0.0.1", "127.0.0.2"))
    with pytest.raises(httpcore.ConnectError) as caught:
        await StreamBackend(INNER).connect_tcp("twice.example", 9, timeout=30.0)
    assert is_unreachable(caught.value)
    assert isinstance(caught.value.__cause__, ExceptionGroup)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "127.0.0.2", "127.0.0.3"]])
async def test_connecting_can_be_cancelled_at_every_point(addresses: list[str]) -> None:
    """A socket that nobody closes is a warning here."""
    with socket.create_server(("0.0.0.0", 0), backlog=100) as listener:
        for turns in range(10):
            task = asyncio.ensure_future(streams._connect(addresses, listener.getsockname()[1]))
            for _ in range(turns):
                await asyncio.sleep(0)
            if task.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                task.result().transport.abort()
        await asyncio.sleep(0.01)
        gc.collect()


async def test_a_transport_that_is_built_otherwise_keeps_its_own_streams() -> None:
    """Another version of httpx may be: slower is better than broken."""
    async with httpx.AsyncHTTPTransport(verify=untrusting_context()) as transport:
        use_streams(transport)
        assert isinstance(transport._pool._network_backend, StreamBackend)
        del transport._pool._network_backend
        use_streams(transport)
        assert not hasattr(transport._pool, "_network_backend")
    use_streams(httpx.ASGITransport(app=None))  # type: ignore[arg-type]  # it has no pool
