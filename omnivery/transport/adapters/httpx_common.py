"""What the asynchronous and the synchronous httpx adapters share: requests, TLS settings and errors."""

from __future__ import annotations

import encodings.idna  # noqa: F401  # else the first look-up of a host name imports it, and a fork may fall into that
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
"""The exceptions of httpx; UnicodeError is raised for a host name that IDNA cannot encode."""


def usable_proxy(_instance: object, _attribute: Attribute[Any], proxy: str | None) -> None:
    """Check, as an attrs validator, that the proxy's URL can be used.

    Raises:
        ConfigError: the URL is invalid, or support for its scheme is not installed.
    """
    if proxy is None:
        return
    try:
        httpx.AsyncHTTPTransport(proxy=proxy, verify=untrusting_context(), trust_env=False)
    except ValueError:
        raise ConfigError("proxy: expected a URL such as http://host:port or socks5://host:port") from None
    except ImportError:
        raise ConfigError("proxy: SOCKS needs another package: pip install 'httpx[socks]'") from None


def to_httpx(request: Request) -> httpx.Request:
    """Convert a request to httpx's type."""
    limits = request.timeouts
    timeout = {"connect": limits.connect, "read": limits.read, "write": limits.write, "pool": limits.connect}
    headers, content = list(request.headers), request.content
    url = _parsed(request.url)
    if isinstance(content, bytes):
        return httpx.Request(
            request.method, url, headers=headers, content=content or None, extensions={"timeout": timeout}
        )
    upload = _Upload(content.blocks())
    # With a length there is no chunked coding, which not every server accepts.
    headers.append(("content-length", str(content.length)))
    built = httpx.Request(request.method, url, headers=headers, content=upload, extensions={"timeout": timeout})
    # httpx wraps the content in an asynchronous generator. If a broken connection leaves it unfinished, the event loop
    # finalises it some time later, and trio warns.
    built.stream = upload
    return built


# A bulk run sends every batch to the same URL, and parsing a URL takes a tenth of the time of a request.
_parsed = lru_cache(maxsize=16)(httpx.URL)


@define(eq=False)
class _Upload(httpx.AsyncByteStream, httpx.SyncByteStream):
    """Content that is read from files, on the event loop: reading 64 kB takes about as long as sending it."""

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
    """Return our error for one of httpx. Its text is not used, because it may contain the URL."""
    kind = _describe(error)
    return NotSentError(kind) if isinstance(error, _NEVER_SENT) else AmbiguousError(kind)


def _describe(error: Exception) -> str:
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return "the server's certificate could not be verified: check the host, or pass verify=<your SSLContext>"
    if any(isinstance(cause, socket.gaierror) for cause in _causes(error)):
        return "no connection could be made: the host name is not known; check the URL"
    if isinstance(error, httpx.RemoteProtocolError) and not _CLOSED.search(str(error)):
        return "the server's response is not HTTP"
    texts: dict[type[Exception], str] = {
        httpx.ConnectError: "no connection could be made (name lookup failed, connection refused, or TLS failed)",
        httpx.ConnectTimeout: "connecting took longer than the connect timeout",
        httpx.PoolTimeout: "no connection became free within the connect timeout",
        httpx.ReadTimeout: "no response came within the read timeout",
        httpx.WriteTimeout: "the request could not be sent within the write timeout",
        httpx.RemoteProtocolError: "the server closed the connection before the response was complete",
        httpx.ReadError: "the connection broke while the response was awaited",
        httpx.WriteError: "the connection broke while the request was sent",
        httpx.DecodingError: "the response's content coding is damaged",
        httpx.ProxyError: "the proxy refused the connection",
        httpx.InvalidURL: "the URL is not valid",
    }
    return texts.get(type(error), f"the exchange failed ({type(error).__name__})")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    # respx raises errors that are their own cause.
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def is_secure(url: str) -> bool:
    """Whether a URL requires TLS."""
    return url.lower().startswith("https:")


def tls(*, secure: bool, proxy: str | None, verify: ssl.SSLContext | bool) -> ssl.SSLContext | bool:
    """Return the `verify` argument of a connection."""
    # A connection for plain http needs no authorities, and is never used for https.
    if not (secure or proxy):
        return untrusting_context()
    return default_context() if verify is True else verify


@cache
def untrusting_context() -> ssl.SSLContext:
    """Return a context that trusts nobody, for plain http. Without it httpx creates one a connection, at 10 ms each."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def default_context() -> ssl.SSLContext:
    """Return the shared context, which takes 20 ms to create. SSL_CERT_FILE and SSL_CERT_DIR are honoured."""
    return httpx.create_ssl_context()
