"""The words for a failed connection, and the causes that they come from."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from omnivery.transport.adapters.failures import causes, host_and_port, is_unreachable, is_untrusted, no_connection


def test_causes_are_followed_through_groups_and_circles() -> None:
    first, second, third = OSError("a"), ValueError("b"), KeyError("c")
    first.__cause__ = ExceptionGroup("both", [second, third])
    third.__context__ = first
    assert [*causes(first)][2:] == [second, third]
    assert [*causes(None)] == []


@pytest.mark.parametrize(
    ("cause", "words", "unreachable"),
    [
        (socket.gaierror(-2, "x"), "to h:1: the host name is not known", True),
        (ConnectionRefusedError(111, "x"), "to h:1: connection refused", True),
        (ssl.SSLError(1, "x"), "to h:1: TLS failed", False),
        (ConnectionResetError(), "to h:1: the server closed it at once; check whether the URL has the right", False),
        (OSError(errno.EMFILE, "secret"), f"to h:1: {os.strerror(errno.EMFILE)}", False),
        (OSError("secret"), "no connection could be made to h:1", False),
        (TimeoutError(), "no connection could be made to h:1", False),
    ],
)
def test_the_reason_is_said_with_the_peer(cause: Exception, words: str, unreachable: bool) -> None:
    error = RuntimeError("secret")
    error.__cause__ = cause
    assert words in no_connection(error, "h:1")
    assert "secret" not in no_connection(error, None)
    assert is_unreachable(error) is unreachable


def test_only_a_refused_certificate_is_untrusted() -> None:
    assert is_untrusted(ssl.SSLCertVerificationError())
    assert not is_untrusted(ssl.SSLError())


def test_an_ipv6_address_is_told_from_its_port() -> None:
    assert host_and_port("::1", 80) == "[::1]:80"
    assert host_and_port("h", 80) == "h:80"
