"""Other HTTP libraries below a caller's httpx client: no mail twice, and no untruth about what was sent.

They report a lost response as a failed connection (httpx-aiohttp as a connect timeout, pyreqwest as a connect error),
and trace nothing, so that no failure of theirs proves that a request was not sent.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from omnivery import AsyncMailgun, Mailgun
from omnivery.errors import AmbiguousError, NotSentError
from tests.support.cutting import QUICK, message, send_rounds, send_rounds_sync

# Loaded by name: the packages are there in this session alone, so type checkers cannot know them.
httpx_aiohttp: Any = pytest.importorskip("httpx_aiohttp")
pyreqwest: Any = pytest.importorskip("pyreqwest.compatibility.httpx")

ROUNDS = 1000
ASYNC: dict[str, Callable[[], httpx.AsyncClient | None]] = {
    "ours": lambda: None,
    "httpx": httpx.AsyncClient,
    "httpx-aiohttp": httpx_aiohttp.HttpxAiohttpClient,
    "pyreqwest": lambda: httpx.AsyncClient(transport=pyreqwest.HttpxTransport()),
}
SYNC: dict[str, Callable[[], httpx.Client | None]] = {
    "ours": lambda: None,
    "httpx": httpx.Client,
    "pyreqwest": lambda: httpx.Client(transport=pyreqwest.SyncHttpxTransport()),
}
FOREIGN = ("httpx-aiohttp", "pyreqwest")


@pytest.fixture
def anyio_backend() -> str:
    """The other libraries run on asyncio alone."""
    return "asyncio"


@pytest.fixture
def refused_url() -> Iterator[str]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v3"


@pytest.mark.anyio
@pytest.mark.parametrize("transport", ASYNC)
# aiohttp's sessions complain when a connection was cut below them.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_no_mail_is_sent_twice(transport: str) -> None:
    await send_rounds(ASYNC[transport], ROUNDS, seed=3)


@pytest.mark.parametrize("transport", SYNC)
def test_no_mail_is_sent_twice_without_an_event_loop(transport: str) -> None:
    send_rounds_sync(SYNC[transport], ROUNDS, seed=4)


@pytest.mark.anyio
@pytest.mark.parametrize("transport", ASYNC)
async def test_a_refused_connection_is_proof_only_where_there_is_a_trace(transport: str, refused_url: str) -> None:
    expected = AmbiguousError if transport in FOREIGN else NotSentError
    client = ASYNC[transport]()
    async with AsyncMailgun("key", domain="example.com", base_url=refused_url, http_client=client) as mailgun:
        with pytest.raises(expected) as caught:
            await mailgun.messages.send(message(1), options=QUICK)
    assert caught.value.may_have_happened is (transport in FOREIGN)
    if transport in FOREIGN:
        assert "the transport of http_client does not show whether the request was sent" in str(caught.value)
    if client is not None:
        await client.aclose()


@pytest.mark.parametrize("transport", SYNC)
def test_a_refused_connection_is_proof_only_where_there_is_a_trace_in_sync(transport: str, refused_url: str) -> None:
    expected = AmbiguousError if transport in FOREIGN else NotSentError
    client = SYNC[transport]()
    mailgun = Mailgun("key", domain="example.com", base_url=refused_url, http_client=client)
    with mailgun, pytest.raises(expected):
        mailgun.messages.send(message(1), options=QUICK)
    if client is not None:
        client.close()
