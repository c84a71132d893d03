"""Shared by the asynchronous and the synchronous httpx adapters: requests, and their trace."""

from __future__ import annotations

import encodings.idna  # noqa: F401  # otherwise the first name lookup imports it, and a fork may happen meanwhile
import math
import time
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from attrs import Attribute, define, evolve, field

from omnivery.errors import ConfigError, OmniveryError
from omnivery.transport.adapters.failures import host_and_port
from omnivery.transport.adapters.httpx_errors import INVALID, invalid_request, is_local, translate
from omnivery.transport.adapters.response_body import ResponseBody
from omnivery.transport.adapters.tls import untrusting_context
from omnivery.transport.http import Headers, Phase, Progress, Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from omnivery.transport.http import Request

PHASES = {
    "connect_tcp.started": Phase.CONNECTING,
    "connect_unix_socket.started": Phase.CONNECTING,
    "start_tls.started": Phase.CONNECTING,
    "setup_socks5_connection.started": Phase.CONNECTING,
    "send_connection_init.started": Phase.CONNECTING,
    "send_request_headers.started": Phase.SENDING,
    "send_request_body.started": Phase.SENDING,
    "receive_response_headers.started": Phase.WAITING,
    "receive_response_body.started": Phase.READING,
}
"""The phase that an event of httpcore's trace begins (https://www.encode.io/httpcore/extensions/#trace)."""
_TUNNEL = b"CONNECT"
"""Method of the request that opens a tunnel through a proxy."""


def is_secure(url: str) -> bool:
    """Whether a URL requires TLS."""
    return url.lower().startswith("https:")


def usable_proxy(_instance: object, _attribute: Attribute[Any], proxy: str | None) -> None:
    """Check, as an attrs validator, that the proxy's URL can be used.

    Raises:
        ConfigError: the URL is invalid, or support for its scheme is not installed.
    """
    if proxy is None:
        return
    try:
        sound = bool(urlsplit(proxy).hostname) and urlsplit(proxy).port != 0
        httpx.AsyncHTTPTransport(proxy=proxy, verify=untrusting_context(), trust_env=False)
    except (ValueError, httpx.InvalidURL):
        sound = False
    except ImportError:
        raise ConfigError("proxy: SOCKS needs another package: pip install 'httpx[socks]'") from None
    if not sound:
        raise ConfigError("proxy: expected a URL such as http://host:port or socks5://host:port")


def check_open(client: httpx.AsyncClient | httpx.Client) -> None:
    """Check that a caller's client can be used.

    Raises:
        ConfigError: it is closed.
    """
    if client.is_closed:
        raise ConfigError("http_client is closed: keep it open for as long as this client uses it")


def always() -> bool:
    """Return True: as `Translation.trusted`, for a transport of httpx's own."""
    return True


def to_httpx(request: Request) -> httpx.Request:
    """Convert a request to httpx's type.

    Raises:
        NotSentError: the URL or a header field is not valid.
    """
    limits, content = request.timeouts, request.content
    timeout = {"connect": limits.connect, "read": limits.read, "write": limits.write, "pool": limits.connect}
    stream = _Bytes(content) if isinstance(content, bytes) else _Blocks(content.blocks())
    try:
        url, host = _parsed(request.url)
        headers, extensions = _header_fields(request, host), {"timeout": timeout}
        # Given `stream` in place of `content`, httpx adds no header fields, which takes it longer than all the rest.
        built = httpx.Request(request.method, url, headers=headers, stream=stream, extensions=extensions)
    except INVALID as error:
        raise invalid_request(error) from error
    if isinstance(stream, _Bytes):
        built.read()  # event hooks and mocks may look at `request.content`
    return built


def _header_fields(request: Request, host: str) -> list[tuple[str, str]]:
    """Return the header fields, and those that HTTP itself requires."""
    fields, given = list(request.headers), dict(request.headers)
    if host and "host" not in given:
        fields.insert(0, ("Host", host))
    # With a length there is no chunked coding, which not every server accepts.
    if "content-length" not in given and (length := request.content_length) is not None:
        fields.append(("Content-Length", str(length)))
    return fields


# A bulk run sends every batch to the same URL, and parsing a URL takes a tenth of the time of a request.
@lru_cache(maxsize=16)
def _parsed(url: str) -> tuple[httpx.URL, str]:
    """Return a URL for httpx, and the Host header field.

    Raises:
        ValueError: the URL, or the name of its host, is not valid.
    """
    parsed = httpx.URL(url)
    # To read `host` is to decode IDNA, which finds out about a name that no host can have.
    return parsed, parsed.netloc.decode("ascii") if parsed.host else ""


class _Bytes(httpx.ByteStream):
    """Content in memory.

    httpx's own class iterates in an asynchronous generator. If a broken connection leaves it unfinished, the event
    loop finalises it some time later, and trio warns.
    """

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Blocks(iter(self))


@define(eq=False)
class _Blocks(httpx.AsyncByteStream, httpx.SyncByteStream):
    """Content block by block. Files are read on the event loop: reading 64 kB takes about as long as sending it."""

    _blocks: Iterator[bytes]

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for block in self._blocks:
            return block
        raise StopAsyncIteration


@define(eq=False)
class SendTrace:
    """httpcore's trace of one request: its phase, and the proof of whether it was sent."""

    progress: Progress
    ends_in: dict[str, Any] | None = None
    """Extensions of the request, in which httpcore looks for a trace before each step, if this trace is to end with the
    proof that the request was sent: the eight events after it would take a twentieth of a call.

    That is for connections of ours, because a transport of the caller's may try again; and for a request without a
    deadline, because only the error of a deadline says what went on when it passed.
    """
    seen: bool = field(init=False, default=False)
    """Whether there was any event. Foreign transports and mocks report none."""
    sent: bool = field(init=False, default=False)
    """Whether a part of the request may have left. It stays True when a transport of the caller's tries again."""
    peer: str | None = field(init=False, default=None)
    """Host and port to which a connection was last made: the server's, or a proxy's."""
    _sent_before: bool = field(init=False, default=False)

    async def note_async(self, event: str, info: dict[str, Any]) -> None:
        """Handle an event, as an asynchronous callback."""
        self.note(event, info)

    def note(self, event: str, info: dict[str, Any]) -> None:
        """Handle an event. There are ten in a request, so those that begin no phase are left at once."""
        self.seen = True
        step = event[event.find(".") + 1 :]
        phase = PHASES.get(step)
        if phase is None:
            # h11 refused the head before a byte of it was written.
            if step == "send_request_headers.failed" and is_local(info.get("exception")):
                self.sent = self._sent_before
                self.progress.phase = Phase.WAITING if self.sent else Phase.CONNECTING
        elif phase is Phase.CONNECTING or getattr(info.get("request"), "method", b"") == _TUNNEL:
            if step == "connect_tcp.started":
                self.peer = host_and_port(str(info.get("host")), info.get("port"))
            if not self.sent:
                self.progress.phase = Phase.CONNECTING
        else:
            self._sent_before, self.sent = self.sent, True
            self.progress.phase = phase
            if self.ends_in is not None:
                self.ends_in.pop("trace", None)


@define(eq=False)
class Translation:
    """A context manager around one exchange: the HTTP library's exceptions leave it as our errors."""

    trace: SendTrace
    trusted: Callable[[], bool] = always

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, OmniveryError):
            return
        sent = self.trace.sent if self.trace.seen else None
        translated = translate(error, sent=sent, trusted=self.trusted(), peer=self.trace.peer)
        if translated is not error:
            raise translated from error


@define(eq=False)
class SyncSendTrace(SendTrace):
    """The same for a synchronous request. It also shortens the timeouts to the time left until the deadline.

    Otherwise connecting, sending and waiting could each take as long as the deadline.
    """

    expires_at: float = math.inf
    timeouts: dict[str, float] = field(factory=dict[str, float])

    def note(self, event: str, info: dict[str, Any]) -> None:
        """Handle an event."""
        super().note(event, info)
        if self.expires_at < math.inf and event.endswith(".started"):
            left = max(self.expires_at - time.monotonic(), 0.001)
            for step, limit in self.timeouts.items():
                self.timeouts[step] = min(limit, left)


def fields_of(response: httpx.Response) -> Headers:
    """Return the header fields of a response."""
    # httpx's `multi_items` finds the encoding out anew for each name and each value.
    encoding = response.headers.encoding
    return Headers([(name.decode(encoding), value.decode(encoding)) for name, value in response.headers.raw])


def already_read(response: httpx.Response, limit: int) -> Response:
    """Return a response that an event hook or a mock has read, so that httpx has decoded it."""
    body = ResponseBody(Headers(), limit)
    body.feed(response.content)
    found = body.response(response.status_code)
    return evolve(found, headers=fields_of(response))


def has_unread_bytes(transport: httpx.AsyncHTTPTransport | httpx.HTTPTransport) -> bool:
    """Whether bytes beyond the response were received on the transport's only connection.

    httpx and httpcore have no public way to ask. If their private attributes change, it returns False.
    """
    pool: Any = getattr(transport, "_pool", None)
    try:
        [connection] = pool.connections
        unread: bytes = connection._connection._h11_state.trailing_data[0]
    except (AttributeError, IndexError, TypeError, ValueError):
        return False
    return bool(unread)
