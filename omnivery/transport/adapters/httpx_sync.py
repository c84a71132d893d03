"""httpx as an adapter, without an event loop: the calling thread waits. Any number of threads may share it."""

from __future__ import annotations

import math
import ssl
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import httpx
from attrs import define, field

from omnivery._fork import delay_fork, register_fork_reset
from omnivery.errors import ConfigError
from omnivery.transport.adapters.deadline import Deadline, keep_deadline
from omnivery.transport.adapters.httpx_common import (
    SendTrace,
    SyncSendTrace,
    Translation,
    already_read,
    always,
    check_open,
    fields_of,
    has_unread_bytes,
    is_secure,
    to_httpx,
    usable_proxy,
)
from omnivery.transport.adapters.httpx_errors import keeps_meaning
from omnivery.transport.adapters.response_body import ResponseBody
from omnivery.transport.adapters.tls import tls
from omnivery.transport.config import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from omnivery.transport.http import Request, Response


@define(eq=False)
class _Connection:
    transport: httpx.HTTPTransport
    deadline: Deadline
    used_at: float = 0.0


@define(kw_only=True, eq=False)
class SyncHttpxAdapter:
    """Sends requests over its own httpx connections, which are opened as needed; each serves one thread at a time.

    Its coroutines never suspend. The arguments are those of `HttpxAdapter`.

    Raises:
        ConfigError: the proxy's URL is invalid, or support for its scheme is not installed.
    """

    limits: Limits = field(factory=Limits)
    proxy: str | None = field(default=None, repr=False, validator=usable_proxy)
    verify: ssl.SSLContext | bool = True
    _plain: deque[_Connection] = field(init=False, factory=deque[_Connection], repr=False)
    _secure: deque[_Connection] = field(init=False, factory=deque[_Connection], repr=False)
    _closed: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """Close this process's copies of the idle connections. The parent's stay open."""
        _close_all(self._plain)
        _close_all(self._secure)

    async def send(self, request: Request) -> Response:
        """Send one request and return its complete response, whatever its status.

        Raises:
            NotSentError: the request did not leave.
            AmbiguousError: the request was sent, and the response was lost or was not complete in time.
            ConfigError: the adapter is closed.
        """
        if self._closed:
            raise ConfigError("this client is closed: create a new one, or keep `with` open around its use")
        secure = is_secure(request.url)
        idle = self._secure if secure else self._plain
        connection = _take(idle) or self._open(secure=secure)
        connection.deadline.expires_at = request.expires_at
        try:
            response = _exchange(connection.transport.handle_request, request, self.limits.max_response_bytes)
        except BaseException:
            # Ctrl-C may have come anywhere, so there may be unread bytes of the response.
            connection.transport.close()
            raise
        self._keep(connection, idle)
        return response

    async def aclose(self) -> None:
        """Close every idle connection. Those in use are closed when their request ends."""
        self._closed = True
        _close_all(self._plain)
        _close_all(self._secure)

    def _open(self, *, secure: bool) -> _Connection:
        with delay_fork():  # the first transport imports httpcore
            transport = httpx.HTTPTransport(
                verify=tls(secure=secure, proxy=self.proxy, verify=self.verify),
                trust_env=False,
                proxy=self.proxy,
                limits=httpx.Limits(max_connections=1, keepalive_expiry=self.limits.keepalive),
            )
        connection = _Connection(transport, Deadline())
        keep_deadline(transport, connection.deadline)
        return connection

    def _keep(self, connection: _Connection, idle: deque[_Connection]) -> None:
        """Keep a connection for the next request, and close those that have been idle for too long."""
        # Unread bytes would be taken for the next response (RFC 9112, section 6.3).
        if self.limits.keepalive == 0 or has_unread_bytes(connection.transport):
            connection.transport.close()
            return
        connection.used_at = time.monotonic()
        idle.append(connection)
        if len(idle) > 1 or self._closed:
            self._close_surplus(idle)

    def _close_surplus(self, idle: deque[_Connection]) -> None:
        """Close connections that have been idle for too long: the ones used last are always used first."""
        if self._closed:
            _close_all(idle)
            return
        oldest = time.monotonic() - self.limits.keepalive
        while len(idle) > 1 and idle[0].used_at < oldest:
            try:
                first = idle.popleft()
            except IndexError:  # another thread took it
                return
            first.transport.close()


@define(kw_only=True, eq=False)
class SyncClientAdapter:
    """Sends requests over the caller's `httpx.Client`, which is used as it is and never closed."""

    client: httpx.Client
    limits: Limits = field(factory=Limits)

    async def send(self, request: Request) -> Response:
        """Send one request and return its complete response, whatever its status.

        Raises:
            NotSentError: the request did not leave, as the trace of the client's transport proves.
            AmbiguousError: the request was sent, or may have been sent, and the response was lost.
            ConfigError: the client is closed.
        """
        check_open(self.client)
        # The client's own auth must not replace our credentials, nor a redirect carry them elsewhere.
        send = partial(self.client.send, auth=None, follow_redirects=False, stream=True)
        return _exchange(send, request, self.limits.max_response_bytes, client=self.client)

    async def aclose(self) -> None:
        """Do nothing: the caller closes the client."""


def sync_client_adapter(client: httpx.AsyncClient | httpx.Client, limits: Limits) -> SyncClientAdapter:
    """Return an adapter over the caller's client.

    Raises:
        ConfigError: it is not a synchronous client of httpx.
    """
    if not isinstance(client, httpx.Client):
        raise ConfigError(f"http_client: a synchronous client takes an httpx.Client, not {type(client).__name__}")
    return SyncClientAdapter(client=client, limits=limits)


def _take(idle: deque[_Connection]) -> _Connection | None:
    try:
        return idle.pop()
    except IndexError:  # none is idle, or another thread took it
        return None


def _close_all(idle: deque[_Connection]) -> None:
    while connection := _take(idle):
        connection.transport.close()


def _exchange(
    send: Callable[[httpx.Request], httpx.Response],
    request: Request,
    limit: int,
    *,
    client: httpx.Client | None = None,
) -> Response:
    """Send a request over the caller's client, or over a connection of ours if there is none."""
    built = to_httpx(request)
    trace = _trace(request, built, client)
    built.extensions["trace"] = trace.note
    with Translation(trace, always if client is None else partial(keeps_meaning, client, built.url)):
        response = send(built)
        # A transport hands on a stream. The methods of the response around it keep count and time, which only somebody
        # who has a client may ask for, and which takes longer than reading.
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101  # for type checkers
        try:
            if response.is_stream_consumed:
                return already_read(response, limit)
            return _read(response, stream if client is None else response.iter_raw(), request, limit)
        finally:
            (stream if client is None else response).close()


def _trace(request: Request, built: httpx.Request, client: httpx.Client | None) -> SendTrace:
    if request.expires_at < math.inf:
        timeouts = built.extensions["timeout"]
        return SyncSendTrace(request.progress, expires_at=request.expires_at, timeouts=timeouts)
    return SendTrace(request.progress, ends_in=built.extensions if client is None else None)


def _read(response: httpx.Response, pieces: Iterable[bytes], request: Request, limit: int) -> Response:
    body = ResponseBody(fields_of(response), limit)
    try:
        for data in pieces:
            if not body.feed(data):
                break
            if time.monotonic() >= request.expires_at:
                # The read timeout of a caller's client starts anew with each piece.
                raise httpx.ReadTimeout("the deadline has passed")
    except httpx.HTTPError:
        if not body.is_enough(response.status_code) or time.monotonic() >= request.expires_at:
            raise
    return body.response(response.status_code)
