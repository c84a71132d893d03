"""Responses of every framing: each is whole, bounded, and never made of the bytes of another."""

from __future__ import annotations

import gzip

import anyio
import pytest
from anyio.abc import ByteStream

from omnivery.errors import AmbiguousError
from omnivery.transport.config import Limits, Timeouts
from omnivery.transport.http import Request
from tests.support.adapters import ANY, Lane
from tests.support.fakes import Seen, always, http_response, serve

LIMIT = 1_000_000
any_adapter = pytest.mark.parametrize("lane", ANY, ids=str)

pytestmark = pytest.mark.anyio


def request(url: str, method: str = "GET") -> Request:
    return Request(method=method, url=url, timeouts=Timeouts(connect=30.0, read=30.0, write=30.0))


# Framing

FIRST, SECOND = http_response("200 OK", b"first"), http_response("200 OK", b"second")
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n"
LF_ONLY = b"HTTP/1.1 200 OK\ncontent-length: 5\n\nfirst"


@pytest.mark.parametrize(
    ("data", "connections"),
    [
        pytest.param(FIRST, 1, id="content-length"),
        pytest.param(CHUNKED, 1, id="chunked"),
        pytest.param(CHUNKED[:-2] + b"x-checksum: 1\r\n\r\n", 1, id="trailer"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + FIRST, 1, id="103"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + CHUNKED, 1, id="100 three times"),
        pytest.param(LF_ONLY, 1, id="line feeds alone"),
        pytest.param(http_response("200 OK", b"first", "Connection: close"), 3, id="connection: close"),
        pytest.param(FIRST.replace(b"1.1", b"1.0"), 3, id="HTTP/1.0"),
        pytest.param(http_response("200 OK", b"first", "x-long: " + "y" * 20_000), 1, id="a long field"),
        pytest.param(http_response("404 Not Found", b"first"), 1, id="404"),
        pytest.param(http_response("500 Internal Server Error", b"first"), 1, id="500"),
        pytest.param(http_response("302 Found", b"first", "location: http://127.0.0.1:9/"), 1, id="redirect"),
    ],
)
async def test_a_response_is_read_and_the_connection_used_again(lane: Lane, data: bytes, connections: int) -> None:
    """However the bytes arrive: at once, cut in the head, and cut before the last byte."""
    cuts = iter((0, 7, -1))

    async def respond(stream: ByteStream, _seen: Seen) -> None:
        if cut := next(cuts):
            await stream.send(data[:cut])
            await anyio.sleep(0.002)
        await stream.send(data[cut:])
        if connections > 1:
            await stream.aclose()

    async with serve(respond) as server, lane.open() as adapter:
        for _ in range(3):
            assert (await adapter.send(request(server.url))).content == b"first"
    assert (server.connections, len(server.seen)) == (connections, 3)


@pytest.mark.parametrize(
    ("method", "status", "fields"),
    [
        ("HEAD", "200 OK", "Content-Length: 99"),
        ("HEAD", "200 OK", "Transfer-Encoding: chunked"),
        ("HEAD", "404 Not Found", "Content-Length: 99"),
        ("GET", "204 No Content", "x: y"),
        ("GET", "204 No Content", "Content-Length: 0"),
        ("GET", "304 Not Modified", "Content-Length: 99"),
        ("POST", "200 OK", "Content-Length: 0"),
    ],
)
async def test_a_response_that_has_no_body_needs_none(lane: Lane, method: str, status: str, fields: str) -> None:
    """Their length says what a GET would have brought (RFC 9110, section 8.6)."""
    async with serve(always(f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode())) as server, lane.open() as adapter:
        for _ in range(2):
            found = await adapter.send(request(server.url, method))
            assert (found.status, found.content) == (int(status[:3]), b"")
    assert server.connections == 1


async def test_a_body_of_unknown_length_ends_with_the_connection(lane: Lane) -> None:
    async def respond(stream: ByteStream, _seen: Seen) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\n\r\nfirst")
        await stream.aclose()

    async with serve(respond) as server, lane.open() as adapter:
        for _ in range(2):
            assert (await adapter.send(request(server.url))).content == b"first"
    assert server.connections == 2


# Bounds

BOMB = http_response("200 OK", gzip.compress(b" " * 5_000_000), "Content-Encoding: gzip", "Content-Type: text/plain")
LARGE = http_response("200 OK", b" " * 5_000_000, "Content-Type: text/plain")


@any_adapter
@pytest.mark.parametrize("data", [BOMB, LARGE], ids=["bomb", "large"])
async def test_a_response_is_bounded(lane: Lane, data: bytes) -> None:
    async with serve(always(data)) as server, lane.open(limits=Limits(max_response_bytes=LIMIT)) as adapter:
        for _ in range(2):
            with pytest.raises(AmbiguousError, match="max_response_bytes"):
                await adapter.send(request(server.url))
    assert len(server.seen) == 2


@any_adapter
async def test_a_content_coding_is_undone_although_nobody_asked_for_it(lane: Lane) -> None:
    reply = http_response("200 OK", gzip.compress(b"first"), "Content-Encoding: gzip")
    async with serve(always(reply)) as server, lane.open() as adapter:
        assert (await adapter.send(request(server.url))).content == b"first"
    assert "accept-encoding" not in server.seen[0].headers or lane.kind == "http_client"


# Bytes beyond a response

BEYOND = [
    FIRST + SECOND,
    FIRST + b"junk",
    FIRST + SECOND[:20],
    CHUNKED + SECOND,
    CHUNKED + b"junk",
    CHUNKED + SECOND[:20],
]


@pytest.mark.parametrize("data", BEYOND)
async def test_bytes_beyond_a_response_are_not_the_next_one(lane: Lane, data: bytes) -> None:
    """Seen with a doubled response: every other batch was counted as accepted, and no server had taken it."""
    async with serve(always(data)) as server, lane.open() as adapter:
        for _ in range(3):
            assert (await adapter.send(request(server.url))).content == b"first"
    assert (server.connections, len(server.seen)) == (3, 3)


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("HEAD", FIRST),
        ("GET", http_response("204 No Content", b"first")),
        ("GET", http_response("304 Not Modified", b"first")),
    ],
)
async def test_a_body_where_there_can_be_none_is_not_the_next_response(lane: Lane, method: str, data: bytes) -> None:
    async with serve(always(data)) as server, lane.open() as adapter:
        for _ in range(3):
            assert (await adapter.send(request(server.url, method))).content == b""
    assert (server.connections, len(server.seen)) == (3, 3)


async def test_bytes_that_come_after_a_response_are_not_the_next_one_either(lane: Lane) -> None:
    """The connection is idle by then."""
    idle, sent = anyio.Event(), anyio.Event()

    async def respond(stream: ByteStream, _seen: Seen) -> None:
        await stream.send(FIRST)
        await idle.wait()
        await stream.send(SECOND)
        sent.set()

    async with serve(respond) as server, lane.open() as adapter:
        for _ in range(3):
            idle, sent = anyio.Event(), anyio.Event()
            assert (await adapter.send(request(server.url))).content == b"first"
            idle.set()
            with anyio.fail_after(30):
                await sent.wait()
            await anyio.sleep(0.01)
    assert (server.connections, len(server.seen)) == (3, 3)


async def test_bytes_beyond_a_response_that_was_refused_are_not_the_next_one_either(lane: Lane) -> None:
    cut_short = http_response("200 OK", gzip.compress(b"first")[:-4], "Content-Encoding: gzip")
    async with serve(always(cut_short + SECOND)) as server, lane.open() as adapter:
        for _ in range(3):
            with pytest.raises(AmbiguousError, match="cut short"):
                await adapter.send(request(server.url))
        assert not adapter.connected
    assert server.connections == 3


async def test_cookies_are_not_kept(lane: Lane) -> None:
    """A load balancer's cookie would tie every request to one server; another's would be a leak."""
    async with (
        serve(always(http_response("200 OK", b"{}", "Set-Cookie: a=b; Path=/"))) as server,
        lane.open() as adapter,
    ):
        for _ in range(2):
            await adapter.send(request(server.url))
    assert "cookie" not in server.seen[1].headers
