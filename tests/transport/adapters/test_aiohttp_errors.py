"""What a failure of aiohttp means."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from omnivery.errors import AmbiguousError, NotSentError

aiohttp: Any = pytest.importorskip("aiohttp")

from omnivery.transport.adapters.aiohttp_errors import translate  # noqa: E402  # needs aiohttp

PEER = "api.example.org:443"
SECRET = "http://user:secret@proxy.example"
KEY = SimpleNamespace(host="proxy.example", port=80, ssl=True, proxy=SECRET)


def kinds(cls: type[Exception]) -> Iterator[type[Exception]]:
    yield cls
    for child in cls.__subclasses__():
        yield from kinds(child)


def made(kind: type[Exception]) -> Exception:
    """An exception of a kind, whatever its constructor wants."""
    error = kind.__new__(kind)
    error.args = (SECRET,)
    return error


KINDS = sorted({*kinds(aiohttp.ClientError), OSError, TimeoutError, RuntimeError, ValueError}, key=str)


@pytest.mark.parametrize("kind", KINDS)
def test_whether_it_was_sent_decides_and_not_what_an_error_is_called(kind: type[Exception]) -> None:
    assert type(translate(made(kind), sent=True, peer=PEER)) is AmbiguousError
    assert type(translate(made(kind), sent=False, peer=PEER)) is NotSentError


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sent", [True, False])
def test_no_exception_of_aiohttp_is_a_cause(kind: type[Exception], sent: bool) -> None:
    """They hold URLs: of requests, which name recipients, and of proxies, which may hold passwords."""
    error = translate(made(kind), sent=sent, peer=PEER)
    assert error.__cause__ is None or not isinstance(error.__cause__, aiohttp.ClientError)
    assert "secret" not in str(error) + repr(error.__context__)


def connector_error(cause: OSError, kind: Any = None) -> Exception:
    error: Exception = (kind or aiohttp.ClientConnectorError)(KEY, cause)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words", "unreachable"),
    [
        (connector_error(ConnectionRefusedError(111, "refused")), "connection refused; check the URL", True),
        (connector_error(socket.gaierror(-2, "unknown")), "the host name is not known; check the URL", True),
        (
            connector_error(OSError(errno.EHOSTUNREACH, "secret")),
            f"to {PEER}: {os.strerror(errno.EHOSTUNREACH)}",
            False,
        ),
        (TimeoutError(), "took longer than the connect timeout", False),
        (aiohttp.ClientHttpProxyError(SimpleNamespace(real_url=SECRET), ()), "the proxy refused", False),
        (aiohttp.ServerDisconnectedError(), "no connection could be made", False),
    ],
)
def test_what_failed_before_the_request_was_sent_is_said(error: Exception, words: str, unreachable: bool) -> None:
    found = translate(error, sent=False, peer=PEER)
    assert isinstance(found, NotSentError)
    assert words in str(found)
    assert (found.unreachable, found.permanent) == (unreachable, False)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (aiohttp.SocketTimeoutError(), "read timeout"),
        (aiohttp.ServerDisconnectedError(), "the server closed the connection"),
        (aiohttp.ClientPayloadError(SECRET), "the server closed the connection"),
        (aiohttp.ClientOSError(104, "reset"), "the connection broke"),
        (ConnectionResetError(104, "reset"), "the connection broke"),
        (RuntimeError(SECRET), "the exchange failed (RuntimeError)"),
    ],
)
def test_what_failed_after_the_request_was_sent_is_said(error: Exception, words: str) -> None:
    assert words in str(translate(error, sent=True, peer=PEER))


def test_the_systems_own_error_is_the_cause() -> None:
    refused = ConnectionRefusedError(111, "refused")
    assert translate(connector_error(refused), sent=False, peer=PEER).__cause__ is refused
