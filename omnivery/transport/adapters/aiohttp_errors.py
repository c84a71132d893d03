"""Translates exceptions of aiohttp: whether the request was sent, whether it can ever succeed, and the message."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp.http import HttpProcessingError

from omnivery.errors import AmbiguousError, NotSentError, TransportError
from omnivery.transport.adapters import failures
from omnivery.transport.adapters.aiohttp_connection import WriteTimeout
from omnivery.transport.adapters.aiohttp_protocol import NotHttp, TooLong


def translate(error: Exception, *, sent: bool, peer: str) -> TransportError:
    """Return our error for any exception of an exchange. Its text is not used, because it may contain the URL.

    The cause is the system's own error, if there is one: aiohttp's exceptions hold URLs, those of proxies among them.

    Args:
        error: the exception.
        sent: whether the server may have received a part of the request.
        peer: host and port of the server, or of the proxy.
    """
    if sent and not failures.is_client_refused(error):
        translated: TransportError = AmbiguousError(_response_lost(error), permanent=failures.is_untrusted(error))
    else:
        text, unreachable = _not_connected(error, peer), failures.is_unreachable(error)
        translated = NotSentError(text, permanent=_is_permanent(error), unreachable=unreachable)
    translated.__cause__ = next((cause for cause in failures.causes(error) if not _holds_url(cause)), None)
    return translated


def _holds_url(error: BaseException) -> bool:
    return not isinstance(error, OSError) or isinstance(error, aiohttp.ClientError)


def _is_permanent(error: Exception) -> bool:
    return _proxy_status(error) in failures.PROXY_FINAL or isinstance(error, ValueError) or failures.is_untrusted(error)


def _proxy_status(error: Exception) -> int | None:
    """Return the status with which a proxy refused the connection."""
    return (getattr(error, "status", 0) or None) if isinstance(error, aiohttp.ClientHttpProxyError) else None


def _not_connected(error: Exception, peer: str) -> str:
    if failures.is_untrusted(error):
        return failures.untrusted(error, peer)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return failures.proxy_refused(_proxy_status(error))
    if isinstance(error, asyncio.TimeoutError):
        return f"connecting to {peer} took longer than the connect timeout"
    if isinstance(error, ValueError):
        return failures.URL_INVALID
    if isinstance(error, HttpProcessingError | NotHttp):
        return failures.NOT_HTTP
    return failures.no_connection(error, peer)


def _response_lost(error: Exception) -> str:  # noqa: PLR0911  # one for each kind of failure
    match error:
        case WriteTimeout():
            return failures.WRITE_TIMED_OUT
        case TooLong():
            return failures.TOO_LONG
        case asyncio.TimeoutError():
            return failures.READ_TIMED_OUT
        case HttpProcessingError() | NotHttp():
            return failures.NOT_HTTP
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return failures.CONNECTION_CLOSED
        case OSError():
            return failures.connection_broke(error)
    return f"the exchange failed ({type(error).__name__})"
