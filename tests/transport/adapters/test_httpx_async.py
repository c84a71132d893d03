"""The httpx adapter on real sockets and against a scripted httpcore: what each failure becomes, and what is shared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import httpx
import pytest
import respx

from omnivery.errors import AmbiguousError, ConfigError, NotSentError, TransportError
from omnivery.transport.adapters.httpx_async import ClientAdapter, HttpxAdapter
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Request
from tests.support.fakes import (
    always,
    http_response,
    serve,
)

SHORT = Timeouts(connect=30.0, read=30.0, write=30.0)
API = "https://api.example.org/things"


def get(url: str, *, read: float = 2.0) -> Request:
    return Request(method="GET", url=url, timeouts=Timeouts(connect=30.0, read=read, write=30.0))


# Every error of the library


def kinds(cls: type[Exception]) -> Iterator[type[Exception]]:
    yield cls
    for child in cls.__subclasses__():
        yield from kinds(child)


NOT_SENT = {
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
}
AMBIGUOUS = {*kinds(httpx.TransportError), httpx.DecodingError} - NOT_SENT


@pytest.mark.anyio
@pytest.mark.parametrize("own", [True, False], ids=["our transports", "the caller's client"])
@pytest.mark.parametrize("kind", sorted(NOT_SENT | AMBIGUOUS, key=str))
async def test_every_error_of_httpx_becomes_one_of_ours(kind: type[Exception], own: bool) -> None:
    """Whether a send may be repeated hangs on this: what is not known to have stayed here may have happened."""
    with respx.mock:
        route = respx.get(API).mock(side_effect=kind)
        async with (
            httpx.AsyncClient(verify=False) as client,
            aclosing(HttpxAdapter() if own else ClientAdapter(client=client)) as adapter,
        ):
            with pytest.raises(TransportError) as caught:
                await adapter.send(get(API))
        assert route.called
    assert type(caught.value) is (NotSentError if kind in NOT_SENT else AmbiguousError)
    assert isinstance(caught.value.__cause__, kind)


@pytest.mark.anyio
async def test_an_error_that_is_its_own_cause_is_translated_like_any_other() -> None:
    """respx raises such an error; following its causes must end."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with respx.mock:
        respx.get(API).mock(side_effect=refuse)
        async with aclosing(HttpxAdapter()) as adapter:
            with pytest.raises(NotSentError, match="no connection could be made"):
                await adapter.send(get(API))


@pytest.mark.anyio
async def test_the_url_is_in_no_error_text() -> None:
    """Paths hold recipients."""
    with respx.mock:
        respx.get(url__startswith=API).mock(side_effect=httpx.ConnectError(f"cannot reach {API}/ann@example.com"))
        async with aclosing(HttpxAdapter()) as adapter:
            with pytest.raises(NotSentError) as caught:
                await adapter.send(get(f"{API}/ann@example.com"))
    assert "ann" not in str(caught.value) + repr(caught.value)


# A caller's own client


@pytest.mark.anyio
async def test_a_callers_client_is_used_and_left_open() -> None:
    async with serve(always(http_response())) as server, httpx.AsyncClient(verify=False) as client:
        adapter = ClientAdapter(client=client)
        assert (await adapter.send(get(server.url))).status == 200
        await adapter.aclose()
        assert not client.is_closed
        assert (await client.get(server.url)).status_code == 200


@pytest.mark.anyio
async def test_a_callers_client_neither_follows_redirects_nor_puts_its_own_auth_in_ours() -> None:
    """The one would carry the token to another host, the other replace it."""
    reply = http_response("302 Found", b"", "Location: /elsewhere")
    async with (
        serve(always(reply)) as server,
        httpx.AsyncClient(verify=False, follow_redirects=True, auth=("user", "password")) as client,
    ):
        found = await ClientAdapter(client=client).send(
            Request(method="GET", url=server.url, headers=(("authorization", "Basic ours"),), timeouts=SHORT)
        )
    assert found.status == 302
    assert [seen.headers["authorization"] for seen in server.seen] == ["Basic ours"]


@pytest.mark.anyio
async def test_a_callers_client_that_is_closed_is_told() -> None:
    client = httpx.AsyncClient(verify=False)
    await client.aclose()
    with pytest.raises(ConfigError, match="closed"):
        await ClientAdapter(client=client).send(get(API))


@pytest.mark.anyio
async def test_an_error_of_httpx_out_of_a_callers_hook_does_not_escape() -> None:
    """`raise_for_status` in an event hook is httpx's own recipe; our callers catch our errors."""

    async def hook(response: httpx.Response) -> None:
        response.raise_for_status()

    with respx.mock:
        respx.get(API).respond(500)
        async with httpx.AsyncClient(verify=False, event_hooks={"response": [hook]}) as client:
            with pytest.raises(AmbiguousError):
                await ClientAdapter(client=client).send(get(API))


# Cancellation


@pytest.mark.asyncio
async def test_a_request_that_is_cancelled_at_any_moment_leaves_no_other_one_waiting() -> None:
    """`asyncio.wait_for` cancels, wherever the request is: also while httpcore puts the connection back."""
    async with serve(always(http_response())) as server:
        adapter = HttpxAdapter()
        for moment in range(60):
            for _ in range(4):
                cancelled = asyncio.create_task(adapter.send(get(server.url)))
                for _ in range(moment):
                    await asyncio.sleep(0)
                cancelled.cancel()
                await asyncio.gather(cancelled, return_exceptions=True)
            found = await asyncio.wait_for(adapter.send(get(server.url)), 2)
            assert found.status == 200
        assert len(adapter._connections) == 1
        await adapter.aclose()
