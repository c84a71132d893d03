"""TLS: verified unless the caller says otherwise, and never by a connection that was opened for something else."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import anyio
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute

from omnivery.errors import NotSentError
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Request
from tests.support.adapters import Lane, open_connections
from tests.support.fakes import always, http_response, serve

MakeContext = Callable[..., ssl.SSLContext]

pytestmark = pytest.mark.anyio


def get(url: str) -> Request:
    return Request(method="GET", url=url, timeouts=Timeouts(connect=30.0, read=30.0, write=30.0))


async def test_a_server_that_nobody_vouches_for_is_refused_in_clear_words(
    lane: Lane, server_context: MakeContext
) -> None:
    """`[SSL: …] (_ssl.c:1006)` tells nobody what to do."""
    words = r"certificate could not be verified \(unable to get [a-z ]+\): check the host 127\.0\.0\.1:\d+ and this"
    async with serve(always(http_response()), tls=server_context()) as server, lane.open() as adapter:
        with pytest.raises(NotSentError, match=words) as caught:
            await adapter.send(get(server.url))
    assert (caught.value.permanent, caught.value.unreachable, server.seen) == (True, False, [])


async def test_a_certificate_for_another_host_is_refused(
    lane: Lane, server_context: MakeContext, trusting: ssl.SSLContext
) -> None:
    other = server_context("other.example.org")
    async with serve(always(http_response()), tls=other) as server, lane.open(verify=trusting) as adapter:
        with pytest.raises(NotSentError, match=r"certificate could not be verified \(IP address mismatch"):
            await adapter.send(get(server.url))
    assert server.seen == []


def refuse_client(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Serve one connection, on which the handshake fails, and let its other side close it."""
    connection, _ = listener.accept()
    with connection:
        with suppress(OSError):
            context.wrap_socket(connection.dup(), server_side=True).recv(1)
        while connection.recv(65536):
            pass


async def test_a_server_that_wants_a_client_certificate_says_so_after_the_request_was_written(
    lane: Lane, server_context: MakeContext, trusting: ssl.SSLContext
) -> None:
    """In TLS 1.3 the client's part of the handshake is over by then. The server reads nothing without a certificate."""
    server = server_context()
    server.minimum_version, server.verify_mode = ssl.TLSVersion.TLSv1_3, ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as threads:
        threads.submit(refuse_client, listener, server)
        async with lane.open(verify=trusting) as adapter:
            with pytest.raises(
                NotSentError, match=r"client certificate .*\(tlsv13 alert certificate required\)"
            ) as caught:
                await adapter.send(get(f"https://127.0.0.1:{listener.getsockname()[1]}"))
    assert caught.value.permanent


@pytest.mark.parametrize("own", [True, False], ids=["a context of the caller's", "verify=False"])
async def test_a_context_that_trusts_the_server_is_used(
    lane: Lane, own: bool, server_context: MakeContext, trusting: ssl.SSLContext
) -> None:
    async with (
        serve(always(http_response()), tls=server_context()) as server,
        lane.open(verify=trusting if own else False) as adapter,
    ):
        for _ in range(2):
            assert (await adapter.send(get(server.url))).status == 200
    assert server.connections == 1


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
async def test_https_is_verified_although_a_connection_for_http_stands_open(
    lane: Lane, scheme: str, server_context: MakeContext
) -> None:
    """Pools for plain http know no authorities: an https request on one of them would trust anybody."""
    async with (
        serve(always(http_response())) as plain,
        serve(always(http_response()), tls=server_context()) as secure,
        lane.open() as adapter,
    ):
        await adapter.send(get(plain.url))
        with pytest.raises(NotSentError, match="certificate"):
            await adapter.send(get(secure.url.replace("https", scheme, 1)))
        assert open_connections(adapter) == 1
    assert secure.seen == []


async def test_http_2_is_not_agreed_on(lane: Lane, authority: trustme.CA, server_context: MakeContext) -> None:
    """A context of the caller's may offer it, and we would not understand the server that takes the offer."""
    server, own = server_context(), ssl.create_default_context()
    authority.configure_trust(own)
    own.set_alpn_protocols(["h2", "http/1.1"])
    server.set_alpn_protocols(["h2", "http/1.1"])
    async with serve(always(http_response()), tls=server) as secure, lane.open(verify=own) as adapter:
        assert (await adapter.send(get(secure.url))).status == 200


async def test_a_server_that_speaks_no_tls_is_told_apart(lane: Lane) -> None:
    async def no_tls(stream: ByteStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    tcp = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = tcp.extra(SocketAttribute.local_port)
    async with tcp, anyio.create_task_group() as tasks, lane.open() as adapter:
        tasks.start_soon(tcp.serve, no_tls)
        with pytest.raises(NotSentError, match=f"no connection could be made to 127.0.0.1:{port}: TLS failed"):
            await adapter.send(get(f"https://127.0.0.1:{port}"))
        tasks.cancel_scope.cancel()
