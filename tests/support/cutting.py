"""A server that cuts connections at every place, and counts the messages that it received whole."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from random import Random
from typing import Literal

import httpx
from attrs import define, field

from omnivery import AsyncMailgun, CallOptions, Mailgun, Message, RetryPolicy, Timeouts
from omnivery.errors import ApiError, DecodeError, TransportError

ACCEPTED = b'{"id": "<1@example.com>", "message": "Queued. Thank you."}'
RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ACCEPTED) + ACCEPTED
FEW = 20
"""Messages of one client: its retry budget must not end the retries that the law is about."""
TAKEN = {"no response", "in the response", "accepted"}
PLACES = ("at once", "in the head", "in the body", "no response", "in the response", "refused", "accepted")
WEIGHTS = (1, 1, 1, 2, 2, 1, 2)


@define(eq=False)
class CuttingServer:
    """A server on a loopback port, with a thread for each connection."""

    seed: int
    received: Counter[str] = field(init=False, factory=Counter[str])
    """How often each message came in whole, by the number in its subject."""
    cuts: Counter[str] = field(init=False, factory=Counter[str])
    _listener: socket.socket = field(init=False)
    _random: Random = field(init=False)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    _open: list[socket.socket] = field(init=False, factory=list[socket.socket])

    def __attrs_post_init__(self) -> None:
        self._random = Random(self.seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v3"

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while True:
                with self._lock:
                    [place] = self._random.choices(PLACES, WEIGHTS)
                    reset = self._random.random() < 0.5
                if not self._exchange(connection, place):
                    break
            if reset:
                # Lingering for no time makes the system send a reset in place of an orderly end.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._open.remove(connection)

    def _exchange(self, connection: socket.socket, place: str) -> bool:
        """Serve one request; return whether the connection goes on."""
        body = b"" if place == "at once" else _read(connection, until=place)
        if body is None:
            return False
        with self._lock:
            self.cuts[place] += 1
            if place in TAKEN:
                self.received.update(match.decode() for match in re.findall(rb"round-(\d+)-", body))
        if place == "refused":
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
        elif place == "in the response":
            connection.sendall(RESPONSE[: self._random.randrange(1, len(RESPONSE))])
        elif place == "accepted":
            connection.sendall(RESPONSE)
        return place in {"accepted", "refused"}


def _read(connection: socket.socket, *, until: str) -> bytes | None:
    """Read a request, or as much of it as comes before the cut, and return its body; None if the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(16 if until == "in the head" else 65536)
        if not piece:
            return None
        if until == "in the head":
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    [length] = re.findall(rb"content-length: *(\d+)", head, re.IGNORECASE)
    while len(body) < int(length) and until != "in the body":
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    return body


@contextmanager
def cutting(seed: int) -> Iterator[CuttingServer]:
    server = CuttingServer(seed)
    try:
        yield server
    finally:
        server.stop()


QUICK = CallOptions(
    retry=RetryPolicy(attempts=4, base=0.001, throttle_base=0.001, max_backoff=0.002),
    timeouts=Timeouts(connect=5.0, read=5.0, write=5.0),
)


def message(number: int) -> Message:
    return Message(from_="ann@example.com", to=["bob@example.com"], subject=f"round-{number}-", text="Hello")


@define(eq=False)
class Rounds:
    """What a client was told of each message, to be compared with what the server received."""

    server: CuttingServer
    sent: set[str] = field(init=False, factory=set[str])
    not_sent: set[str] = field(init=False, factory=set[str])
    in_doubt: set[str] = field(init=False, factory=set[str])

    @contextmanager
    def round(self, number: int) -> Iterator[None]:
        """Send one message in the block."""
        try:
            yield
        except TransportError as error:
            (self.in_doubt if error.may_have_happened else self.not_sent).add(str(number))
        except DecodeError:
            self.in_doubt.add(str(number))
        except ApiError as error:
            (self.in_doubt if "may have taken effect" in str(error) else self.not_sent).add(str(number))
        else:
            self.sent.add(str(number))

    def check(self, count: int) -> None:
        """No message twice, and none of which the client was told the wrong thing."""
        received = self.server.received
        assert len(self.sent) + len(self.not_sent) + len(self.in_doubt) == count
        assert [number for number, times in received.items() if times > 1] == [], "the same mail twice"
        assert self.sent <= set(received), "accepted, and never received"
        assert not self.not_sent & set(received), "said to have had no effect, and received"
        # The law is worth nothing unless connections were cut at each place, and mail came through.
        assert set(self.server.cuts) == set(PLACES)
        assert self.sent
        assert self.in_doubt


async def send_rounds(
    make: Callable[[], httpx.AsyncClient | None],
    count: int,
    *,
    seed: int,
    adapter: Literal["httpx", "aiohttp"] = "httpx",
) -> None:
    """Send as many messages over clients that `make` gives, and check the law."""
    with cutting(seed) as server:
        rounds = Rounds(server)
        for first in range(0, count, FEW):
            async with AsyncExitStack() as stack:
                made = make()
                http_client = None if made is None else await stack.enter_async_context(made)
                client = AsyncMailgun(
                    "key", domain="example.com", base_url=server.url, http_client=http_client, adapter=adapter
                )
                await stack.enter_async_context(client)
                for number in range(first, first + FEW):
                    with rounds.round(number):
                        await client.messages.send(message(number), options=QUICK)
        rounds.check(count)


def send_rounds_sync(make: Callable[[], httpx.Client | None], count: int, *, seed: int) -> None:
    """The same without an event loop."""
    with cutting(seed) as server:
        rounds = Rounds(server)
        for first in range(0, count, FEW):
            with ExitStack() as stack:
                made = make()
                http_client = None if made is None else stack.enter_context(made)
                client = Mailgun("key", domain="example.com", base_url=server.url, http_client=http_client)
                stack.enter_context(client)
                for number in range(first, first + FEW):
                    with rounds.round(number):
                        client.messages.send(message(number), options=QUICK)
        rounds.check(count)
