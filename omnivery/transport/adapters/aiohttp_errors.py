"""Translates exceptions of aiohttp: whether the request was sent, whether it can ever succeed, and the message."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp.http import HttpProcessingError

from omnivery.errors import AmbiguousError, NotSentError, TransportError
from omnivery.transport.adapters.aiohttp_connection import WriteTimeout
from omnivery.transport.adapters.aiohttp_protocol import HeadTooLong
from omnivery.transport.adapters.failures import causes, is_unreachable, is_untrusted, no_connection, untrusted


def translate(error: Exception, *, sent: bool, peer: str) -> TransportError:
    """Return our error for any exception of an exchange. Its text is not used, because it may contain the URL.

    The cause is the system's own error, if there is one: aiohttp's exceptions hold URLs, those of proxies among them.

    Args:
        error: the exception.
        sent: whether the server may have received a part of the request.
        peer: host and port of the server, or of the proxy.
    """
    if sent:
        translated: TransportError = AmbiguousError(_response_lost(error), permanent=is_untrusted(error))
    else:
        text, permanent = _not_connected(error, peer), isinstance(error, ValueError) or is_untrusted(error)
        translated = NotSentError(text, permanent=permanent, unreachable=is_unreachable(error))
    translated.__cause__ = next((cause for cause in causes(error) if not _holds_url(cause)), None)
    return translated


def _holds_url(error: BaseException) -> bool:
    return not isinstance(error, OSError) or isinstance(error, aiohttp.ClientError)


def _not_connected(error: Exception, peer: str) -> str:
    if is_untrusted(error):
        return untrusted(peer)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return "the proxy refused the connection"
    if isinstance(error, asyncio.TimeoutError):
        return f"connecting to {peer} took longer than the connect timeout"
    if isinstance(error, ValueError):
        return "the URL is not valid"
    if isinstance(error, HttpProcessingError | HeadTooLong):
        return "the server's response is not HTTP"
    return no_connection(error, peer)


def _response_lost(error: Exception) -> str:
    match error:
        case WriteTimeout():
            return "the request could not be sent within the write timeout"
        case asyncio.TimeoutError():
            return "no response came within the read timeout"
        case HttpProcessingError() | HeadTooLong():
            return "the server's response is not HTTP"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return "the server closed the connection before the response was complete"
        case OSError():
            return "the connection broke while the response was awaited"
    return f"the exchange failed ({type(error).__name__})"
