"""Deadlines of the synchronous client: each step of a connection gets what is left, and no more."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore
import httpx
import pytest
import trustme

from omnivery import Attachment, Automations, CallOptions, Mailgun, Message, RetryPolicy
from omnivery.errors import DeadlineError
from omnivery.transport.adapters.deadline import BLOCK, Deadline, DeadlineBackend
from omnivery.transport.adapters.httpx_common import SyncSendTrace
from omnivery.transport.http import Progress
from tests.support.clocks import let_only_waiting_take_time
from tests.support.sync import Request, client_of, serving

ONCE = RetryPolicy(attempts=1)
SOON = CallOptions(deadline=0.2, retry=ONCE)
SOON_ENOUGH = CallOptions(deadline=30.0, retry=ONCE)
FOR_EVER = 1000
"""Steps of 10 ms. A call that outlasts them did not keep its deadline."""
OUTLASTED = threading.Event()


@pytest.fixture(autouse=True)
def _ended_in_time() -> Iterator[None]:
    OUTLASTED.clear()
    yield
    assert not OUTLASTED.is_set()


def silent(connection: socket.socket, _request: Request) -> None:
    connection.recv(1)


def trickle(head: bytes, data: bytes) -> Callable[[socket.socket, Request], None]:
    """Send a response that never comes to its end, each piece well within the read timeout."""

    def handle(connection: socket.socket, _request: Request) -> None:
        connection.sendall(head)
        for _ in range(FOR_EVER):
            connection.sendall(data)
            time.sleep(0.01)
        OUTLASTED.set()

    return handle


STATUS, BODY = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"
TRICKLE = [
    pytest.param(silent, 0.2, "the response was awaited", id="no response"),
    pytest.param(trickle(STATUS, b"x: y\r\n"), 20, "the response was awaited", id="headers for ever"),
    pytest.param(trickle(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), 20, "the response was awaited", id="103 for ever"),
    pytest.param(trickle(BODY, b" "), 20, "the response was being received", id="body for ever"),
]


@pytest.mark.parametrize(("handle", "seconds", "phase"), TRICKLE)
def test_a_deadline_ends_a_call_in_every_phase(
    monkeypatch: pytest.MonkeyPatch, handle: Callable[[socket.socket, Request], None], seconds: float, phase: str
) -> None:
    let_only_waiting_take_time(monkeypatch, seconds=1)
    with serving(handle) as server, client_of(server) as client, pytest.raises(DeadlineError, match=phase) as caught:
        client.account.test(options=CallOptions(deadline=seconds, retry=ONCE))
    assert caught.value.may_have_happened


@pytest.mark.parametrize(("handle", "seconds", "phase"), [TRICKLE[0], TRICKLE[3]])
def test_a_deadline_ends_a_call_over_a_callers_client(
    monkeypatch: pytest.MonkeyPatch, handle: Callable[[socket.socket, Request], None], seconds: float, phase: str
) -> None:
    """There it bounds each step, and is looked at between the pieces of a body."""
    let_only_waiting_take_time(monkeypatch, seconds=1)
    with serving(handle) as server, httpx.Client(verify=False) as http_client:
        client = client_of(server, http_client=http_client)
        with client, pytest.raises(DeadlineError, match=phase):
            client.account.test(options=CallOptions(deadline=seconds, retry=ONCE))


def test_over_a_callers_client_each_step_gets_what_is_left(clock: list[float]) -> None:
    timeouts = {"connect": 5.0, "read": 30.0}
    trace = SyncSendTrace(Progress(), expires_at=110.0, timeouts=timeouts)
    clock[0] = 104.0
    trace.note("connection.connect_tcp.complete", {})
    assert timeouts == {"connect": 5.0, "read": 30.0}
    trace.note("http11.receive_response_headers.started", {})
    assert timeouts == {"connect": 5.0, "read": 6.0}
    clock[0] = 111.0
    trace.note("http11.receive_response_body.started", {})
    assert timeouts["read"] == 0.001, "zero is no timeout to a socket"


def test_a_deadline_ends_a_tls_handshake_without_a_response() -> None:
    """httpcore gives the handshake the connect timeout anew, after the connection has used most of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        client = Automations("token", base_url=url, domain="example.com")
        with client, pytest.raises(DeadlineError, match="the connection was being opened") as caught:
            client.account.test(options=SOON)
    assert not caught.value.may_have_happened


def test_a_deadline_ends_an_upload_that_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes a little at a time restarts the write timeout with every bit."""
    let_only_waiting_take_time(monkeypatch, seconds=1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v3"
        letter = Message(
            from_="ann@example.com",
            to=["bob@example.com"],
            subject="Hello",
            text="Hello",
            attachments=[Attachment(name="large", content=b"x" * 20_000_000)],
        )
        client = Mailgun("key", domain="example.com", base_url=url)
        with client, pytest.raises(DeadlineError, match="the request was being sent") as caught:
            client.messages.send(letter, options=SOON)
    assert caught.value.may_have_happened


# Step by step, on a clock of our own


class Stream(httpcore.NetworkStream):
    """A stream that notes the timeouts that it is given."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        self.clock, self.seconds = clock, seconds
        self.timeouts: list[float | None] = []
        self.written = b""

    def step(self, timeout: float | None) -> None:
        self.timeouts.append(timeout)
        self.clock[0] += self.seconds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.step(timeout)
        return b"x"

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.step(timeout)
        self.written += buffer

    def start_tls(self, ssl_context: Any, server_hostname: Any = None, timeout: float | None = None) -> Stream:
        self.step(timeout)
        return self

    def close(self) -> None:
        """Nothing to close."""


class Backend(httpcore.NetworkBackend):
    def __init__(self, stream: Stream, refuse: int = 0) -> None:
        self.stream, self.refuse = stream, refuse
        self.hosts: list[str] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: object = None,
    ) -> Stream:
        self.stream.step(timeout)
        self.hosts.append(host)
        if len(self.hosts) <= self.refuse:
            raise httpcore.ConnectTimeout
        return self.stream


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def connect(backend: Backend, deadline: Deadline, *, timeout: float = 5.0) -> httpcore.NetworkStream:
    return DeadlineBackend(backend, deadline).connect_tcp("127.0.0.1", 80, timeout)


def test_each_step_gets_what_is_left(clock: list[float]) -> None:
    stream = Stream(clock, seconds=2.0)
    connection = connect(Backend(stream), Deadline(110.0)).start_tls(None)  # type: ignore[arg-type]  # unused here
    connection.write(b"request", 30.0)
    assert [connection.read(1, 30.0) for _ in range(2)] == [b"x", b"x"]
    assert stream.timeouts == [5.0, 8.0, 6.0, 4.0, 2.0]
    with pytest.raises(httpcore.ReadTimeout):
        connection.read(1, 30.0)
    with pytest.raises(httpcore.WriteTimeout):
        connection.write(b"x", 30.0)
    assert len(stream.timeouts) == 5, "nothing is begun after the deadline"


def test_a_large_write_is_bounded_block_by_block(clock: list[float]) -> None:
    stream = Stream(clock, seconds=2.0)
    connection = connect(Backend(stream), Deadline(107.0))
    with pytest.raises(httpcore.WriteTimeout):
        connection.write(b"x" * 5 * BLOCK, 30.0)
    assert stream.timeouts == [5.0, 5.0, 3.0, 1.0]
    assert len(stream.written) == 3 * BLOCK


def test_without_a_deadline_nothing_changes(clock: list[float]) -> None:
    stream = Stream(clock, seconds=2.0)
    backend = Backend(stream)
    connection = connect(backend, Deadline())
    connection.write(b"x" * 5 * BLOCK, 30.0)
    assert connection.read(1, None) == b"x"
    assert stream.timeouts == [5.0, 30.0, None]
    assert backend.hosts == ["127.0.0.1"]


def test_ip_addresses_of_a_host_share_the_time(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of them may lie behind a firewall that drops everything."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{number}", 80)) for number in (1, 2, 2, 3)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    stream = Stream(clock, seconds=0.0)
    backend = Backend(stream, refuse=2)
    connect(backend, Deadline(106.0), timeout=60.0)
    assert backend.hosts == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert stream.timeouts == [2.0, 3.0, 6.0]
    with pytest.raises(httpcore.ConnectTimeout):
        connect(Backend(stream, refuse=3), Deadline(106.0))


def test_a_name_that_cannot_be_looked_up_is_a_failed_connection(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(httpcore.ConnectError):
        connect(Backend(Stream(clock, 0.0)), Deadline(106.0))


# Directly on the socket


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


BACKENDS = [httpcore.SyncBackend(), DeadlineBackend(httpcore.SyncBackend(), Deadline())]
both = pytest.mark.parametrize("backend", BACKENDS, ids=["httpcore's", "ours"])


def connected(backend: httpcore.NetworkBackend, listener: socket.socket) -> tuple[Any, socket.socket]:
    stream = backend.connect_tcp("127.0.0.1", listener.getsockname()[1], 5.0)
    return stream, listener.accept()[0]


@both
def test_a_large_write_goes_out_whole(backend: httpcore.NetworkBackend, listener: socket.socket) -> None:
    stream, peer = connected(backend, listener)
    sent, received = bytes(range(256)) * 40_000, bytearray()

    def receive() -> None:
        while data := peer.recv(65_536):
            received.extend(data)

    reader = threading.Thread(target=receive)
    reader.start()
    stream.write(sent, 30.0)
    stream.write(b"", 30.0)
    stream.close()
    reader.join(30)
    peer.close()
    assert bytes(received) == sent


@both
def test_each_step_has_the_timeout_that_it_is_given(backend: httpcore.NetworkBackend, listener: socket.socket) -> None:
    stream, peer = connected(backend, listener)
    stream.write(b"x", None)
    assert stream.get_extra_info("socket").gettimeout() is None, "and no longer that of connecting"
    with pytest.raises(httpcore.ReadTimeout):
        stream.read(1, 0.001)
    with pytest.raises(httpcore.WriteTimeout):
        stream.write(b"x" * 50_000_000, 0.001)
    peer.sendall(b"x")
    assert stream.read(10, None) == b"x"
    assert stream.get_extra_info("socket").gettimeout() is None
    peer.close()
    stream.close()


@both
def test_a_connection_that_breaks_is_an_error_of_httpcore(
    backend: httpcore.NetworkBackend, listener: socket.socket
) -> None:
    stream, peer = connected(backend, listener)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    with pytest.raises(httpcore.ReadError) as caught:
        stream.read(1, 30.0)
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    with pytest.raises(httpcore.WriteError) as broken:
        stream.write(b"x", 30.0)
    assert isinstance(broken.value.__cause__, BrokenPipeError)
    stream.close()


@both
def test_whether_there_is_something_to_read(backend: httpcore.NetworkBackend, listener: socket.socket) -> None:
    """Where nothing should come, it is bytes beyond a response, or the end of the connection."""
    stream, peer = connected(backend, listener)
    assert not stream.get_extra_info("is_readable")
    peer.sendall(b"x")
    assert stream.get_extra_info("is_readable")
    assert stream.read(1, 5.0) == b"x"
    assert not stream.get_extra_info("is_readable")
    peer.close()
    assert stream.get_extra_info("is_readable")
    stream.close()
    assert stream.get_extra_info("is_readable")


def test_a_stream_of_others_is_not_bypassed(clock: list[float], listener: socket.socket) -> None:
    """It may do more than its socket, such as count bytes, or have TLS of its own within."""

    class Wrapper(Stream):
        def get_extra_info(self, info: str) -> Any:
            return listener if info == "socket" else None

    wrapper = Wrapper(clock, 0.0)
    assert connect(Backend(wrapper), Deadline()).read(1, None) == b"x"


def test_tls_within_tls_is_left_to_httpcore(listener: socket.socket) -> None:
    """As with a proxy that has TLS itself: what the socket sends is the outer TLS."""
    accepting, trusting = tls_contexts()

    def serve() -> bytes:
        with accepting.wrap_socket(listener.accept()[0], server_side=True) as outer:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            inner = accepting.wrap_bio(incoming, outgoing, server_side=True)
            while True:
                try:
                    return inner.read(10)
                except ssl.SSLWantReadError:
                    outer.sendall(outgoing.read())
                    incoming.write(outer.recv(65_536))

    with ThreadPoolExecutor(1) as threads:
        served = threads.submit(serve)
        stream: httpcore.NetworkStream = BACKENDS[1].connect_tcp("127.0.0.1", listener.getsockname()[1], 5.0)
        for _ in range(2):
            stream = stream.start_tls(trusting, "127.0.0.1", 5.0)
        stream.write(b"hello", 5.0)
        assert served.result(30) == b"hello"
        stream.close()


def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """That of a server, and that of a client which trusts it."""
    authority = trustme.CA()
    accepting, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(accepting)
    authority.configure_trust(trusting)
    return accepting, trusting


@pytest.mark.parametrize("proxied", [False, True], ids=["", "through a proxy"])
def test_a_call_over_tls_without_a_loop(proxied: bool) -> None:
    accepting, trusting = tls_contexts()

    def serve(connection: socket.socket) -> None:
        if proxied:
            assert connection.recv(65_536).startswith(b"CONNECT ")
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with accepting.wrap_socket(connection, server_side=True) as secure:
            for _ in range(2):
                assert secure.recv(65_536).startswith(b"GET /test ")
                secure.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"auth": {"cid": 7}}')

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as threads:
        served = threads.submit(lambda: serve(listening.accept()[0]))
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        proxy = url.replace("https", "http") if proxied else None
        with Automations("token", base_url=url, proxy=proxy, verify=trusting) as client:
            assert [client.account.test(options=each).cid for each in (None, SOON_ENOUGH)] == [7, 7]
        served.result(30)
