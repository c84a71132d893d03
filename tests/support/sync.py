"""What the tests of the synchronous clients share: a server on threads, clients of it, and programs of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from omnivery import Automations, CallOptions, RetryPolicy
from tests.support.bots import WEBHOOK

ROOT = Path(__file__).parents[2]
LONG = 60.0
"""Seconds after which something hangs, however slow the machine is."""
ONCE = CallOptions(retry=RetryPolicy(attempts=1))


@frozen
class Request:
    """One request as it came over a socket."""

    target: str
    body: bytes
    connection: int


@define(eq=False)
class Server:
    """A server on a loopback port, with a thread for each connection."""

    _handle: Callable[[socket.socket, Request], None]
    requests: list[Request] = field(init=False, factory=list[Request])
    connections: int = field(init=False, default=0)
    most_at_once: int = field(init=False, default=0)
    arrived: threading.Semaphore = field(init=False, factory=lambda: threading.Semaphore(0))
    """Released once for each request: to wait until one is there."""
    _at_once: int = field(init=False, default=0)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    _listener: socket.socket = field(init=False)
    _open: list[socket.socket] = field(init=False, factory=list[socket.socket])
    _threads: list[threading.Thread] = field(init=False, factory=list[threading.Thread])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._begin(self._accept)

    def stop(self) -> None:
        # Without it, accept() goes on waiting on a socket that is closed.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LONG)

    def _begin(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                self.connections += 1
                self._begin(self._serve, connection, self.connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, connection.makefile("rb") as stream, suppress(OSError):
            while first := stream.readline():
                length = 0
                while (line := stream.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                request = Request(first.split(b" ")[1].decode(), stream.read(length), number)
                with self._lock:
                    self.requests.append(request)
                    self._at_once += 1
                    self.most_at_once = max(self.most_at_once, self._at_once)
                self.arrived.release()
                try:
                    self._handle(connection, request)
                finally:
                    with self._lock:
                        self._at_once -= 1


def response(body: bytes = b'{"auth": {}}', status: str = "200 OK", *headers: str) -> bytes:
    """The bytes of a whole response; such that it fits a submission as well as `account.test`."""
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers))
    return head.encode() + b"\r\n" + body


def always(data: bytes) -> Callable[[socket.socket, Request], None]:
    return lambda connection, _: connection.sendall(data)


def each(*responses: bytes) -> Callable[[socket.socket, Request], None]:
    """One response after the other; one request too many gets none."""
    left = iter(responses)
    return lambda connection, _: connection.sendall(next(left))


def never(connection: socket.socket, _: Request) -> None:
    """No response, until the other side gives up."""
    connection.recv(1)


def hang_up(connection: socket.socket, _: Request) -> None:
    """The connection is closed instead of a response."""
    connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(handle: Callable[[socket.socket, Request], None]) -> Iterator[Server]:
    server = Server(handle)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def client_of(server: Server, **options: Any) -> Automations:
    return Automations("token", base_url=server.url, domain="mail.example.com", webhook_url=WEBHOOK, **options)


@contextmanager
def meeting(handle: Callable[[socket.socket, Request], None], **options: Any) -> Iterator[tuple[Server, Automations]]:
    """A server, and a client of it."""
    with serving(handle) as server, client_of(server, **options) as client:
        yield server, client


HEAD = f"""
import json, os, signal, sys, threading, time
sys.modules["httpx._main"] = None  # its command line, with the click and rich of the tests, is a third of a start
from omnivery import Automations, CallOptions, RetryPolicy
from tests.support.bots import endless, events
url = sys.argv[1]
client = Automations("token", base_url=url, domain="mail.example.com", webhook_url={WEBHOOK!r})
"""


def program(code: str, *arguments: str) -> list[str]:
    """The command of a Python program in an interpreter of its own, in which every warning is an error."""
    # Python itself warns of every fork of a process with threads: that this is safe is what is to be shown. And many of
    # these programs end, as programs of users do, without closing their client.
    quiet = ["-W", "error", "-W", "ignore:This process:DeprecationWarning", "-W", "ignore::ResourceWarning"]
    return [sys.executable, *quiet, "-c", HEAD + code, *arguments]


def run(code: str, *arguments: str, timeout: float = LONG) -> subprocess.CompletedProcess[str]:
    """Run it to its end; one that hangs is killed, and fails the test."""
    return subprocess.run(
        program(code, *arguments), capture_output=True, cwd=ROOT, timeout=timeout, check=False, text=True
    )


def in_threads(count: int, work: Callable[[], object]) -> None:
    """Do the same in several threads at once; the first error comes out."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised again below, in the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=guarded, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]
