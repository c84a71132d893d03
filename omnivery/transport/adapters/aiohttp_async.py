"""aiohttp as an adapter, on asyncio: the fast lane.

aiohttp's connector opens the connections, which the adapter keeps: the one used last is used first.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import time
from base64 import b64encode
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from attrs import Attribute, define, field
from yarl import URL

from omnivery._fork import register_fork_reset
from omnivery.errors import ConfigError, OmniveryError, TransportError
from omnivery.transport.adapters.aiohttp_connection import Connection
from omnivery.transport.adapters.aiohttp_errors import translate
from omnivery.transport.adapters.aiohttp_protocol import ResponseProtocol
from omnivery.transport.adapters.aiohttp_request import invalid_url, request_head, split_url
from omnivery.transport.adapters.failures import client_closed, host_and_port, in_another_loop
from omnivery.transport.adapters.sockets import ip_addresses
from omnivery.transport.adapters.tls import default_context, unverified_context
from omnivery.transport.config import Limits, valid_url
from omnivery.transport.http import Phase

if TYPE_CHECKING:
    from omnivery.transport.http import Request, Response


def _usable_proxy(_instance: object, _attribute: Attribute[Any], proxy: str | None) -> None:
    if proxy is not None:
        _parsed_proxy(proxy)


@define(kw_only=True, eq=False)
class _Origin:
    """A server, and its idle connections."""

    connectable: aiohttp.ClientRequest = field(repr=False)
    """What aiohttp's connector connects to."""
    host: str
    """Value of the Host field."""
    peer: str
    """Host and port of the server, or of the proxy before it."""
    target: str = ""
    """Start of a request's target: a proxy is told the whole URL."""
    proxy_fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    idle: list[Connection] = field(init=False, factory=list[Connection], repr=False)


@define(kw_only=True, eq=False)
class AiohttpAdapter:
    """Sends requests over connections of aiohttp, which are opened as they are needed. HTTP/1.1, on asyncio only.

    Args:
        limits: how long idle connections are kept, and how large a response may be.
        proxy: URL of an HTTP proxy. The environment's proxy variables are not read.
        verify: True for the authorities of certifi, or of SSL_CERT_FILE and SSL_CERT_DIR if these are set; or an
            `ssl.SSLContext`. False turns verification off, which is only for tests on your own machine.

    Raises:
        ConfigError: the proxy's URL is invalid, or its scheme is not supported.
    """

    heeds_end: ClassVar[bool] = True
    """Whether it gives exchanges up by `Progress.ends_by`."""

    limits: Limits = field(factory=Limits)
    proxy: str | None = field(default=None, repr=False, validator=_usable_proxy)
    verify: ssl.SSLContext | bool = True
    _origins: dict[str, _Origin] = field(init=False, factory=dict[str, _Origin], repr=False)
    _connections: set[Connection] = field(init=False, factory=set[Connection], repr=False)
    """The open ones, idle or not."""
    _connector: aiohttp.TCPConnector | None = field(init=False, default=None, repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(init=False, default=None, repr=False)
    _closed: bool = field(init=False, default=False)
    _inherited: list[object] = field(init=False, factory=list[object], repr=False)

    def __attrs_post_init__(self) -> None:
        register_fork_reset(self)

    @property
    def connected(self) -> bool:
        """Whether there are open connections, or lookups of names, which only their event loop can end."""
        return bool(self._connections or getattr(self._connector, "_resolve_host_tasks", ()))

    def reset_after_fork(self) -> None:
        """Leave the connections and the event loop to the parent process."""
        if self._connector is not None:
            # Collected as garbage, these would be closed through the child's copy of the parent's event loop.
            self._connector._closed = True
            for connection in self._connections:
                connection.inner._protocol = None
            self._inherited += [self._connector, self._connections]
        self._connector, self._loop = None, None
        self._origins, self._connections = {}, set()

    async def send(self, request: Request) -> Response:
        """Send one request and return its complete response, whatever its status.

        Raises:
            NotSentError: the request did not leave.
            AmbiguousError: the request was sent, and the response was lost.
            ConfigError: the adapter is closed, belongs to another event loop, or runs on none of asyncio.
        """
        connector = self._usable_connector()
        request.progress.phase = Phase.CONNECTING
        base, target = split_url(request.url)
        origin = self._origins.get(base) or self._add_origin(base)
        head = request_head(request, origin.target + target, host=origin.host, proxy_fields=origin.proxy_fields)
        try:
            return await self._exchange(connector, origin, head, request)
        except (OmniveryError, AssertionError):
            raise
        except Exception as error:  # noqa: BLE001  # raised below, so that aiohttp's exception is not its context
            failure = self._translated(error, request, origin)
        raise failure

    async def aclose(self) -> None:
        """Close every connection. Requests in flight fail. One whose event loop has ended is let go."""
        self._closed = True
        if self._connector is None:
            return
        connector, self._connector = self._connector, None
        # Before anything is awaited: who is cancelled then must not leave them open.
        expected = [RuntimeError] if self._loop is not None and self._loop.is_closed() else []
        for connection in self._connections:
            with suppress(*expected):
                connection.close()
        self._connections.clear()
        self._origins.clear()
        with suppress(*expected):
            await connector.close()

    async def _exchange(
        self, connector: aiohttp.TCPConnector, origin: _Origin, head: bytes, request: Request
    ) -> Response:
        connection = self._idle_connection(origin)
        if connection is None:
            connection = await _open(connector, origin, request.timeouts.connect)
            self._connections.add(connection)
        try:
            return await connection.exchange(head, request, self.limits.max_response_bytes)
        finally:
            if self.limits.keepalive and connection.protocol.is_reusable and not self._closed:
                self._keep(connection, origin)
            else:
                self._close(connection)

    def _idle_connection(self, origin: _Origin) -> Connection | None:
        """Return the idle connection that was used last, if it can be used again."""
        while origin.idle:
            connection = origin.idle.pop()
            if connection.used_at + self.limits.keepalive >= time.monotonic() and connection.is_usable:
                return connection
            self._close(connection)
        return None

    def _keep(self, connection: Connection, origin: _Origin) -> None:
        """Keep a connection for the next request, and close the one that has been idle longest, if for too long."""
        connection.used_at = time.monotonic()
        origin.idle.append(connection)
        if origin.idle[0].used_at + self.limits.keepalive < connection.used_at:
            self._close(origin.idle.pop(0))

    def _close(self, connection: Connection) -> None:
        connection.close()
        self._connections.discard(connection)

    def _translated(self, error: Exception, request: Request, origin: _Origin) -> TransportError:
        failure = translate(error, sent=request.sent, peer=origin.peer)
        if self._closed:
            failure.args = ("the client was closed before the response was complete",)
        return failure

    def _usable_connector(self) -> aiohttp.TCPConnector:
        if self._closed:
            raise client_closed()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigError(
                "adapter='aiohttp' runs on asyncio only: leave it out on trio. Nothing was sent."
            ) from None
        if self._connector is None or not (self._loop is loop or self.connected):
            self._loop, self._connector = loop, _connector(loop)
            self._origins.clear()
        elif self._loop is not loop:
            raise in_another_loop()
        return self._connector

    def _add_origin(self, base: str) -> _Origin:
        try:
            url = URL(valid_url(base, argument="url"))
        except (ConfigError, ValueError):
            raise invalid_url() from None
        if url.user or url.password:
            raise invalid_url()
        self._origins[base] = origin = self._origin(url)
        return origin

    def _origin(self, url: URL) -> _Origin:
        proxy, fields = _parsed_proxy(self.proxy) if self.proxy else (None, {})
        secure = "https" in {url.scheme, proxy.scheme if proxy else None}
        connectable = aiohttp.ClientRequest(
            "GET",
            url,
            loop=self._loop,
            ssl=self._context() if secure else True,
            proxy=proxy,
            # aiohttp hashes these for each connection, and adds the host to them.
            proxy_headers={**fields, "Host": url.raw_host or ""} if proxy else None,
        )
        next_hop = proxy or url
        plain_over_proxy = proxy is not None and url.scheme == "http"
        return _Origin(
            connectable=connectable,
            host=connectable.headers["Host"],
            peer=host_and_port(next_hop.raw_host or "", next_hop.port),
            target=f"http://{connectable.headers['Host']}" if plain_over_proxy else "",
            proxy_fields=tuple(fields.items()) if plain_over_proxy else (),
        )

    def _context(self) -> ssl.SSLContext:
        context = self.verify
        if isinstance(context, bool):
            context = default_context() if context else unverified_context()
        # As httpx's connections do: a server that chose HTTP/2 would not understand us.
        context.set_alpn_protocols(["http/1.1"])
        return context


class _Resolver(AbstractResolver):
    """Looks names up as the other adapter does, whatever packages are installed."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in await ip_addresses(host, port)
        ]

    async def close(self) -> None:
        """Do nothing: it holds nothing."""


def _connector(loop: asyncio.AbstractEventLoop) -> aiohttp.TCPConnector:
    # No limit: the slots of the client are one.
    connector = aiohttp.TCPConnector(limit=0, resolver=_Resolver())
    connector._factory = partial(ResponseProtocol, loop)  # type: ignore[assignment]  # a subclass of what it makes
    return connector


async def _open(connector: aiohttp.TCPConnector, origin: _Origin, timeout: float) -> Connection:  # noqa: ASYNC109
    limit = aiohttp.ClientTimeout(connect=timeout, ceil_threshold=math.inf)
    inner = await connector.connect(origin.connectable, [], limit)
    protocol = inner.protocol
    if not isinstance(protocol, ResponseProtocol):
        inner.close()
        raise ConfigError(f"adapter='aiohttp' does not work with aiohttp {aiohttp.__version__}. Nothing was sent.")
    return Connection(inner, protocol)


def _parsed_proxy(proxy: str) -> tuple[URL, dict[str, str]]:
    """Return the URL of a proxy without user name and password, and the header field that carries these.

    Raises:
        ConfigError: it is not the URL of an HTTP proxy.
    """
    try:
        url = URL(valid_url(proxy, argument="proxy"))
    except (ConfigError, ValueError):
        raise ConfigError(
            "proxy: adapter='aiohttp' takes a URL such as http://host:port; SOCKS needs adapter='httpx'"
        ) from None
    user, password = unquote(url.raw_user or ""), unquote(url.raw_password or "")
    if not (user or password):
        return url, {}
    credential = b64encode(f"{user}:{password}".encode()).decode()
    return url.with_user(None), {"proxy-authorization": f"Basic {credential}"}
