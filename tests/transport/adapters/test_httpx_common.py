"""What both httpx adapters share, without an event loop; with one, it is in `contract`."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest

from omnivery.errors import AmbiguousError
from omnivery.transport.adapters.httpx_async import ClientAdapter
from omnivery.transport.adapters.httpx_common import to_httpx
from omnivery.transport.adapters.httpx_sync import SyncClientAdapter, SyncHttpxAdapter
from omnivery.transport.config import Limits
from omnivery.transport.http import Request
from omnivery.transport.multipart import FilePart, MultipartContent
from tests.support import sync
from tests.support.fakes import always, drive, http_response, serve

LIMIT = 1_000_000

BOMB = http_response("200 OK", gzip.compress(b" " * 5_000_000), "Content-Encoding: gzip", "Content-Type: text/plain")


def request(url: str) -> Request:
    return Request(method="GET", url=url)


LARGE = http_response("200 OK", b" " * 5_000_000, "Content-Type: text/plain")


@pytest.mark.parametrize("data", [BOMB, LARGE], ids=["bomb", "large"])
@pytest.mark.parametrize("own", [True, False], ids=["ours", "the caller's client"])
def test_an_adapter_without_a_loop_bounds_its_responses(own: bool, data: bytes) -> None:
    limits = Limits(max_response_bytes=LIMIT)
    with sync.serving(sync.always(data)) as server, httpx.Client(verify=False) as client:
        adapter: Any = SyncHttpxAdapter(limits=limits) if own else SyncClientAdapter(client=client, limits=limits)
        for _ in range(2):
            with pytest.raises(AmbiguousError, match="max_response_bytes"):
                drive(adapter.send(request(server.url)))
        drive(adapter.aclose())


@pytest.mark.anyio
async def test_a_response_that_a_hook_has_read_is_taken_as_it_is() -> None:
    async def read(response: httpx.Response) -> None:
        await response.aread()

    reply = http_response("200 OK", gzip.compress(b"abc"), "Content-Encoding: gzip")
    async with serve(always(reply)) as server, httpx.AsyncClient(verify=False) as client:
        client.event_hooks = {"response": [read]}
        found = await ClientAdapter(client=client).send(request(server.url))
        assert found.content == b"abc"
        with pytest.raises(AmbiguousError, match="max_response_bytes"):
            await ClientAdapter(client=client, limits=Limits(max_response_bytes=2)).send(request(server.url))


# Bytes beyond a response

FIRST, SECOND = http_response("200 OK", b"first"), http_response("200 OK", b"second")
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n"
BEYOND = [FIRST + SECOND, FIRST + b"junk", FIRST + SECOND[:20], CHUNKED + SECOND]


@pytest.mark.parametrize("data", BEYOND)
def test_bytes_beyond_a_response_are_not_the_next_one_without_a_loop(data: bytes) -> None:
    with sync.serving(sync.always(data)) as server:
        adapter = SyncHttpxAdapter()
        for _ in range(3):
            assert drive(adapter.send(request(server.url))).content == b"first"
        drive(adapter.aclose())
    assert server.connections == 3


# What httpx is given

HOST = "http://example.com:8080/path"
PART = FilePart(name="f", filename="f.txt", content=b"12345", content_type="text/plain")
FILE = MultipartContent.of("b", b"", [PART])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Request(method="GET", url=HOST), [("host", "example.com:8080")]),
        (Request(method="DELETE", url="https://example.com/"), [("host", "example.com")]),
        (Request(method="POST", url=HOST), [("host", "example.com:8080"), ("content-length", "0")]),
        (Request(method="PUT", url=HOST, content=b"abc"), [("host", "example.com:8080"), ("content-length", "3")]),
        (Request(method="GET", url=HOST, headers=(("host", "other"), ("x-a", "b"))), [("host", "other"), ("x-a", "b")]),
        (
            Request(method="POST", url=HOST, content=FILE),
            [("host", "example.com:8080"), ("content-length", str(FILE.length))],
        ),
    ],
)
def test_a_request_has_the_header_fields_that_http_requires(given: Request, expected: list[tuple[str, str]]) -> None:
    """As httpx sets them on a request that it encodes itself."""
    assert to_httpx(given).headers.multi_items() == expected


def test_hooks_and_mocks_see_the_content_of_a_request() -> None:
    seen: list[bytes] = []
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    client.event_hooks = {"request": [lambda request: seen.append(request.content)]}
    drive(SyncClientAdapter(client=client).send(Request(method="POST", url=HOST, content=b"abc")))
    drive(SyncClientAdapter(client=client).send(Request(method="GET", url=HOST)))
    assert seen == [b"abc", b""]
