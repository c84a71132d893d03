"""What a failure of httpx means, over each kind of transport that a client may have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import httpcore
import httpx
import pytest
import respx
from anyio.abc import ByteStream

from omnivery.errors import AmbiguousError, NotSentError, TransportError
from omnivery.transport.adapters.httpx_async import ClientAdapter, HttpxAdapter
from omnivery.transport.adapters.httpx_common import SendTrace
from omnivery.transport.adapters.httpx_errors import translate
from omnivery.transport.adapters.httpx_sync import SyncClientAdapter, SyncHttpxAdapter
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Adapter, Phase, Progress, Request
from tests.support import sync
from tests.support.cli import free_port
from tests.support.fakes import Seen, drive, http_response, serve

API = "https://api.example.org/things"


def kinds(cls: type[Exception]) -> Iterator[type[Exception]]:
    yield cls
    for child in cls.__subclasses__():
        yield from kinds(child)


KINDS = sorted({*kinds(httpx.TransportError), httpx.DecodingError}, key=str)
NOT_SENT = {
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
}


def get(url: str = API, *, headers: tuple[tuple[str, str], ...] = ()) -> Request:
    timeouts = Timeouts(connect=30.0, read=30.0, write=30.0)
    return Request(method="GET", url=url, headers=headers, timeouts=timeouts)


class Foreign(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """A transport over some other library, which traces nothing and translates as it likes."""

    def __init__(self, kind: type[Exception]) -> None:
        self.kind = kind

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise self.kind("text")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self.kind("text")


class Retrying(httpx.AsyncBaseTransport):
    """A transport that wraps httpx's and sends again what failed, as callers write them."""

    def __init__(self) -> None:
        self.inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self.inner.handle_async_request(request)
        except httpx.TransportError:
            request.url = request.url.copy_with(port=9)
            return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


def mock(kind: type[Exception]) -> httpx.MockTransport:
    def handle(_: httpx.Request) -> httpx.Response:
        raise kind("text")

    return httpx.MockTransport(handle)


async def failure(adapter: Adapter, request: Request | None = None) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await adapter.send(request or get())
    return caught.value


# Mocks, by which programs are tested, keep the meaning of httpx's errors


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_of_a_mock_transport_means_what_it_says(kind: type[Exception]) -> None:
    expected = NotSentError if kind in NOT_SENT else AmbiguousError
    async with httpx.AsyncClient(transport=mock(kind)) as client:
        assert type(await failure(ClientAdapter(client=client))) is expected


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_a_mock_transport_means_what_it_says_without_a_loop(kind: type[Exception]) -> None:
    with httpx.Client(transport=mock(kind)) as client, pytest.raises(TransportError) as caught:
        drive(SyncClientAdapter(client=client).send(get()))
    assert type(caught.value) is (NotSentError if kind in NOT_SENT else AmbiguousError)


@pytest.mark.anyio
@pytest.mark.parametrize("using", ["httpx", "httpcore"])
async def test_respx_keeps_its_meaning_over_a_callers_client(using: str) -> None:
    with respx.mock(using=using) as router:
        router.get(API).mock(side_effect=httpx.ConnectError)
        async with httpx.AsyncClient(verify=False) as client:
            assert type(await failure(ClientAdapter(client=client))) is NotSentError


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [AssertionError, KeyError])
async def test_what_a_test_raises_in_its_mock_comes_out(kind: type[Exception]) -> None:
    """Else a failed assertion in a handler would be retried, and reported as a lost response."""
    async with httpx.AsyncClient(transport=mock(kind)) as client:
        with pytest.raises(kind):
            await ClientAdapter(client=client).send(get())


# Foreign transports prove nothing


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [*KINDS, OSError, RuntimeError, TimeoutError])
async def test_an_error_of_a_foreign_transport_is_ambiguous(kind: type[Exception]) -> None:
    """httpx-aiohttp reports a lost response as a connect timeout, pyreqwest as a connect error."""
    async with httpx.AsyncClient(transport=Foreign(kind)) as client:
        error = await failure(ClientAdapter(client=client))
    assert type(error) is AmbiguousError
    assert type(error.__cause__) is kind


@pytest.mark.parametrize("kind", [httpx.ConnectError, RuntimeError])
def test_an_error_of_a_foreign_transport_is_ambiguous_without_a_loop(kind: type[Exception]) -> None:
    with httpx.Client(transport=Foreign(kind)) as client, pytest.raises(AmbiguousError) as caught:
        drive(SyncClientAdapter(client=client).send(get()))
    assert "does not show whether the request was sent" in str(caught.value)


@pytest.mark.anyio
async def test_a_failed_assertion_comes_out_of_any_transport() -> None:
    async with httpx.AsyncClient(transport=Foreign(AssertionError)) as client:
        with pytest.raises(AssertionError):
            await ClientAdapter(client=client).send(get())


@pytest.mark.anyio
async def test_a_client_without_httpxs_private_lookup_is_not_trusted() -> None:
    """A later httpx may not have it; then no type of error is proof."""
    async with httpx.AsyncClient(transport=mock(httpx.ConnectError)) as client:
        send = client.send

        class Other:
            is_closed = False

            async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
                return await send(request, **options)

        adapter = ClientAdapter(client=Other())  # type: ignore[arg-type]  # stands for another version's client
        assert type(await failure(adapter)) is AmbiguousError


@pytest.mark.anyio
async def test_a_request_that_a_wrapper_sent_again_was_sent() -> None:
    """The second attempt did not get through, but the first did."""

    async def hang_up(stream: ByteStream, _seen: Seen) -> None:
        await stream.aclose()

    async with serve(hang_up) as server, httpx.AsyncClient(transport=Retrying()) as client:
        error = await failure(ClientAdapter(client=client), get(server.url))
    assert (type(error), len(server.seen)) == (AmbiguousError, 1)


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_proof_comes_before_what_an_error_is_called(kind: type[Exception], trusted: bool) -> None:
    assert type(translate(kind("text"), sent=True, trusted=trusted)) is AmbiguousError
    assert type(translate(kind("text"), sent=False, trusted=trusted)) is NotSentError


# What could not be reached is named: the server, or the proxy before it, and never more of a URL


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("url", "proxy", "words"),
    [
        ("http://127.0.0.1:{port}/ann@example.com", None, "to 127.0.0.1:{port}: connection refused"),
        (
            "http://api.example.org:{port}/ann",
            "http://user:pass@127.0.0.1:{port}",
            "to 127.0.0.1:{port}: connection refused",
        ),
        ("http://no-such-host.invalid/ann", None, "to no-such-host.invalid:80: the host name is not known"),
    ],
    ids=["refused", "refused by the proxy", "unknown"],
)
async def test_who_could_not_be_reached_is_named(url: str, proxy: str | None, words: str) -> None:
    port = free_port()
    url, words, proxy = url.format(port=port), words.format(port=port), proxy and proxy.format(port=port)
    async with aclosing(HttpxAdapter(proxy=proxy)) as adapter:
        texts = [str(await failure(adapter, get(url)))]
    own = SyncHttpxAdapter(proxy=proxy)
    with pytest.raises(TransportError) as caught:
        drive(own.send(get(url)))
    drive(own.aclose())
    for text in (*texts, str(caught.value)):
        assert f"no connection could be made {words}" in text
        assert not any(secret in text for secret in ("ann", "user", "pass"))


# httpcore's trace


HEADS = "http11.send_request_headers"


@pytest.mark.parametrize(
    ("events", "sent", "phase"),
    [
        (["connection.connect_tcp.started"], False, Phase.CONNECTING),
        (["connection.start_tls.started"], False, Phase.CONNECTING),
        (["socks.setup_socks5_connection.started"], False, Phase.CONNECTING),
        ([f"{HEADS}.started"], True, Phase.SENDING),
        (["http2.send_request_headers.started"], True, Phase.SENDING),
        ([f"{HEADS}.started", "http11.receive_response_headers.started"], True, Phase.WAITING),
        ([f"{HEADS}.started", "http11.receive_response_body.started"], True, Phase.READING),
        ([f"{HEADS}.started", "connection.connect_tcp.started"], True, Phase.SENDING),
    ],
)
def test_a_trace_says_what_was_sent_and_what_goes_on(events: list[str], sent: bool, phase: Phase) -> None:
    trace = SendTrace(Progress())
    for event in events:
        trace.note(event, {})
    assert (trace.seen, trace.sent, trace.progress.phase) == (True, sent, phase)


def test_a_head_that_h11_refused_was_not_sent() -> None:
    trace = SendTrace(Progress())
    trace.note(f"{HEADS}.started", {})
    trace.note(f"{HEADS}.failed", {"exception": httpx.LocalProtocolError("Illegal header value")})
    assert (trace.sent, trace.progress.phase) == (False, Phase.CONNECTING)
    trace.note(f"{HEADS}.started", {})
    trace.note(f"{HEADS}.failed", {"exception": httpx.WriteError("broken pipe")})
    assert trace.sent
    trace.note(f"{HEADS}.started", {})
    trace.note(f"{HEADS}.failed", {"exception": httpx.LocalProtocolError("Illegal header value")})
    assert trace.sent, "an attempt before it was"


def test_a_tunnel_through_a_proxy_is_not_the_request() -> None:
    trace = SendTrace(Progress())
    trace.note(f"{HEADS}.started", {"request": httpx.Request("CONNECT", API)})
    assert trace.sent, "httpcore's methods are bytes"

    class Connect:
        method = b"CONNECT"

    trace = SendTrace(Progress())
    for step in ("send_request_headers", "receive_response_headers", "receive_response_body"):
        trace.note(f"http11.{step}.started", {"request": Connect()})
    assert (trace.sent, trace.progress.phase) == (False, Phase.CONNECTING)


def test_a_trace_of_our_own_connection_ends_with_the_proof() -> None:
    """A tunnel to a proxy proves nothing, and a head that h11 refused takes the proof back."""
    extensions: dict[str, Any] = {}
    trace = SendTrace(Progress(), ends_in=extensions)
    extensions["trace"] = trace.note
    trace.note("connection.connect_tcp.started", {"host": "127.0.0.1", "port": 1})
    trace.note(f"{HEADS}.started", {"request": httpcore.Request(b"CONNECT", API)})
    assert (trace.sent, list(extensions)) == (False, ["trace"])
    trace.note(f"{HEADS}.started", {"request": httpcore.Request(b"GET", API)})
    assert (trace.sent, list(extensions)) == (True, [])
    trace.note(f"{HEADS}.failed", {"exception": httpx.LocalProtocolError("Illegal header value")})
    assert not trace.sent


@pytest.mark.parametrize(("expires_at", "count"), [(math.inf, 2), (1e12, 10)])
def test_a_request_is_traced_to_its_end_only_if_it_has_a_deadline(
    monkeypatch: pytest.MonkeyPatch, expires_at: float, count: int
) -> None:
    """Without one, eight more events would take a twentieth of a call. If this fails, httpx copies the extensions."""
    seen: list[str] = []
    note = SendTrace.note

    def watched(self: SendTrace, event: str, info: dict[str, Any]) -> None:
        seen.append(event)
        note(self, event, info)

    monkeypatch.setattr(SendTrace, "note", watched)
    adapter = SyncHttpxAdapter()
    with sync.serving(sync.always(http_response())) as server:
        for _ in range(2):
            seen.clear()
            drive(adapter.send(Request(method="GET", url=server.url, expires_at=expires_at)))
        drive(adapter.aclose())
    assert len(seen) == count, seen


# What no repetition can change


@pytest.mark.anyio
async def test_a_host_name_that_is_no_idna_is_final() -> None:
    adapter = HttpxAdapter()
    error = await failure(adapter, get("http://xn--zz-.example/"))
    assert (type(error), error.permanent) == (NotSentError, True)
    await adapter.aclose()


@pytest.mark.anyio
async def test_a_connect_timeout_says_nothing_of_the_url() -> None:
    async with httpx.AsyncClient(transport=mock(httpx.ConnectTimeout)) as client:
        timeout = await failure(ClientAdapter(client=client))
    assert isinstance(timeout, NotSentError)
    assert not timeout.unreachable
