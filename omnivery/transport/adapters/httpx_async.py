"""httpx as an adapter, on an event loop.

Requests go straight to httpx's transports, which costs 0.7 of a call through `httpx.AsyncClient`: no cookies, no
redirects, no settings from the environment. Each connection is a pool of its own, because httpcore's pool checks every
idle connection at every request: with 8 connections in one pool that takes a third of the request's time, and with 64
the throughput falls to a tenth. On asyncio, the connections use streams of ours.
"""

from __future__ import annotations

import math
import ssl
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import httpx
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import EventLoopToken, current_token
from attrs import define, field

from omnivery._fork import delay_fork, register_fork_reset
from omnivery.errors import ConfigError
from omnivery.transport.adapters.failures import client_closed, in_another_loop
from omnivery.transport.adapters.httpx_common import (
    SendTrace,
    Translation,
    already_read,
    check_open,
    fields_of,
    has_unread_bytes,
    is_secure,
    to_httpx,
    usable_proxy,
)
from omnivery.transport.adapters.httpx_errors import keeps_meaning
from omnivery.transport.adapters.httpx_sync import SyncClientAdapter
from omnivery.transport.adapters.response_body import ResponseBody
from omnivery.transport.adapters.streams import use_streams
from omnivery.transport.adapters.tls import tls
from omnivery.transport.config import Limits
from omnivery.transport.runtime import drive

if TYPE_CHECKING:
    from omnivery.transport.http import Adapter, Request, Response


@define(eq=False)
class _Connection:
    transport: httpx.AsyncHTTPTransport
    secure: bool
    busy: bool = False
    used_at: float = 0.0


@define(kw_only=True, eq=False)
class HttpxAdapter:
    """Sends requests over its own httpx connections, which are opened as they are needed.

    Args:
        limits: how long idle connections are kept, and how large a response may be.
        proxy: URL of an HTTP or SOCKS proxy. The environment's proxy variables are not read.
        verify: True for the authorities of certifi, or of SSL_CERT_FILE and SSL_CERT_DIR if these are set; or an
            `ssl.SSLContext`. False turns verification off, which is only for tests on your own machine.

    Raises:
        ConfigError: the proxy's URL is invalid, or support for its scheme is not installed.
    """

    limits: Limits = field(factory=Limits)
    proxy: str | None = field(default=None, repr=False, validator=usable_proxy)
    verify: ssl.SSLContext | bool = True
    _connections: list[_Connection] = field(init=False, factory=list[_Connection], repr=False)
    _surplus: list[_Connection] = field(init=False, factory=list[_Connection], repr=False)
    """Connections to close."""
    _loop: EventLoopToken | None = field(init=False, default=None, repr=False)
    _closed: bool = field(init=False, default=False)
    _inherited: list[_Connection] = field(init=False, factory=list[_Connection], repr=False)

    def __attrs_post_init__(self) -> None:
        register_fork_reset(self)

    @property
    def connected(self) -> bool:
        """Whether there are open connections."""
        return bool(self._connections or self._surplus)

    def reset_after_fork(self) -> None:
        """Leave the connections and the event loop to the parent process."""
        # Dropping the last reference would close them through the child's event loop, which is not theirs.
        self._inherited += self._connections + self._surplus
        self._connections, self._surplus, self._loop = [], [], None

    async def send(self, request: Request) -> Response:
        """Send one request and return its complete response, whatever its status.

        Raises:
            NotSentError: the request did not leave.
            AmbiguousError: the request was sent, and the response was lost.
            ConfigError: the adapter is closed, or belongs to another event loop.
        """
        self._check_usable()
        connection = self._free_connection(request.url)
        connection.busy = True
        try:
            response = await _exchange(connection.transport, request, self.limits.max_response_bytes)
        except BaseException as error:
            # Cancelled while it puts its connection back, or if TLS fails in a tunnel, httpcore keeps the connection as
            # busy, and the next request would wait for it for good.
            self._discard(connection)
            if isinstance(error, Exception):
                await self._close_surplus()
            raise
        self._release(connection)
        await self._close_surplus()
        return response

    async def aclose(self) -> None:
        """Close every connection. One whose event loop has ended cannot be closed any more, and is let go."""
        self._closed = True
        self._surplus += self._connections
        self._connections.clear()
        if self._surplus and _is_current(self._loop):
            await self._close_surplus()
        while self._surplus:
            with suppress(RuntimeError):
                await self._surplus.pop().transport.aclose()

    def _check_usable(self) -> None:
        if self._closed:
            raise client_closed()
        loop = current_token()
        if self._loop is None or not self.connected:
            self._loop = loop
        elif self._loop != loop:
            raise in_another_loop()

    def _free_connection(self, url: str) -> _Connection:
        secure = is_secure(url)
        for connection in self._connections:
            if connection.secure == secure and not connection.busy:
                return connection
        with delay_fork():  # the first transport imports httpcore
            transport = httpx.AsyncHTTPTransport(
                verify=tls(secure=secure, proxy=self.proxy, verify=self.verify),
                trust_env=False,
                proxy=self.proxy,
                limits=httpx.Limits(max_connections=1, keepalive_expiry=self.limits.keepalive),
            )
        use_streams(transport)
        self._connections.append(_Connection(transport, secure))
        return self._connections[-1]

    def _release(self, connection: _Connection) -> None:
        """Take a connection back after a request."""
        connection.busy = False
        connection.used_at = time.monotonic()
        # Unread bytes would be taken for the next response (RFC 9112, section 6.3).
        is_done = self.limits.keepalive == 0 or has_unread_bytes(connection.transport)
        if is_done and connection in self._connections:
            self._connections.remove(connection)
            self._surplus.append(connection)
        last = self._connections[-1] if self._connections else None
        if last and not last.busy and last.used_at + self.limits.keepalive < time.monotonic():
            # It has been idle for too long: the first connections are always used first.
            self._surplus.append(self._connections.pop())

    def _discard(self, connection: _Connection) -> None:
        """Use a connection no more."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._surplus.append(connection)

    async def _close_surplus(self) -> None:
        while self._surplus:
            await self._surplus.pop().transport.aclose()


def _is_current(loop: EventLoopToken | None) -> bool:
    try:
        return current_token() == loop
    except RuntimeError:  # there is none, as when a synchronous client is closed
        return False


async def _exchange(transport: httpx.AsyncHTTPTransport, request: Request, limit: int) -> Response:
    built = to_httpx(request)
    has_deadline = request.expires_at < math.inf
    trace = SendTrace(request.progress, ends_in=None if has_deadline else built.extensions)
    built.extensions["trace"] = trace.note_async
    with Translation(trace):
        response = await transport.handle_async_request(built)
        try:
            return await _read(response, limit)
        finally:
            await response.aclose()


async def _read(response: httpx.Response, limit: int) -> Response:
    if response.is_stream_consumed:
        return already_read(response, limit)
    body = ResponseBody(fields_of(response), limit)
    try:
        async for data in response.aiter_raw():
            if not body.feed(data):
                # To break would leave asynchronous generators unfinished: the closed connection ends them.
                await response.aclose()
    except httpx.HTTPError:
        if not body.is_enough(response.status_code):
            raise
    return body.response(response.status_code)


@define(kw_only=True, eq=False)
class ClientAdapter:
    """Sends requests over the caller's `httpx.AsyncClient`, which is used as it is and never closed."""

    client: httpx.AsyncClient
    limits: Limits = field(factory=Limits)

    async def send(self, request: Request) -> Response:
        """Send one request and return its complete response, whatever its status.

        Raises:
            NotSentError: the request did not leave, as the trace of the client's transport proves.
            AmbiguousError: the request was sent, or may have been sent, and the response was lost.
            ConfigError: the client is closed.
        """
        check_open(self.client)
        built, trace = to_httpx(request), SendTrace(request.progress)
        built.extensions["trace"] = trace.note_async
        with Translation(trace, partial(keeps_meaning, self.client, built.url)):
            # The client's own auth must not replace our credentials, nor a redirect carry them elsewhere.
            response = await self.client.send(built, auth=None, follow_redirects=False, stream=True)
            try:
                return await _read(response, self.limits.max_response_bytes)
            finally:
                await response.aclose()

    async def aclose(self) -> None:
        """Do nothing: the caller closes the client."""


@define(kw_only=True, eq=False)
class ThreadsAdapter:
    """Sends requests over the caller's `httpx.Client` from an event loop, each in a worker thread.

    It serves the bulk work of synchronous clients, which runs on an event loop.
    """

    inner: SyncClientAdapter
    _limiter: CapacityLimiter = field(init=False, factory=lambda: CapacityLimiter(math.inf))

    async def send(self, request: Request) -> Response:
        """Send one request. If cancelled, it goes on in its thread, and its response is dropped."""

        def work() -> Response:
            return drive(self.inner.send(request))

        return await to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._limiter)

    async def aclose(self) -> None:
        """Do nothing: the caller closes the client."""


def client_adapter(client: httpx.AsyncClient | httpx.Client, limits: Limits) -> Adapter:
    """Return an adapter over the caller's client; a synchronous client is used in worker threads.

    Raises:
        ConfigError: it is not a client of httpx.
    """
    if isinstance(client, httpx.AsyncClient):
        return ClientAdapter(client=client, limits=limits)
    if isinstance(client, httpx.Client):
        return ThreadsAdapter(inner=SyncClientAdapter(client=client, limits=limits))
    raise ConfigError(f"http_client: expected a client of httpx, not {type(client).__name__}")
