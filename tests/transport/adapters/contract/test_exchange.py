"""One exchange on real sockets: what is sent, what comes back, and what each way to lose it becomes."""

from __future__ import annotations

import gc
import socket
import struct
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute

from omnivery.errors import AmbiguousError, NotSentError
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Phase, Request
from tests.support.adapters import ANY, Lane
from tests.support.clocks import pass_time
from tests.support.fakes import Seen, always, http_response, serve

SHORT = Timeouts(connect=30.0, read=30.0, write=30.0)
any_adapter = pytest.mark.parametrize("lane", ANY, ids=str)

pytestmark = pytest.mark.anyio


def get(url: str, *, read: float = 30.0) -> Request:
    return Request(method="GET", url=url, timeouts=Timeouts(connect=30.0, read=read, write=30.0))


def post(url: str, content: bytes, *, write: float = 30.0) -> Request:
    timeouts = Timeouts(connect=30.0, read=30.0, write=write)
    return Request(method="POST", url=url, content=content, timeouts=timeouts)


async def test_a_request_is_sent_as_it_is_and_its_response_comes_back_whole(lane: Lane) -> None:
    reply = http_response(
        "418 I'm a teapot", b"short and stout", "X-Twice: a", "x-twice: b", "Content-Type: text/plain"
    )
    async with serve(always(reply)) as server, lane.open() as adapter:
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
    assert seen.headers["host"] == server.url.removeprefix("http://")


@pytest.mark.parametrize(
    ("method", "length"), [("GET", None), ("DELETE", None), ("POST", "0"), ("PUT", "0"), ("PATCH", "0")]
)
async def test_a_request_without_content_says_so_where_it_must(lane: Lane, method: str, length: str | None) -> None:
    """A POST without a length is refused with 411 by many servers."""
    async with serve(always(http_response())) as server, lane.open() as adapter:
        await adapter.send(Request(method=method, url=server.url, timeouts=SHORT))
    assert server.seen[0].headers.get("content-length") == length


class File:
    """Content that is read while it is sent."""

    def __init__(self, *blocks: bytes) -> None:
        self._blocks = blocks
        self.length = sum(map(len, blocks))

    def blocks(self) -> object:
        return iter(self._blocks)


@pytest.mark.parametrize("content", [File(b"a" * 65_536, b"b" * 65_536, b"c"), b"x" * 1_500_000], ids=["file", "bytes"])
async def test_large_content_arrives_whole(lane: Lane, content: File | bytes) -> None:
    request = Request(method="POST", url="", content=content, timeouts=SHORT)  # type: ignore[arg-type]
    async with serve(always(http_response())) as server, lane.open() as adapter:
        for _ in range(2):
            await adapter.send(
                Request(method="POST", url=server.url, content=request.content, timeouts=SHORT),
            )
    whole = content if isinstance(content, bytes) else b"".join(content._blocks)
    assert [seen.body for seen in server.seen] == [whole, whole]
    assert server.connections == 1


# Lost responses


async def close(stream: ByteStream, _seen: Seen) -> None:
    await stream.aclose()


async def reset(stream: ByteStream, _seen: Seen) -> None:
    # Lingering for no time makes the system send a reset in place of an orderly end.
    raw = stream.extra(SocketAttribute.raw_socket)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await stream.aclose()


async def partly_and_reset(data: bytes, stream: ByteStream, seen: Seen) -> None:
    await stream.send(data)
    await anyio.sleep(0.01)  # a reset overtakes what was not read yet
    await reset(stream, seen)


async def stay_silent(_stream: ByteStream, _seen: Seen) -> None:
    await anyio.sleep_forever()


async def partly(data: bytes, stream: ByteStream, _seen: Seen) -> None:
    await stream.send(data)
    await stream.aclose()


async def and_silence(data: bytes, stream: ByteStream, _seen: Seen) -> None:
    await stream.send(data)
    await anyio.sleep_forever()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@any_adapter
@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(close, id="closed before the headers"),
        pytest.param(reset, id="reset before the headers"),
        pytest.param(partial(partly, b"HTTP/1.1 200 OK\r\nConte"), id="closed in the headers"),
        pytest.param(partial(partly, b"HTTP/1.1 100 Continue\r\n\r\n"), id="closed after an interim response"),
        pytest.param(partial(partly, http_response("200 OK", b"x" * 99)[:-9]), id="closed in the body"),
        pytest.param(partial(partly_and_reset, b"HTTP/1.1 200 OK\r\n\r\n{}"), id="reset in a body without a length"),
        pytest.param(partial(partly, CHUNKED + b"5\r\nab"), id="closed in a chunk"),
        pytest.param(partial(partly, CHUNKED + b"5\r\nabcde\r\n"), id="closed between chunks"),
        pytest.param(partial(and_silence, CHUNKED + b"zz\r\nabcde\r\n"), id="no number of bytes"),
        pytest.param(
            partial(partly, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            id="another protocol",
        ),
        pytest.param(partial(partly, b"220 mail.example.org ESMTP\r\n\r\n"), id="no HTTP at all"),
        pytest.param(partial(and_silence, b"HTTP/1.1 200 OK\r\nx: " + b"y" * 150_000), id="an endless head"),
        pytest.param(partial(and_silence, b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), id="a length that is none"),
    ],
)
async def test_a_response_that_is_lost_in_any_way_is_ambiguous(
    handler: Callable[[ByteStream, Seen], Awaitable[None]], lane: Lane
) -> None:
    """The request was received: nobody can know here whether it was acted upon."""
    async with serve(handler) as server, lane.open() as adapter:
        with pytest.raises(AmbiguousError) as caught:
            await adapter.send(get(server.url))
    assert len(server.seen) == 1, "an idempotent request is not sent again either: that is the pipeline's decision"
    assert caught.value.may_have_happened


@any_adapter
@pytest.mark.parametrize("handler", [partly, partly_and_reset, and_silence])
async def test_a_refusal_is_one_although_the_rest_of_its_body_is_lost(
    handler: Callable[[bytes, ByteStream, Seen], Awaitable[None]], lane: Lane
) -> None:
    """A proxy that refuses a large request sends its page and hangs up. Such a mail was not sent."""
    page = http_response("413 Content Too Large", b"<html>" * 9)
    async with serve(partial(handler, page[:-9])) as server, lane.open() as adapter:
        with anyio.fail_after(20):
            found = await adapter.send(get(server.url, read=0.1))
    assert (found.status, found.content) == (413, b"<html>" * 7 + b"<ht")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200", id="a part of the head"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n", id="an interim response"),
        pytest.param(http_response("200 OK", b"x" * 99)[:-9], id="a part of the body"),
        pytest.param(CHUNKED + b"5\r\nab", id="a part of a chunk"),
    ],
)
async def test_a_response_that_stops_is_ambiguous_after_the_read_timeout(lane: Lane, data: bytes) -> None:
    async def handler(stream: ByteStream, _seen: Seen) -> None:
        if data:
            await stream.send(data)
        await anyio.sleep_forever()

    request = get("", read=0.03)
    async with serve(handler) as server, lane.open() as adapter:
        with anyio.fail_after(20), pytest.raises(AmbiguousError, match="read timeout"):
            await adapter.send(Request(method="GET", url=server.url, timeouts=request.timeouts))


async def test_the_read_timeout_starts_anew_with_each_piece(lane: Lane) -> None:
    async def slowly(stream: ByteStream, _seen: Seen) -> None:
        data = http_response("200 OK", b"12345678")
        for piece in (data[:9], data[9:-8], *(data[at : at + 1] for at in range(-8, -1)), data[-1:]):
            await stream.send(piece)
            await anyio.sleep(0.003)
            pass_time(20)
            await anyio.sleep(0.001)

    async with serve(slowly) as server, lane.open() as adapter:
        assert (await adapter.send(get(server.url, read=70))).content == b"12345678"


DAMAGED = http_response("200 OK", b"\x1f\x8b\x08 this is no gzip", "Content-Encoding: gzip")


@any_adapter
# When a decoder fails, httpx leaves its generators to the garbage collector, and trio complains of that.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*async_generator")
async def test_a_damaged_content_coding_is_ambiguous(lane: Lane) -> None:
    async with serve(always(DAMAGED)) as server, lane.open() as adapter:
        with pytest.raises(AmbiguousError, match="content coding is damaged"):
            await adapter.send(get(server.url))
        gc.collect()
    assert len(server.seen) == 1


async def test_a_server_that_speaks_another_protocol_is_not_said_to_have_closed(lane: Lane) -> None:
    """If the base URL names a mail server, the message should reveal it."""
    async with serve(always(b"220 mail.example.org ESMTP\r\n\r\n")) as server, lane.open() as adapter:
        with pytest.raises(AmbiguousError, match="HTTP"):
            await adapter.send(get(server.url))


# While the request is sent


async def test_a_server_that_takes_nothing_more_is_ambiguous_after_the_write_timeout(lane: Lane) -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, lane.open() as adapter:
        url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        request = post(url, b"x" * 10_000_000, write=0.03)
        with anyio.fail_after(20), pytest.raises(AmbiguousError, match="write timeout"):
            await adapter.send(request)
    assert request.progress.phase is Phase.SENDING


async def test_a_connection_that_breaks_while_the_request_is_sent_is_ambiguous(lane: Lane) -> None:
    async def hang_up(stream: ByteStream) -> None:
        await stream.receive()
        await stream.aclose()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks, lane.open() as adapter:
        tasks.start_soon(listener.serve, hang_up)
        with anyio.fail_after(20), pytest.raises(AmbiguousError):
            await adapter.send(post(f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}", b"x" * 9_000_000))
        tasks.cancel_scope.cancel()


# What is wrong with the request


@pytest.mark.parametrize("url", ["https://[::1/", "ftp://127.0.0.1/", "/x", "https://\u0301.example/"])
async def test_an_invalid_url_is_final(lane: Lane, url: str) -> None:
    async with lane.open() as adapter:
        with pytest.raises(NotSentError, match="would fail again") as caught:
            await adapter.send(get(url))
    assert caught.value.permanent


@pytest.mark.parametrize("url", ["https://exa mple.org/", "https://h:99999/", f"http://{'a' * 64}.example.org/"])
async def test_a_host_or_port_that_cannot_be_is_not_sent(lane: Lane, url: str) -> None:
    """A label of more than 63 letters fails before any look-up, with an error that is not the library's."""
    async with lane.open() as adapter:
        with pytest.raises(NotSentError):
            await adapter.send(get(url))


@any_adapter
@pytest.mark.parametrize(
    "field", [("x-a", "b\nc"), ("x-a", "b\r\nx-c: d"), ("x a", "b"), ("x-a\r\nx-c", "b"), ("", "b"), ("x-a", " b\x00")]
)
async def test_an_invalid_header_field_is_final_and_was_not_sent(lane: Lane, field: tuple[str, str]) -> None:
    """Among them what would inject a field, or a second request."""
    async with serve(always(http_response())) as server, lane.open() as adapter:
        with pytest.raises(NotSentError, match="check its header fields") as caught:
            await adapter.send(Request(method="GET", url=server.url, headers=(field,), timeouts=SHORT))
    assert (caught.value.permanent, server.seen) == (True, [])


async def test_a_length_that_the_content_does_not_have_is_final(lane: Lane) -> None:
    """h11 finds out after the head was written."""
    async with serve(always(http_response())) as server, lane.open() as adapter:
        request = Request(method="POST", url=server.url, headers=(("content-length", "2"),), content=b"12345")
        with pytest.raises((NotSentError, AmbiguousError)) as caught:
            await adapter.send(request)
    assert caught.value.permanent
    assert caught.value.may_have_happened is (lane.kind == "httpx")


async def test_the_url_is_in_no_error(lane: Lane, refused_port: int) -> None:
    """Paths hold recipients. An error's causes are shown with it."""
    async with serve(close) as server, lane.open() as adapter:
        for url in (f"http://127.0.0.1:{refused_port}", server.url):
            with pytest.raises((NotSentError, AmbiguousError)) as caught:
                await adapter.send(get(f"{url}/ann@example.com"))
            error: BaseException | None = caught.value
            while error is not None:
                assert "ann" not in str(error) + repr(error)
                error = error.__cause__ or error.__context__
