"""The contract of every adapter. Each test takes `lane`: an adapter on an event loop; aiohttp runs on asyncio alone."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator

import pytest
import trustme

from tests.support.adapters import OWN, Lane


@pytest.fixture(params=OWN, ids=str)
def lane(request: pytest.FixtureRequest) -> Lane:
    """The adapter under test: those with connections of their own, where a test names no others."""
    found: Lane = request.param
    return found


@pytest.fixture
def anyio_backend(lane: Lane) -> str:
    """The event loop under test."""
    return lane.backend


@pytest.fixture
def refused_port() -> Iterator[int]:
    """A port on which nobody listens: it is held, so that nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """An authority that no computer trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_context(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """Makes the context of a server that this authority vouches for."""

    def make(host: str = "127.0.0.1") -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(context)
        return context

    return make


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """The context of a client that trusts this authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
