"""The aiohttp adapter, beside what the contract of all adapters says of it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from importlib.machinery import PathFinder
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute

from omnivery import AsyncAutomations
from omnivery.errors import AmbiguousError, ConfigError
from omnivery.transport.config import CallOptions, Timeouts
from omnivery.transport.http import Headers, Request, Response
from tests.support import sync
from tests.support.adapters import open_connections
from tests.support.bots import events
from tests.support.fakes import Seen, always, http_response, serve

aiohttp: Any = pytest.importorskip("aiohttp")

from omnivery.transport.adapters import aiohttp_async  # noqa: E402
from omnivery.transport.adapters.aiohttp_async import AiohttpAdapter  # noqa: E402


def get(url: str) -> Request:
    return Request(method="GET", url=url, timeouts=Timeouts(connect=30.0, read=30.0, write=30.0))


# Where it runs


def test_trio_is_refused_in_clear_words() -> None:
    async def main() -> None:
        async with AsyncAutomations("token", base_url="http://127.0.0.1:9", adapter="aiohttp") as client:
            with pytest.raises(ConfigError, match="asyncio only: leave it out on trio"):
                await client.account.test()

    anyio.run(main, backend="trio")


def test_without_aiohttp_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = PathFinder.find_spec
    monkeypatch.delitem(sys.modules, "aiohttp")
    monkeypatch.setattr(PathFinder, "find_spec", lambda name, *a: None if name == "aiohttp" else find(name, *a))
    with pytest.raises(ConfigError, match=r"pip install 'omnivery\[fast\]'"):
        AsyncAutomations("token", adapter="aiohttp")


def test_an_unknown_adapter_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected 'httpx' or 'aiohttp', not 'requests'"):
        AsyncAutomations("token", adapter="requests")  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_a_callers_client_of_httpx_is_refused() -> None:
    import httpx

    async with httpx.AsyncClient(verify=False) as client:
        with pytest.raises(ConfigError, match="http_client is a client of httpx"):
            AsyncAutomations("token", adapter="aiohttp", http_client=client)


@pytest.mark.asyncio
async def test_a_version_of_aiohttp_that_is_built_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not known to say where a response ends must not be used."""
    monkeypatch.setattr(aiohttp_async, "_connector", lambda _loop: aiohttp.TCPConnector())
    async with serve(always(http_response())) as server:
        adapter = AiohttpAdapter()
        with pytest.raises(ConfigError, match="does not work with aiohttp"):
            await adapter.send(get(server.url))
        await adapter.aclose()
    assert server.seen == []


def test_a_socks_proxy_is_refused_and_httpx_named() -> None:
    with pytest.raises(ConfigError, match="SOCKS needs adapter='httpx'"):
        AsyncAutomations("token", adapter="aiohttp", proxy="socks5://127.0.0.1:1080")


def test_the_lane_loads_no_httpx() -> None:
    """It takes half as long again to start otherwise."""
    make = 'from omnivery import AsyncAutomations; AsyncAutomations("t", adapter="aiohttp")'
    code = f"{make}; import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "aiohttp" in loaded
    assert "httpx" not in loaded


# While a large request is sent


@pytest.mark.asyncio
@pytest.mark.parametrize("status", ["413 Content Too Large", "401 Unauthorized"])
async def test_a_refusal_comes_through_although_the_server_reads_no_more(status: str) -> None:
    """Else a batch that is too large would be a lost response, and be sent again."""

    async def refuse(stream: ByteStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(http_response(status, b"no"))
            await anyio.sleep_forever()

    listener, adapter = await anyio.create_tcp_listener(local_host="127.0.0.1"), AiohttpAdapter()
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, refuse)
        url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        with anyio.fail_after(20):
            found = await adapter.send(Request(method="POST", url=url, content=b"x" * 9_000_000))
        assert (found.status, found.content) == (int(status[:3]), b"no")
        assert open_connections(adapter) == 0, "the rest of the request would be the next one"
        await adapter.aclose()
        tasks.cancel_scope.cancel()


@pytest.mark.asyncio
async def test_a_success_that_comes_early_does_not_end_the_request() -> None:
    """The server may need the rest of it for the rest of the response."""
    body = b"x" * 3_000_000

    async def respond(stream: ByteStream) -> None:
        async with stream:
            received = len(await stream.receive())
            await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
            while received < len(body):
                received += len(await stream.receive())
            await stream.send(b"whole")
            await anyio.sleep_forever()

    listener, adapter = await anyio.create_tcp_listener(local_host="127.0.0.1"), AiohttpAdapter()
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, respond)
        url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        with anyio.fail_after(30):
            assert (await adapter.send(Request(method="POST", url=url, content=body))).content == b"whole"
        await adapter.aclose()
        tasks.cancel_scope.cancel()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"], ids=["head", "body"]
)
async def test_a_response_that_comes_byte_by_byte_is_given_up_by_its_end(start: bytes) -> None:
    """Each byte starts the read timeout anew. Without a scope, the adapter of bulk work looks at the clock itself."""

    async def trickle(stream: ByteStream, _seen: Seen) -> None:
        await stream.send(start)
        while True:
            await stream.send(b"2")
            await anyio.sleep(0.01)

    async with serve(trickle) as server:
        adapter = AiohttpAdapter()
        request = get(server.url)
        request.progress.ends_by = time.monotonic() + 0.1
        with anyio.fail_after(30), pytest.raises(AmbiguousError, match="no complete response came within 600 s"):
            await adapter.send(request)
        assert open_connections(adapter) == 0
        await adapter.aclose()


@pytest.mark.asyncio
async def test_only_bulk_work_without_a_deadline_has_such_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[float] = []

    async def send(_self: AiohttpAdapter, request: Request) -> Response:
        ends.append(request.progress.ends_by - time.monotonic())
        return Response(status=200, headers=Headers([]), content=b"{}")

    monkeypatch.setattr(AiohttpAdapter, "send", send)
    settings: Any = {"domain": "x.example", "webhook_url": "https://x.example/", "adapter": "aiohttp"}
    async with AsyncAutomations("t", **settings) as client:
        await client.bots.submit(events(1))
        await client.bots.submit(events(1), options=CallOptions(deadline=5.0))
        await client.bots.submit_batch(events(1))
    assert 500 < ends[0] <= 600
    assert ends[1:] == [math.inf, math.inf]


# Closing


@pytest.mark.asyncio
async def test_closing_that_is_cancelled_leaves_no_connection_open() -> None:
    """Ctrl-C at a program's very end: aiohttp would warn of each open connection."""
    async with serve(always(http_response())) as server:
        adapter = AiohttpAdapter()
        await adapter.send(get(server.url))
        assert open_connections(adapter) == 1
        with anyio.CancelScope() as scope:
            scope.cancel()
            await adapter.aclose()
        assert scope.cancelled_caught
        assert not adapter.connected


@pytest.mark.asyncio
async def test_a_request_that_closing_ended_is_said_to_be_that() -> None:
    async def stay_silent(_stream: ByteStream, _seen: Seen) -> None:
        await anyio.sleep_forever()

    async with serve(stay_silent) as server, anyio.create_task_group() as tasks:
        adapter = AiohttpAdapter()

        async def send() -> None:
            with pytest.raises(AmbiguousError, match="the client was closed before the response was complete"):
                await adapter.send(get(server.url))

        tasks.start_soon(send)
        with anyio.fail_after(30):
            while not server.seen:  # noqa: ASYNC110  # the server has no event for it
                await anyio.sleep(0.001)
        await adapter.aclose()


# Synchronous clients


def test_bulk_work_of_a_synchronous_client_runs_over_it_and_single_calls_over_httpx() -> None:
    with sync.serving(sync.always(sync.response())) as server:
        with sync.client_of(server, adapter="aiohttp") as client:
            client.account.test()
            assert not client._async._has_connections()
            report = client.bots.submit(events(1_001))
            assert (report.accepted, client._async._has_connections()) == (1_001, True)
        assert not client._async._has_connections()


FORK = """
where = {"base_url": url, "domain": "mail.example.com", "webhook_url": "http://127.0.0.1:9/"}
client = Automations("token", adapter="aiohttp", **where)
assert client.bots.submit(events(600)).accepted == 600
if (child := os.fork()) == 0:
    assert client.bots.submit(events(600)).accepted == 600
    client.account.test()
    client.close()
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert client.bots.submit(events(600)).accepted == 600
client.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_has_connections_of_its_own() -> None:
    with sync.serving(sync.always(sync.response())) as server:
        done = sync.run(FORK, server.url)
    assert (done.returncode, done.stderr) == (0, "")
    child, parent = server.requests[2:4], server.requests[-2:]
    assert {one.connection for one in server.requests[:2]} >= {one.connection for one in parent}
    assert not {one.connection for one in child} & {one.connection for one in parent}
