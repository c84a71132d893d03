"""A way to the server that sees every byte, and ends whenever it is told to."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

from attrs import define, field, frozen

from omnivery.emulator import Emulator

PIECE = 8192
POISON = b"poison"
"""An event with this in it, the gateway refuses: 400 for the whole batch."""

Place = Literal["before", "head", "body", "request", "status line", "response head", "response body", "after"]
"""Where a connection is cut: before or within the request, behind it, within the response, behind that."""
REACHED: tuple[Place, ...] = ("request", "status line", "response head", "response body")
"""Places at which the server has the request, and the client has no response."""
Counted = Literal["bytes", "requests", "responses"]


@frozen
class Event:
    """Something that is to be done when so many of something have passed."""

    counted: Counted
    due: int
    act: Callable[[], object]
    delay: float = 0.0
    """Seconds between the one and the other."""


@define(eq=False)
class Wire:
    """A gateway in front of an emulator. Open it with `with`; leaving it waits until it has come to rest."""

    emulator: Emulator
    cut: Callable[[int], Place | None] = lambda _: None
    """Where the connection of a request is cut, by the request's number, from 0, in order of beginning."""
    hang: Callable[[int], bool] = lambda _: False
    """Whether the response to a request never comes."""
    reset: bool = True
    """Whether a connection that is cut is reset; it is closed in good order otherwise."""
    bodies: list[bytes] = field(init=False, factory=list[bytes])
    """Of requests that came in whole, in that order."""
    lost_responses: Counter[bytes] = field(init=False, factory=Counter[bytes])
    """Bodies that came in whole, and whose response was withheld."""
    seen: Counter[str] = field(init=False, factory=Counter[str])
    _begun: int = field(init=False, default=0)
    _armed: Event | None = field(init=False, default=None)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    _released: threading.Event = field(init=False, factory=threading.Event)
    _threads: list[threading.Thread] = field(init=False, factory=list[threading.Thread])
    _accepted: list[object] = field(init=False, factory=list[object])
    """The other ends of the connections that were accepted and have their thread."""
    _listener: socket.socket = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to know to come this way."""
        return {
            "OMNIVERY_TOKEN": self.emulator.token,
            "OMNIVERY_AUTOMATIONS_URL": self.url,
            "OMNIVERY_DOMAIN": self.emulator.domain,
            "OMNIVERY_WEBHOOK_URL": "http://127.0.0.1:9/verdicts",
        }

    def arm(self, event: Event | None) -> None:
        """Have something done; counting begins now."""
        with self._lock:
            self.seen.clear()
            self._armed = event

    def drain(self) -> None:
        """Wait until all that a process had sent when it was killed was received."""
        # Connections are accepted in their order: once this one is, so are those that the process had opened.
        with socket.create_connection(self._listener.getsockname()) as last:
            own = last.getsockname()
        end = time.monotonic() + 10
        while own not in self._accepted and time.monotonic() < end:
            time.sleep(0.001)
        for thread in self._threads[1:]:  # all but that which accepts connections
            thread.join(10)

    def let_go(self) -> None:
        """Cut all connections that hang."""
        self._released.set()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()
        # To close a listener does not wake the thread that waits at it; shutting it down does.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in [*self._threads]:
            thread.join(10)
            assert not thread.is_alive()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            self._start(lambda connection=connection: self._serve(connection))  # type: ignore[misc]
            self._accepted.append(peer)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while self._exchange(connection):
                    continue
                if self.reset:
                    # Zero seconds of lingering: closing sends a reset.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                return  # the other end is gone

    def _exchange(self, connection: socket.socket) -> bool:
        """Carry one request and its response; False where the connection is to end."""
        if not connection.recv(1, socket.MSG_PEEK):
            raise ConnectionResetError
        with self._lock:
            number, self._begun = self._begun, self._begun + 1
        place = self.cut(number)
        if place == "before":
            return False
        head, rest = self._head(connection)
        if place == "head":
            return False
        body = self._body(connection, head, rest, half=place == "body")
        if body is None:
            return False
        hangs = self.hang(number)
        with self._lock:
            self.bodies.append(body)
            self.lost_responses[body] += hangs or place in REACHED
        self._count("requests")
        response = self._respond(head, body)
        if hangs:
            self._released.wait()
            return False
        connection.sendall(_part(response, place))
        self._count("responses")
        return place is None

    def _head(self, connection: socket.socket) -> tuple[bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive(connection)
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def _body(self, connection: socket.socket, head: bytes, rest: bytes, *, half: bool) -> bytes | None:
        [length] = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        pieces, left = [rest], length - len(rest)
        while left > 0:
            if half and left <= length // 2:
                return None
            pieces.append(self._receive(connection))
            left -= len(pieces[-1])
        return None if half else b"".join(pieces)

    def _receive(self, connection: socket.socket) -> bytes:
        data = connection.recv(PIECE)
        if not data:
            raise ConnectionResetError
        self._count("bytes", len(data))
        return data

    def _count(self, what: Counted, count: int = 1) -> None:
        with self._lock:
            self.seen[what] += count
            armed = self._armed
            if armed is None or armed.counted != what or self.seen[what] < armed.due:
                return
            self._armed = None
        time.sleep(armed.delay)
        armed.act()

    def _respond(self, head: bytes, body: bytes) -> bytes:
        if POISON in body:
            return b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nno!"
        target = head.split(b" ")[1].decode()
        headers = {"content-type": "application/json", "ov-token": self.emulator.token}
        server = urlsplit(self.emulator.automations_url)
        upstream = HTTPConnection(server.hostname or "", server.port, timeout=30)
        try:
            upstream.request("POST", target, body, headers)
            response = upstream.getresponse()
            response.read()
        finally:
            upstream.close()
        head = b"HTTP/1.1 %d Of emulator\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n"
        return head % response.status + b"{}"


def _part(response: bytes, place: Place | None) -> bytes:
    """What goes out of a response before the cut."""
    head = response.index(b"\r\n\r\n")
    match place:
        case "request":
            return b""
        case "status line":
            return response[:10]
        case "response head":
            return response[:head]
        case "response body":
            return response[: head + 5]
        case _:
            return response
