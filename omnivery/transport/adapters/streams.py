"""Network streams of httpcore directly on asyncio, which take a quarter of a request's CPU less than those over anyio.

httpcore's own streams enter a cancel scope, and wake the event loop, for every read and write.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import httpcore
from attrs import define, field

from omnivery.transport.adapters.sockets import has_input, ip_addresses

if TYPE_CHECKING:
    import httpx

HIGH_WATER = 262_144
"""Received bytes above which the server has to wait until some are read."""
HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds before the next of a host's IP addresses is tried, too (RFC 8305, section 8)."""


def use_streams(transport: httpx.AsyncHTTPTransport) -> None:
    """Make the connections of a transport use these streams on asyncio.

    httpx has no argument for httpcore's network backend, which is public there. If its attributes change, connections
    use httpcore's own streams.
    """
    pool: Any = getattr(transport, "_pool", None)
    if isinstance(inner := getattr(pool, "_network_backend", None), httpcore.AsyncNetworkBackend):
        pool._network_backend = StreamBackend(inner)


@define(eq=False)
class StreamBackend(httpcore.AsyncNetworkBackend):
    """A network backend that connects on asyncio, and leaves other event loops to httpcore's own."""

    inner: httpcore.AsyncNetworkBackend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of the host's IP addresses that accepts."""
        if not _on_asyncio() or local_address or socket_options:
            return await self.inner.connect_tcp(host, port, timeout, local_address, socket_options)
        try:
            async with asyncio.timeout(timeout):
                return Stream(await _connect(await ip_addresses(host, port), port))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except (OSError, ExceptionGroup) as error:
            raise httpcore.ConnectError from error

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  # the signature is httpcore's
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a socket of this machine."""
        return await self.inner.connect_unix_socket(path, timeout, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self.inner.sleep(seconds)


@define(eq=False)
class Stream(httpcore.AsyncNetworkStream):
    """A connection on asyncio."""

    _protocol: _StreamProtocol

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return the next bytes; none at the end of the connection."""
        protocol = self._protocol
        if not protocol.received and not protocol.ended:
            protocol.reader = asyncio.get_running_loop().create_future()
            await _within(protocol.reader, timeout, httpcore.ReadTimeout)
        if protocol.error is not None and not protocol.received:
            raise _broken(httpcore.ReadError, protocol)
        return protocol.take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Write bytes, and wait until the system has taken most of them."""
        protocol = self._protocol
        if not buffer:
            return
        if protocol.transport.is_closing():
            raise _broken(httpcore.WriteError, protocol)
        protocol.transport.write(buffer)
        if protocol.paused:
            protocol.writer = asyncio.get_running_loop().create_future()
            await _within(protocol.writer, timeout, httpcore.WriteTimeout)
        if protocol.error is not None:
            raise _broken(httpcore.WriteError, protocol)

    async def aclose(self) -> None:
        """Close the connection at once."""
        self._protocol.transport.abort()
        # The event loop closes the socket in its next step, and a caller may keep it from taking one.
        await asyncio.sleep(0)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # the signature is httpcore's
    ) -> httpcore.AsyncNetworkStream:
        """Start TLS on the connection. It is closed if that fails or is cancelled."""
        protocol, plain = self._protocol, self._protocol.transport
        secure: asyncio.Transport | None = None
        try:
            async with asyncio.timeout(timeout):
                secure = await asyncio.get_running_loop().start_tls(
                    plain, protocol, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:  # those of TLS among them
            raise httpcore.ConnectError from error
        finally:
            if secure is None:
                plain.abort()
        if secure is None:
            raise httpcore.ConnectError from protocol.error
        protocol.transport = secure
        return self

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks for."""
        transport = self._protocol.transport
        match info:
            case "is_readable":
                return bool(self._protocol.received) or self._protocol.ended or has_input(transport)
            case "client_addr":
                return transport.get_extra_info("sockname")
            case "server_addr":
                return transport.get_extra_info("peername")
            case "ssl_object" | "socket":
                return transport.get_extra_info(info)
        return None


@define(eq=False)
class _StreamProtocol(asyncio.Protocol):
    transport: asyncio.Transport = field(init=False)
    received: bytearray = field(init=False, factory=bytearray)
    ended: bool = field(init=False, default=False)
    error: Exception | None = field(init=False, default=None)
    """Why the connection broke."""
    full: bool = field(init=False, default=False)
    """Whether the server has to wait until something is read."""
    paused: bool = field(init=False, default=False)
    """Whether the system takes no more for the moment."""
    reader: asyncio.Future[bool] | None = field(init=False, default=None)
    writer: asyncio.Future[bool] | None = field(init=False, default=None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not checked: uvloop's transports have all methods of `asyncio.Transport`, and do not inherit from it.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        _wake(self.reader)
        if len(self.received) > HIGH_WATER and not self.full:
            self.full = True
            self.transport.pause_reading()

    def take(self, count: int) -> bytes:
        """Return received bytes, at most `count`."""
        taken = bytes(self.received[:count])
        del self.received[:count]
        if self.full and len(self.received) <= HIGH_WATER:
            self.full = False
            self.transport.resume_reading()
        return taken

    def eof_received(self) -> None:
        self.ended = True
        _wake(self.reader)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended, self.error, self.paused = True, exc, False
        _wake(self.reader)
        _wake(self.writer)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        _wake(self.writer)


def _broken(error: type[Exception], protocol: _StreamProtocol) -> Exception:
    broken = error()
    broken.__context__ = protocol.error  # httpcore's pool drops the cause of an exception
    return broken


def _wake(waiter: asyncio.Future[bool] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(True)


async def _within(waiter: asyncio.Future[bool], timeout: float | None, error: type[Exception]) -> None:  # noqa: ASYNC109
    """Wait until a future is done.

    Raises:
        Exception: `error`, if that takes longer than the timeout.
    """
    if timeout is None:
        await waiter
        return
    handle = waiter.get_loop().call_later(timeout, _expire, waiter)
    try:
        if not await waiter:
            raise error
    finally:
        handle.cancel()


def _expire(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)


def _on_asyncio() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


async def _connect(addresses: list[str], port: int) -> _StreamProtocol:
    """Connect to the first of some IP addresses that accepts.

    asyncio's own way to try them in turns leaves sockets open if it is cancelled.

    Raises:
        OSError: the only address did not accept.
        ExceptionGroup: none did.
    """
    loop = asyncio.get_running_loop()
    if len(addresses) == 1:
        return (await loop.create_connection(_StreamProtocol, addresses[0], port))[1]
    errors: list[BaseException] = []
    open_tasks: set[asyncio.Task[tuple[asyncio.Transport, _StreamProtocol]]] = set()
    waiting = iter(addresses)
    try:
        while True:
            if (address := next(waiting, None)) is not None:
                open_tasks.add(loop.create_task(loop.create_connection(_StreamProtocol, address, port)))
            elif not open_tasks:
                raise BaseExceptionGroup("no IP address of the host accepts connections", errors)
            delay = None if address is None else HAPPY_EYEBALLS_DELAY
            done, _ = await asyncio.wait(open_tasks, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                open_tasks.remove(task)
                if (error := task.exception()) is None:
                    return task.result()[1]
                errors.append(error)
    finally:
        for task in open_tasks:
            task.add_done_callback(_drop)
            task.cancel()


def _drop(task: asyncio.Task[tuple[asyncio.Transport, _StreamProtocol]]) -> None:
    """Close the connection that a task has made although nobody needs it any more."""
    if not task.cancelled() and task.exception() is None:
        task.result()[0].abort()
