"""httpx as an adapter, on an event loop. Only this module and its synchronous sibling import it.

Requests go straight to httpx's transports, which costs 0.7 of a call through `httpx.AsyncClient`: no cookies, no
redirects, no settings from the environment. Each connection is a pool of its own, because httpcore's pool asks every
idle connection for every request whether it still lives: with 8 on one pool that is a third of the time that a request
takes, and with 64 throughput falls to a tenth.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import httpx
from attrs import Attribute, define

from omnivery.errors import AmbiguousError, ConfigError, NotSentError

if TYPE_CHECKING:
    from omnivery.transport.http import Request

_CLOSED = re.compile("disconnected|closed")
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
    UnicodeError,
)
FAILURES = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)
"""Whatever may come out of httpx; UnicodeError for a host name that IDNA cannot encode."""


def usable_proxy(_instance: object, _attribute: Attribute[Any], proxy: str | None) -> None:
    """An attrs validator: the proxy's address can be used.

    Raises:
        ConfigError: it is none, or of a kind whose support is not installed.
    """
    if proxy is None:
        return
    try:
        httpx.AsyncHTTPTransport(proxy=proxy, verify=context_for_nobody(), trust_env=False)
    except ValueError:
        raise ConfigError("proxy: expected an address such as http://host:port or socks5://host:port") from None
    except ImportError:
        raise ConfigError("proxy: SOCKS needs a package of its own: pip install 'httpx[socks]'") from None


def to_httpx(request: Request) -> httpx.Request:
    """A request as httpx has it."""
    limits = request.timeouts
    timeout = {"connect": limits.connect, "read": limits.read, "write": limits.write, "pool": limits.connect}
    headers, content = list(request.headers), request.content
    url = _parsed(request.url)
    if isinstance(content, bytes):
        return httpx.Request(
            request.method, url, headers=headers, content=content or None, extensions={"timeout": timeout}
        )
    upload = _Upload(content.blocks())
    # With a length there is no chunked coding, which not every server in front of an API takes.
    headers.append(("content-length", str(content.length)))
    built = httpx.Request(request.method, url, headers=headers, content=upload, extensions={"timeout": timeout})
    # httpx wraps what it is given into an asynchronous generator; one that a broken connection leaves half-way is
    # finished by the event loop at some later time, with a warning on trio.
    built.stream = upload
    return built


# A bulk run sends every batch to the same address, and parsing it takes a tenth of the time of a request.
_parsed = lru_cache(maxsize=16)(httpx.URL)


@define(eq=False)
class _Upload(httpx.AsyncByteStream, httpx.SyncByteStream):
    """Content that is read from files, on the event loop: a block of 64 kB takes about as long as sending it does."""

    _blocks: Iterator[bytes]

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for block in self._blocks:
            return block
        raise StopAsyncIteration


def translate(error: Exception) -> NotSentError | AmbiguousError:
    """Say what happened in our own terms; the library's text may hold the address, its type does not."""
    kind = _plain_words(error)
    return NotSentError(kind) if isinstance(error, _NEVER_SENT) else AmbiguousError(kind)


def _plain_words(error: Exception) -> str:
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return "the server's certificate could not be verified: check the host, or pass verify=<your SSLContext>"
    if any(isinstance(cause, socket.gaierror) for cause in _causes(error)):
        return "no connection could be made: the host name is not known; check the address"
    if isinstance(error, httpx.RemoteProtocolError) and not _CLOSED.search(str(error)):
        return "what the server answered is not HTTP"
    words: dict[type[Exception], str] = {
        httpx.ConnectError: "no connection could be made (name look-up failed, connection refused, or TLS failed)",
        httpx.ConnectTimeout: "connecting took longer than the connect time-out",
        httpx.PoolTimeout: "no connection became free within the connect time-out",
        httpx.ReadTimeout: "no answer came within the read time-out",
        httpx.WriteTimeout: "the request could not be written within the write time-out",
        httpx.RemoteProtocolError: "the server closed the connection before its answer was complete",
        httpx.ReadError: "the connection broke while the answer was awaited",
        httpx.WriteError: "the connection broke while the request was written",
        httpx.DecodingError: "the answer's content coding is damaged",
        httpx.ProxyError: "the proxy refused the connection",
        httpx.InvalidURL: "the address is not a valid URL",
    }
    return words.get(type(error), f"the exchange failed ({type(error).__name__})")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    # respx raises an error from one that was raised from it: a chain may be a circle.
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def is_secure(url: str) -> bool:
    """Whether an address asks for TLS."""
    return url.lower().startswith("https:")


def tls(*, secure: bool, proxy: str | None, verify: ssl.SSLContext | bool) -> ssl.SSLContext | bool:
    """What a connection needs of TLS."""
    # One for plain http has no use for authorities, and must never be handed an https request.
    if not (secure or proxy):
        return context_for_nobody()
    return default_context() if verify is True else verify


@cache
def context_for_nobody() -> ssl.SSLContext:
    """For plain http, which makes no use of it: else httpx makes one a connection, at 10 ms each. It trusts nobody."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def default_context() -> ssl.SSLContext:
    """One context a process: making one costs 20 ms, sharing it nothing. It honours SSL_CERT_FILE and SSL_CERT_DIR."""
    return httpx.create_ssl_context()
