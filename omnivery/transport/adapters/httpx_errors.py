"""Translates exceptions of httpx: whether the request was sent, whether it can ever succeed, and the message."""

from __future__ import annotations

import re

import httpx

from omnivery.errors import AmbiguousError, NotSentError
from omnivery.transport.adapters import failures

INVALID = (httpx.InvalidURL, ValueError)
"""Raised for a URL or header field that cannot be sent; ValueError includes the errors of IDNA and of encodings."""
FAILURES = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)
"""Raised by httpx's own transports."""
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
_INVALID_REQUEST = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError)


def translate(error: Exception, *, sent: bool | None, trusted: bool, peer: str | None = None) -> Exception:
    """Return our error for one of httpx. Its text is not used, because it may contain the URL.

    Args:
        error: the exception of httpx, or of a library below it.
        sent: whether the request was sent, as its trace proves; None if there was no trace.
        trusted: whether the exception's type means what it says: see `keeps_meaning`.
        peer: host and port of the server, or of the proxy, to which the connection was last made, if it is known.
    """
    # Without a trace, any other exception was raised by a mock, as a test has set it up.
    if isinstance(error, AssertionError) or not (isinstance(error, FAILURES) or sent is not None or not trusted):
        return error
    text, permanent = _describe(error, peer), _is_permanent(error)
    # Without a trace, a transport may report a lost response as a failed connection: that proves nothing.
    is_refused = failures.is_client_refused(error)
    if sent is False or is_refused or (sent is None and trusted and isinstance(error, _NEVER_SENT)):
        return NotSentError(text, permanent=permanent, unreachable=failures.is_unreachable(error))
    if sent is None and not trusted:
        text = f"{text}; the transport of http_client does not show whether the request was sent"
    return AmbiguousError(text, permanent=permanent)


def keeps_meaning(client: httpx.AsyncClient | httpx.Client, url: httpx.URL) -> bool:
    """Whether the types of a client's exceptions mean what httpx says they mean, even without a trace.

    They do with httpx's own transports, and with `httpx.MockTransport` and respx, by which programs are tested. Another
    transport translates the exceptions of its HTTP library, and may call a lost response a failed connection.
    """
    # httpx has no public way to ask for the transport. Without this one, no type is trusted.
    find = getattr(client, "_transport_for_url", None)
    transport = find(url) if find else None
    own = isinstance(transport, httpx.MockTransport) or type(transport) in {
        httpx.AsyncHTTPTransport,
        httpx.HTTPTransport,
    }
    return own or type(transport).__module__.startswith("respx.")


def invalid_request(error: Exception) -> NotSentError:
    """Return our error for a request that httpx could not even construct."""
    return NotSentError(_describe(error), permanent=True)


def is_local(error: object) -> bool:
    """Whether an exception of httpx, httpcore or h11 says that the request is not valid HTTP."""
    return type(error).__name__ == "LocalProtocolError"


def _is_permanent(error: Exception) -> bool:
    """Whether the same request would fail in the same way: a bad certificate, an invalid URL or header field."""
    refused = _proxy_status(error) in failures.PROXY_FINAL
    return refused or isinstance(error, _INVALID_REQUEST) or is_local(error) or failures.is_untrusted(error)


def _proxy_status(error: Exception) -> int | None:
    """Return the status with which a proxy refused the connection. httpcore begins its text with it."""
    found = re.match(r"([45]\d\d)\b", str(error)) if isinstance(error, httpx.ProxyError) else None
    return int(found[1]) if found else None


def _describe(error: Exception, peer: str | None = None) -> str:
    where = f" to {peer}" if peer else ""
    if failures.is_untrusted(error):
        return failures.untrusted(error, peer)
    if isinstance(error, httpx.ConnectError):
        return failures.no_connection(error, peer)
    if isinstance(error, httpx.RemoteProtocolError) and not _CLOSED.search(str(error)):
        return failures.NOT_HTTP
    texts: dict[type[Exception], str] = {
        httpx.ConnectTimeout: f"connecting{where} took longer than the connect timeout",
        httpx.PoolTimeout: "no connection became free within the connect timeout",
        httpx.ReadTimeout: failures.READ_TIMED_OUT,
        httpx.WriteTimeout: failures.WRITE_TIMED_OUT,
        httpx.RemoteProtocolError: failures.CONNECTION_CLOSED,
        httpx.ReadError: failures.connection_broke(error),
        httpx.WriteError: "the connection broke while the request was sent",
        httpx.DecodingError: failures.CODING_DAMAGED,
        httpx.ProxyError: failures.proxy_refused(_proxy_status(error)),
        httpx.UnsupportedProtocol: "the URL's scheme is not supported",
    }
    if isinstance(error, INVALID):
        return failures.URL_INVALID
    if is_local(error):
        return failures.REQUEST_INVALID
    return texts.get(type(error), f"the exchange failed ({type(error).__name__})")
