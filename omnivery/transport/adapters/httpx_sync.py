"""httpx as an adapter, without an event loop: the calling thread waits. Shared by any number of threads."""

from __future__ import annotations

import math
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import httpx
from attrs import define, field

from omnivery._fork import register_fork_reset
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
    """Carries requests over httpx connections, opened as they are needed; each serves one thread at a time.

    Its coroutines never suspend. Arguments are those of `HttpxAdapter`.

    Raises:
        ConfigError: the proxy's address is none, or of a kind whose support is not installed.
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
        """Close this process's copies of the idle connections. The parent's own stay open, and in use there."""
        _close_all(self._plain)
        _close_all(self._secure)

    async def send(self, request: Request) -> Response:
        """Carry one request, and return its whole answer whatever its status.

        Raises:
            NotSentError: no connection could be made.
            AmbiguousError: the request went out, and the answer was lost, or was not complete in time.
            ConfigError: the adapter is closed.
        """
        if self._closed:
            raise ConfigError("this client is closed: make a new one, or keep `with` open around its use")
        secure = is_secure(request.url)
        idle = self._secure if secure else self._plain
        connection = _taken(idle) or self._opened(secure=secure)
        try:
            answer = _exchange(connection.transport, request)
        except BaseException:
            # Ctrl-C may have come at any place: nobody knows what is left to be read.
            connection.transport.close()
            raise
        connection.used_at = time.monotonic()
        idle.append(connection)
        self._close_surplus(idle)
        return answer

    async def aclose(self) -> None:
        """Close every connection that is not in use; those that are close when they have done."""
        self._closed = True
        _close_all(self._plain)
        _close_all(self._secure)

    def _opened(self, *, secure: bool) -> _Connection:
        return _Connection(
            httpx.HTTPTransport(
                verify=tls(secure=secure, proxy=self.proxy, verify=self.verify),
                trust_env=False,
                proxy=self.proxy,
                limits=httpx.Limits(max_connections=1, keepalive_expiry=self.limits.keepalive),
            )
        )

    def _close_surplus(self, idle: deque[_Connection]) -> None:
        """Close what has been idle for too long: the last ones used are always taken first."""
        if self._closed:
            _close_all(idle)
            return
        oldest = time.monotonic() - self.limits.keepalive
        while len(idle) > 1 and idle[0].used_at < oldest:
            try:
                first = idle.popleft()
            except IndexError:  # another thread was quicker
                return
            first.transport.close()


@define(kw_only=True, eq=False)
class SyncClientAdapter:
    """Carries requests over a caller's own `httpx.Client`, which is used as it is and never closed."""

    client: httpx.Client

    async def send(self, request: Request) -> Response:
        """Carry one request, and return its whole answer whatever its status.

        Raises:
            NotSentError: no connection could be made.
            AmbiguousError: the request went out, and the answer was lost.
            ConfigError: the client is closed.
        """
        if self.client.is_closed:
            raise ConfigError("http_client is closed: keep it open for as long as this client uses it")
        try:
            # Neither may the client's own auth replace our credentials, nor a redirect carry them elsewhere.
            response = self.client.send(to_httpx(request), auth=None, follow_redirects=False)
        except FAILURES as error:
            raise translate(error) from error
        return Response(
            status=response.status_code, headers=Headers(response.headers.multi_items()), content=response.content
        )

    async def aclose(self) -> None:
        """Do nothing: the client is the caller's to close."""


def sync_adapter_of(client: httpx.AsyncClient | httpx.Client) -> SyncClientAdapter:
    """An adapter over a caller's own client.

    Raises:
        ConfigError: it is not synchronous.
    """
    if not isinstance(client, httpx.Client):
        raise ConfigError(f"http_client: a synchronous client takes an httpx.Client, not {type(client).__name__}")
    return SyncClientAdapter(client=client)


def _taken(idle: deque[_Connection]) -> _Connection | None:
    try:
        return idle.pop()
    except IndexError:  # none is idle, or another thread was quicker
        return None


def _close_all(idle: deque[_Connection]) -> None:
    while connection := _taken(idle):
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
    """Told by httpcore before each step of an exchange: gives it no more time than is left by then.

    Time-outs start anew with each step, so that connecting, writing and waiting could take as long one after the other.
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
        # A time-out starts anew with each piece: an answer that trickles in would otherwise outlast any deadline.
        if time.monotonic() >= expires_at:
            raise AmbiguousError("the answer was not complete in time")
    return b"".join(pieces)
