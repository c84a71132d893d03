"""Proxies: what they are told, what they must not learn, and what is known when they fail."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.abc import ByteStream

from omnivery import AsyncAutomations, CallOptions, RetryPolicy
from omnivery.errors import ConfigError, NotSentError
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Phase, Request
from tests.support.adapters import Lane
from tests.support.fakes import Seen, always, http_response, serve

KEY = (("ov-token", "our-key"),)

pytestmark = pytest.mark.anyio


def get(url: str) -> Request:
    return Request(method="GET", url=url, headers=KEY, timeouts=Timeouts(connect=30.0, read=30.0, write=30.0))


def with_user(url: str) -> str:
    return url.replace("http://", "http://ann:p%40ss@")


CREDENTIAL = f"Basic {b64encode(b'ann:p@ss').decode()}"


async def test_a_proxy_of_plain_http_is_told_the_whole_url(lane: Lane) -> None:
    async with serve(always(http_response())) as proxy, lane.open(proxy=with_user(proxy.url)) as adapter:
        for _ in range(2):
            await adapter.send(get("http://api.example.org:8080/a%2Fb?q=1"))
    [seen, _] = proxy.seen
    assert (seen.target, seen.headers["host"]) == ("http://api.example.org:8080/a%2Fb?q=1", "api.example.org:8080")
    assert (seen.headers["proxy-authorization"], seen.headers["ov-token"]) == (CREDENTIAL, "our-key")
    assert proxy.connections == 1


async def test_a_tunnel_hides_the_request_from_the_proxy(
    lane: Lane, server_context: Callable[..., ssl.SSLContext], trusting: ssl.SSLContext
) -> None:
    async with serve(always(http_response("200 OK", b"whole")), tls=server_context()) as server:
        port = int(server.url.rpartition(":")[2])

        async def tunnel(stream: ByteStream, _seen: Seen) -> None:
            async with await anyio.connect_tcp("127.0.0.1", port) as onward, anyio.create_task_group() as tasks:
                await stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                tasks.start_soon(copy, stream, onward)
                await copy(onward, stream)
                tasks.cancel_scope.cancel()

        async with serve(tunnel) as proxy, lane.open(proxy=with_user(proxy.url), verify=trusting) as adapter:
            for _ in range(2):
                assert (await adapter.send(get(f"{server.url}/x"))).content == b"whole"
    [seen] = proxy.seen
    assert seen.target == f"127.0.0.1:{port}"
    assert seen.headers["proxy-authorization"] == CREDENTIAL
    assert "ov-token" not in seen.headers
    assert [(one.target, one.headers.get("proxy-authorization")) for one in server.seen] == [("/x", None)] * 2
    assert server.connections == 1


async def copy(source: ByteStream, target: ByteStream) -> None:
    try:
        async for data in source:
            await target.send(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


async def refuse_tunnel(stream: ByteStream, _seen: Seen) -> None:
    await stream.send(http_response("403 Forbidden"))


async def cut_tunnel(stream: ByteStream, _seen: Seen) -> None:
    await stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await stream.aclose()


async def hang_up(stream: ByteStream, _seen: Seen) -> None:
    await stream.aclose()


async def speak_no_http(stream: ByteStream, _seen: Seen) -> None:
    await stream.send(b"220 mail.example.org ESMTP\r\n\r\n")
    await stream.aclose()


async def stay_silent(_stream: ByteStream, _seen: Seen) -> None:
    await anyio.sleep_forever()


@pytest.mark.parametrize("handler", [refuse_tunnel, cut_tunnel, hang_up, speak_no_http])
async def test_a_tunnel_that_fails_did_not_send_the_request(
    lane: Lane, handler: Callable[[ByteStream, Seen], Awaitable[None]]
) -> None:
    request = get("https://192.0.2.1/ann")
    async with serve(handler) as proxy, lane.open(proxy=with_user(proxy.url)) as adapter:
        with pytest.raises(NotSentError) as caught:
            await adapter.send(request)
    assert request.progress.phase is Phase.CONNECTING
    assert_no_secret(caught.value)


async def test_a_tunnel_in_which_tls_failed_is_in_nobodys_way(lane: Lane) -> None:
    """httpcore keeps its connection as busy: every later request would wait for that, in vain."""

    async def no_tls(stream: ByteStream, _seen: Seen) -> None:
        await stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await stream.aclose()

    async with serve(no_tls) as proxy, lane.open(proxy=proxy.url) as adapter:
        for _ in range(3):
            with anyio.fail_after(20), pytest.raises(NotSentError, match="no connection could be made"):
                await adapter.send(get("https://192.0.2.1/ann"))
        assert not adapter.connected
    assert len(proxy.seen) == 3


@pytest.mark.parametrize(
    ("status", "words", "permanent"),
    [
        ("407 Proxy Authentication Required", "407 Proxy Authentication Required; check the user name", True),
        ("403 Forbidden", "403 Forbidden; check whether it may connect to this host", True),
        ("502 Bad Gateway", "the proxy refused the connection: 502 Bad Gateway", False),
        ("599 our-key", "the proxy refused the connection: 599 Unknown status", False),
    ],
)
async def test_why_a_proxy_refuses_is_said(lane: Lane, status: str, words: str, permanent: bool) -> None:
    """A wrong password of the proxy's would be refused each time."""
    async with serve(always(http_response(status))) as proxy, lane.open(proxy=with_user(proxy.url)) as adapter:
        with pytest.raises(NotSentError, match=words) as caught:
            await adapter.send(get("https://192.0.2.1/ann"))
    assert caught.value.permanent is permanent
    assert "our-key" not in str(caught.value)


async def test_a_tunnel_is_bounded_by_a_timeout(lane: Lane) -> None:
    """httpx bounds it by the read timeout, aiohttp by that for connecting."""
    timeouts = Timeouts(connect=0.05, read=0.05, write=30.0)
    async with serve(stay_silent) as proxy, lane.open(proxy=proxy.url) as adapter:
        with anyio.fail_after(20), pytest.raises(NotSentError):
            await adapter.send(Request(method="GET", url="https://192.0.2.1/", timeouts=timeouts))


async def test_a_refusing_proxy_is_named_without_its_password(lane: Lane, refused_port: int) -> None:
    async with lane.open(proxy=f"http://ann:p%40ss@127.0.0.1:{refused_port}") as adapter:
        for url in ("http://192.0.2.1/ann", "https://192.0.2.1/ann"):
            with pytest.raises(NotSentError, match=f"to 127.0.0.1:{refused_port}: connection refused") as caught:
                await adapter.send(get(url))
            assert_no_secret(caught.value)
        assert "p%40ss" not in repr(adapter)


def assert_no_secret(error: BaseException) -> None:
    found: BaseException | None = error
    while found is not None:
        assert not any(secret in str(found) + repr(found) for secret in ("ann", "p%40ss", "p@ss", "our-key"))
        found = found.__cause__ or found.__context__


@pytest.mark.parametrize("proxy", ["nonsense", "ftp://127.0.0.1:1", "http://", "http://h:99999"])
async def test_a_proxy_that_cannot_be_used_is_refused_at_once(lane: Lane, proxy: str) -> None:
    with pytest.raises(ConfigError, match="proxy: "):
        lane.make(proxy=proxy)


@pytest.mark.parametrize(("excluded", "used"), [("", True), ("127.0.0.1", False), ("other.example", True)])
async def test_the_environments_proxy_is_used_if_asked_for_unless_it_excludes_the_host(
    lane: Lane, excluded: str, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = always(http_response("200 OK", b'{"auth": {}}', "content-type: application/json"))
    async with serve(reply) as proxy, serve(reply) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", excluded)
        for trusted in (True, False):
            kind = "aiohttp" if lane.kind == "aiohttp" else "httpx"
            client = AsyncAutomations("token", base_url=server.url, adapter=kind, trust_env=trusted)  # type: ignore[arg-type]
            async with client:
                await client.account.test(options=CallOptions(retry=RetryPolicy(attempts=1)))
    assert (len(proxy.seen), len(server.seen)) == ((1, 1) if used else (0, 2))
