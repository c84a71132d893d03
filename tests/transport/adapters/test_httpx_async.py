"""The httpx adapter on real sockets and against a scripted httpcore: what each failure becomes, and what is shared."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import struct
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from functools import partial

import anyio
import httpx
import pytest
import respx
import trio
import trustme
from anyio.abc import ByteStream, SocketAttribute

from omnivery.errors import AmbiguousError, ConfigError, NotSentError, TransportError
from omnivery.transport.adapters.httpx_async import ClientAdapter, HttpxAdapter
from omnivery.transport.config import Limits, Timeouts
from omnivery.transport.http import Request, Response
from tests.support.fakes import (
    Seen,
    always,
    http_response,
    serve,
)

SHORT = Timeouts(connect=2.0, read=2.0, write=2.0)
API = "https://api.example.org/things"


def get(url: str, *, read: float = 2.0) -> Request:
    return Request(method="GET", url=url, timeouts=Timeouts(connect=2.0, read=read, write=2.0))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority that no computer trusts."""
    return trustme.CA()


def server_context(authority: trustme.CA, host: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def refused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


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


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url", ["https://exa mple.org/", "https://[::1/", "https://h:99999/", "ftp://127.0.0.1/", "/x"]
)
async def test_an_invalid_url_is_not_sent(url: str) -> None:
    async with aclosing(HttpxAdapter()) as adapter:
        with pytest.raises((NotSentError, ConfigError)):
            await adapter.send(get(url))


@pytest.mark.anyio
async def test_a_host_name_that_no_resolver_takes_is_not_sent() -> None:
    """A label of more than 63 letters fails before any look-up, with an error that is not httpx's."""
    async with aclosing(HttpxAdapter()) as adapter:
        with pytest.raises(NotSentError):
            await adapter.send(get(f"http://{'a' * 64}.example.org/"))


@pytest.mark.anyio
async def test_a_name_that_nobody_knows_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is mostly a typing error in the URL; ten words about TLS would not reveal it."""

    def unknown(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    async with aclosing(HttpxAdapter()) as adapter:
        with pytest.raises(NotSentError, match="host name is not known"):
            await adapter.send(get("http://nobody.invalid/"))


# On the wire


@pytest.mark.anyio
async def test_a_request_is_sent_as_it_is_and_its_response_comes_back_whole() -> None:
    reply = http_response(
        "418 I'm a teapot", b"short and stout", "X-Twice: a", "x-twice: b", "Content-Type: text/plain"
    )
    async with serve(always(reply)) as server, aclosing(HttpxAdapter()) as adapter:
        found = await adapter.send(
            Request(
                method="POST",
                url=f"{server.url}/a%2Bb%2Fc%40d.e?q=1",
                headers=(("ov-token", "t0ken"), ("content-type", "application/json")),
                content=b'{"a":1}',
                timeouts=SHORT,
            )
        )
    assert (found.status, found.content, found.headers["X-TWICE"]) == (418, b"short and stout", "a, b")
    [seen] = server.seen
    assert (seen.target, seen.body) == ("/a%2Bb%2Fc%40d.e?q=1", b'{"a":1}')
    assert {name: seen.headers[name] for name in ("ov-token", "content-type")} == {
        "ov-token": "t0ken",
        "content-type": "application/json",
    }
    assert set(seen.headers) == {"host", "content-length", "ov-token", "content-type"}


async def close(stream: ByteStream, _seen: Seen) -> None:
    await stream.aclose()


async def reset(stream: ByteStream, _seen: Seen) -> None:
    # Lingering for no time makes the system send a reset in place of an orderly end.
    raw = stream.extra(SocketAttribute.raw_socket)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await stream.aclose()


async def stay_silent(_stream: ByteStream, _seen: Seen) -> None:
    await anyio.sleep_forever()


async def partly(data: bytes, stream: ByteStream, _seen: Seen) -> None:
    await stream.send(data)
    await stream.aclose()


DAMAGED = http_response("200 OK", b"\x1f\x8b\x08 this is no gzip", "Content-Encoding: gzip")


@pytest.mark.anyio
@pytest.mark.parametrize("own", [True, False], ids=["our transports", "the caller's client"])
@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(close, id="closed before the headers"),
        pytest.param(reset, id="reset before the headers"),
        pytest.param(partial(partly, b"HTTP/1.1 200 OK\r\nConte"), id="closed in the headers"),
        pytest.param(partial(partly, http_response("200 OK", b"x" * 99)[:-9]), id="closed in the body"),
        pytest.param(
            partial(partly, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), id="closed in a chunk"
        ),
        pytest.param(partial(partly, b"220 mail.example.org ESMTP\r\n\r\n"), id="no HTTP at all"),
        pytest.param(stay_silent, id="no response"),
    ],
)
async def test_a_response_that_is_lost_in_any_way_is_ambiguous(
    handler: Callable[[ByteStream, Seen], Awaitable[None]], own: bool
) -> None:
    """The request was received: nobody can know here whether it was acted upon."""
    async with (
        serve(handler) as server,
        httpx.AsyncClient(verify=False) as client,
        aclosing(HttpxAdapter() if own else ClientAdapter(client=client)) as adapter,
    ):
        with pytest.raises(AmbiguousError) as caught:
            await adapter.send(get(server.url, read=0.2 if handler is stay_silent else 2.0))
    assert len(server.seen) == 1
    assert caught.value.may_have_happened


@pytest.mark.anyio
@pytest.mark.parametrize("own", [True, False], ids=["our transports", "the caller's client"])
# When a decoder fails, httpx leaves its generators to the garbage collector, and trio complains of that.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*async_generator")
async def test_a_damaged_content_coding_is_ambiguous(own: bool) -> None:
    async with (
        serve(always(DAMAGED)) as server,
        httpx.AsyncClient(verify=False) as client,
        aclosing(HttpxAdapter() if own else ClientAdapter(client=client)) as adapter,
    ):
        with pytest.raises(AmbiguousError, match="content coding is damaged"):
            await adapter.send(get(server.url))
        gc.collect()
    assert len(server.seen) == 1


@pytest.mark.anyio
async def test_a_server_that_speaks_another_protocol_is_not_said_to_have_closed() -> None:
    """If the base URL names a mail server, the message should reveal it."""
    async with serve(always(b"220 mail.example.org ESMTP\r\n\r\n")) as server, aclosing(HttpxAdapter()) as adapter:
        with pytest.raises(AmbiguousError, match="HTTP"):
            await adapter.send(get(server.url))


@pytest.mark.anyio
async def test_a_refused_connection_is_not_sent(refused_port: int) -> None:
    async with aclosing(HttpxAdapter()) as adapter:
        with pytest.raises(NotSentError, match="no connection could be made"):
            await adapter.send(get(f"http://127.0.0.1:{refused_port}/"))


@pytest.mark.anyio
async def test_a_refusing_proxy_is_not_sent(refused_port: int) -> None:
    async with aclosing(HttpxAdapter(proxy=f"http://127.0.0.1:{refused_port}")) as adapter:
        with pytest.raises(NotSentError):
            await adapter.send(get("http://192.0.2.1/"))


@pytest.mark.anyio
async def test_the_adapter_works_on_after_a_failure() -> None:
    """A broken connection must not stay in the way of the next request."""
    broken = True

    async def handler(stream: ByteStream, seen: Seen) -> None:
        await (close if broken else always(http_response()))(stream, seen)

    async with serve(handler) as server, aclosing(HttpxAdapter()) as adapter:
        for _ in range(3):
            with pytest.raises(AmbiguousError):
                await adapter.send(get(server.url))
        broken = False
        assert (await adapter.send(get(server.url))).status == 200


@pytest.mark.anyio
async def test_a_cancelled_request_takes_no_connection_with_it() -> None:
    async def handler(stream: ByteStream, seen: Seen) -> None:
        await (stay_silent if seen.target == "/silent" else always(http_response()))(stream, seen)

    async with serve(handler) as server, aclosing(HttpxAdapter()) as adapter:
        for _ in range(3):
            with anyio.move_on_after(0.01):
                await adapter.send(get(f"{server.url}/silent"))
        assert (await adapter.send(get(server.url))).status == 200
        assert [connection.busy for connection in adapter._connections] == [False]


# Connections


@pytest.mark.anyio
async def test_there_are_as_many_connections_as_requests_at_once_and_they_are_used_again() -> None:
    """Each one more is a TLS handshake in real life."""
    together, waiting, everybody = 20, 0, anyio.Event()

    async def handler(stream: ByteStream, seen: Seen) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == together:
            everybody.set()
        await everybody.wait()
        await always(http_response())(stream, seen)

    async def at_once() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(together):
                group.start_soon(adapter.send, get(server.url))
            await everybody.wait()

    async with serve(handler) as server, aclosing(HttpxAdapter()) as adapter:
        await at_once()
        waiting, everybody = 0, anyio.Event()
        await at_once()
        assert (len(adapter._connections), server.connections, len(server.seen)) == (20, 20, 40)


@pytest.mark.anyio
async def test_connections_that_nobody_needs_any_more_are_closed() -> None:
    """After a burst, a service must not keep its sockets for the rest of its days."""
    arrived, everybody = 0, anyio.Event()

    async def handler(stream: ByteStream, seen: Seen) -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 4:
            everybody.set()
        await everybody.wait()
        await always(http_response())(stream, seen)

    async with serve(handler) as server, aclosing(HttpxAdapter(limits=Limits(keepalive=0.01))) as adapter:
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(adapter.send, get(server.url))
        for _ in range(4):
            await anyio.sleep(0.02)
            await adapter.send(get(server.url))
        assert len(adapter._connections) == 1


@pytest.mark.anyio
async def test_one_after_the_other_needs_one_connection() -> None:
    async with serve(always(http_response())) as server, aclosing(HttpxAdapter()) as adapter:
        for _ in range(10):
            await adapter.send(get(server.url))
        assert (server.connections, len(adapter._connections)) == (1, 1)


@pytest.mark.anyio
async def test_an_idle_connection_is_kept_no_longer_than_asked() -> None:
    """One that the server has closed meanwhile would cost a lost response."""
    async with (
        serve(always(http_response())) as server,
        aclosing(HttpxAdapter(limits=Limits(keepalive=0.02))) as adapter,
    ):
        await adapter.send(get(server.url))
        await anyio.sleep(0.05)
        await adapter.send(get(server.url))
        assert server.connections == 2


# TLS


@pytest.mark.anyio
async def test_a_server_that_nobody_vouches_for_is_refused_in_clear_words(authority: trustme.CA) -> None:
    """`[SSL: …] (_ssl.c:1006)` tells nobody what to do."""
    async with (
        serve(always(http_response()), tls=server_context(authority)) as server,
        aclosing(HttpxAdapter()) as adapter,
    ):
        with pytest.raises(
            NotSentError, match=r"certificate could not be verified: check the host 127\.0\.0\.1:\d+, or pass verify="
        ):
            await adapter.send(get(server.url))
    assert server.seen == []


@pytest.mark.anyio
async def test_a_certificate_for_another_host_is_refused(authority: trustme.CA) -> None:
    async with (
        serve(always(http_response()), tls=server_context(authority, "other.example.org")) as server,
        aclosing(HttpxAdapter(verify=trusting(authority))) as adapter,
    ):
        with pytest.raises(NotSentError, match="certificate could not be verified"):
            await adapter.send(get(server.url))
    assert server.seen == []


@pytest.mark.anyio
async def test_a_context_that_trusts_the_server_is_used(authority: trustme.CA) -> None:
    async with (
        serve(always(http_response()), tls=server_context(authority)) as server,
        aclosing(HttpxAdapter(verify=trusting(authority))) as adapter,
    ):
        assert (await adapter.send(get(server.url))).status == 200


@pytest.mark.anyio
async def test_verification_can_be_turned_off(authority: trustme.CA) -> None:
    async with (
        serve(always(http_response()), tls=server_context(authority)) as server,
        aclosing(HttpxAdapter(verify=False)) as adapter,
    ):
        assert (await adapter.send(get(server.url))).status == 200


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
async def test_https_is_verified_although_a_connection_for_http_stands_open(authority: trustme.CA, scheme: str) -> None:
    """Pools for plain http know no authorities: an https request on one of them would trust anybody."""
    async with (
        serve(always(http_response())) as plain,
        serve(always(http_response()), tls=server_context(authority)) as secure,
        aclosing(HttpxAdapter()) as adapter,
    ):
        await adapter.send(get(plain.url))
        with pytest.raises(NotSentError, match="certificate"):
            await adapter.send(get(secure.url.replace("https", scheme, 1)))
        assert [connection.secure for connection in adapter._connections] == [False, True]
    assert secure.seen == []


# Life and death


@pytest.mark.anyio
async def test_a_closed_adapter_says_so() -> None:
    adapter = HttpxAdapter()
    await adapter.aclose()
    with pytest.raises(ConfigError, match="closed"):
        await adapter.send(get("http://127.0.0.1/"))
    await adapter.aclose()


def test_a_second_event_loop_is_told_off() -> None:
    """A notebook's or a script's second asyncio.run() would find connections of a loop that is gone."""
    adapter = HttpxAdapter()

    async def once() -> Response:
        with respx.mock:
            respx.get(API).respond(204)
            return await adapter.send(get(API))

    assert asyncio.run(once()).status == 204
    with pytest.raises(ConfigError, match="one client for each event loop"):
        asyncio.run(once())


def test_without_idle_connections_there_is_nothing_to_close_and_any_loop_will_do() -> None:
    """A pytest fixture cannot know which event loop its client runs on, nor run on it once the test has ended."""
    adapter = HttpxAdapter(limits=Limits(keepalive=0))

    async def twice() -> int:
        async with serve(always(http_response())) as server:
            for _ in range(2):
                await adapter.send(get(server.url))
            assert not adapter.connected
            return server.connections

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [asyncio.run(twice()), trio.run(twice), asyncio.run(twice())] == [2, 2, 2]
        gc.collect()


@pytest.mark.anyio
async def test_closing_leaves_nothing_open() -> None:
    async with serve(always(http_response())) as server:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            adapter = HttpxAdapter()
            await adapter.send(get(server.url))
            await adapter.aclose()
            del adapter
            gc.collect()
            await anyio.wait_all_tasks_blocked()
            gc.collect()
    assert [str(one.message) for one in caught] == []


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
