"""Deadlines of synchronous connections: a network backend of httpcore that bounds each step by the time left.

httpcore gives the same timeout to every read, so that a response that arrives byte by byte outlasts any deadline.
"""

from __future__ import annotations

import math
import select
import socket
import ssl
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import httpcore
from attrs import define, field

if TYPE_CHECKING:
    import httpx

BLOCK = 16_384
"""Bytes that are written at a time: httpcore restarts the timeout whenever the socket has taken a part of them."""


@define(eq=False)
class Deadline:
    """The deadline of a connection's current request."""

    expires_at: float = math.inf

    def within(self, timeout: float | None) -> float | None:
        """Return a timeout that ends at the deadline at the latest; zero or negative if the deadline has passed."""
        if self.expires_at == math.inf:
            return timeout
        left = self.expires_at - time.monotonic()
        return left if timeout is None else min(timeout, left)


@define(eq=False)
class DeadlineBackend(httpcore.NetworkBackend):
    """A network backend whose connections keep a deadline."""

    inner: httpcore.NetworkBackend
    deadline: Deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's IP addresses that accepts. The name lookup itself cannot be bounded."""
        hosts = [host] if self.deadline.expires_at == math.inf else _addresses(host, port)
        for number, address in enumerate(hosts, 1):
            left = self.deadline.within(timeout)
            # An address that does not respond must leave time for the others.
            share = left if left is None else left / (len(hosts) - number + 1)
            try:
                return self._stream(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(hosts):
                    raise
        raise AssertionError("a host has at least one address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Connect to a socket of this machine."""
        return self.inner.connect_unix_socket(path, timeout, socket_options)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.inner.sleep(seconds)

    def _stream(
        self,
        address: str,
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore.NetworkStream:
        _check(timeout, httpcore.ConnectTimeout)
        stream = self.inner.connect_tcp(
            address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
        )
        return _DeadlineStream(stream, self.deadline)


@define(eq=False)
class _DeadlineStream(httpcore.NetworkStream):
    inner: httpcore.NetworkStream
    deadline: Deadline
    _socket: socket.socket | None = field(init=False)
    """Read, written and polled directly, which takes a thirtieth of a call less: `inner` sets its timeout anew for each
    step, and makes a poll for each look. If there is none, all goes through `inner`."""
    _timeout: float | None = field(init=False, default=math.nan)
    _poll: Any = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._socket = _socket_of(self.inner)
        if self._socket is not None and hasattr(select, "poll"):  # which Windows has not
            self._poll = select.poll()
            self._poll.register(self._socket, select.POLLIN)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self.deadline.expires_at < math.inf:
            timeout = _check(self.deadline.within(timeout), httpcore.ReadTimeout)
        if self._socket is None:
            return self.inner.read(max_bytes, timeout)
        try:
            if timeout != self._timeout:
                self._set_timeout(self._socket, timeout)
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:  # what httpcore writes of empty content, and at the end of each
            return
        if self.deadline.expires_at == math.inf:
            self._write(buffer, timeout)
            return
        for start in range(0, len(buffer), BLOCK):
            left = _check(self.deadline.within(timeout), httpcore.WriteTimeout)
            self._write(buffer[start : start + BLOCK], left)

    def _write(self, buffer: bytes, timeout: float | None) -> None:
        if self._socket is None:
            self.inner.write(buffer, timeout)
            return
        try:
            if timeout != self._timeout:
                self._set_timeout(self._socket, timeout)
            while buffer:
                buffer = buffer[self._socket.send(buffer) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def _set_timeout(self, connection: socket.socket, timeout: float | None) -> None:
        connection.settimeout(timeout)
        self._timeout = timeout

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _check(self.deadline.within(timeout), httpcore.ConnectTimeout)
        return _DeadlineStream(self.inner.start_tls(ssl_context, server_hostname, left), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and self._poll is not None:
            return bool(self._poll.poll(0))
        return self.inner.get_extra_info(info)


def _socket_of(stream: httpcore.NetworkStream) -> socket.socket | None:
    """Return the socket that a stream reads and writes; None if it is not known that the stream does nothing else."""
    found = stream.get_extra_info("socket")
    # A stream of another module may be a wrapper. TLS within TLS, to a proxy that has TLS itself, is not the socket's.
    is_own = type(stream).__module__.startswith("httpcore.") and isinstance(found, socket.socket)
    return found if is_own and not isinstance(stream.get_extra_info("ssl_object"), ssl.SSLObject) else None


def keep_deadline(transport: httpx.HTTPTransport, deadline: Deadline) -> None:
    """Make the connections of a transport keep a deadline.

    httpx has no argument for httpcore's network backend, which is public there. If its attributes change, calls keep
    the deadline only between the steps of an exchange.
    """
    pool: Any = getattr(transport, "_pool", None)
    if isinstance(inner := getattr(pool, "_network_backend", None), httpcore.NetworkBackend):
        pool._network_backend = DeadlineBackend(inner, deadline)


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _check(timeout: float | None, error: type[httpcore.TimeoutException]) -> float | None:
    if timeout is not None and timeout <= 0:
        raise error("the deadline has passed")
    return timeout
