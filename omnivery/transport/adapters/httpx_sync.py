"""httpx as an adapter, without an event loop: the calling thread waits. Any number of threads may share it."""

from __future__ import annotations

import math
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import httpx
from attrs import define, field

from omnivery._fork import delay_fork, register_fork_reset
from omnivery.errors import AmbiguousError, ConfigError
from omnivery.transport.adapters.httpx_common import (
    FAILURES,
    is_secure,
    tls,
    to_httpx,
    translate,
    usable_proxy,
)
from omnivery.transport.config import Limits
from omnivery.transport.http import Headers, Response

if TYPE_CHECKING:
    from omnivery.transport.http import Request


@define(eq=False)
class _Connection:
    transport: httpx.HTTPTransport
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
            NotSentError: no connection could be opened.
            AmbiguousError: the request was sent, and the response was lost or was not complete in time.
            ConfigError: the adapter is closed.
        """
        if self._closed:
            raise ConfigError("this client is closed: create a new one, or keep `with` open around its use")
        secure = is_secure(request.url)
        idle = self._secure if secure else self._plain
        connection = _take(idle) or self._open(secure=secure)
        try:
            response = _exchange(connection.transport, request)
        except BaseException:
            # Ctrl-C may have come anywhere, so there may be unread bytes of the response.
            connection.transport.close()
            raise
        connection.used_at = time.monotonic()
        idle.append(connection)
        self._close_surplus(idle)
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
        return _Connection(transport)

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

    async def send(self, request: Request) -> Response:
        """Send one request and return its complete response, whatever its status.

        Raises:
            NotSentError: no connection could be opened.
            AmbiguousError: the request was sent, and the response was lost.
            ConfigError: the client is closed.
        """
        if self.client.is_closed:
            raise ConfigError("http_client is closed: keep it open for as long as this client uses it")
        try:
            # The client's own auth must not replace our credentials, nor a redirect carry them elsewhere.
            response = self.client.send(to_httpx(request), auth=None, follow_redirects=False)
        except FAILURES as error:
            raise translate(error) from error
        return Response(
            status=response.status_code, headers=Headers(response.headers.multi_items()), content=response.content
        )

    async def aclose(self) -> None:
        """Do nothing: the caller closes the client."""


def sync_client_adapter(client: httpx.AsyncClient | httpx.Client) -> SyncClientAdapter:
    """Return an adapter over the caller's client.

    Raises:
        ConfigError: it is not a synchronous client of httpx.
    """
    if not isinstance(client, httpx.Client):
        raise ConfigError(f"http_client: a synchronous client takes an httpx.Client, not {type(client).__name__}")
    return SyncClientAdapter(client=client)


def _take(idle: deque[_Connection]) -> _Connection | None:
    try:
        return idle.pop()
    except IndexError:  # none is idle, or another thread took it
        return None


def _close_all(idle: deque[_Connection]) -> None:
    while connection := _take(idle):
        connection.transport.close()


def _exchange(transport: httpx.HTTPTransport, request: Request) -> Response:
    built = to_httpx(request)
    if request.expires_at < math.inf:
        built.extensions["trace"] = _DeadlineTrace(expires_at=request.expires_at, timeouts=built.extensions["timeout"])
    try:
        response = transport.handle_request(built)
        try:
            content = _read(response, request.expires_at)
        finally:
            response.close()
    except FAILURES as error:
        raise translate(error) from error
    return Response(status=response.status_code, headers=Headers(response.headers.multi_items()), content=content)


@define(kw_only=True, eq=False)
class _DeadlineTrace:
    """A trace of httpcore that shortens the timeouts to what is left of the deadline, before each step.

    Otherwise connecting, writing and waiting could each take as long as the deadline.
    """

    expires_at: float
    timeouts: dict[str, float]

    def __call__(self, event: str, _info: dict[str, Any]) -> None:
        if event.endswith(".started"):
            left = max(self.expires_at - time.monotonic(), 0.001)
            for step, limit in self.timeouts.items():
                self.timeouts[step] = min(limit, left)


def _read(response: httpx.Response, expires_at: float) -> bytes:
    if expires_at == math.inf:
        return response.read()
    pieces = []
    for piece in response.iter_bytes():
        pieces.append(piece)
        # The read timeout starts anew with each piece, so a slow response could otherwise outlast any deadline.
        if time.monotonic() >= expires_at:
            raise AmbiguousError("the response was not complete in time")
    return b"".join(pieces)
