"""What the transport's tests run against: a scripted adapter, a clock that obeys, and servers on real sockets."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener
from attrs import define, field, frozen

from omnivery.transport.http import Headers, Request, Response
from omnivery.transport.observe import Attempt

if TYPE_CHECKING:
    import ssl

T = TypeVar("T")


class _CutOff(BaseException):
    """What a cancellation is to a real event loop."""


@define(kw_only=True)
class FakeRuntime:
    """A world in which sleeping takes no time and chance is settled."""

    clock: float = 100.0
    luck: float = 0.5
    late: float = 0.0
    """How much longer than asked a sleep lasts."""
    slept: list[float] = field(factory=list[float])
    _cut_at: float = math.inf

    def now(self) -> float:
        return self.clock

    def random(self) -> float:
        return self.luck

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock += seconds + self.late

    def take(self, seconds: float) -> None:
        """Let time pass inside an attempt; beyond a cut-off, end the attempt there."""
        self.clock += seconds
        if self.clock > self._cut_at:
            self.clock = self._cut_at
            raise _CutOff

    def move_on_at(self, moment: float) -> _CutOffScope:
        return _CutOffScope(self, moment)


@define
class _CutOffScope:
    runtime: FakeRuntime
    moment: float

    def __enter__(self) -> None:
        self.runtime._cut_at = self.moment

    def __exit__(self, kind: type[BaseException] | None, _error: object, _traceback: object) -> bool:
        self.runtime._cut_at = math.inf
        return kind is _CutOff


Step = Response | Exception | Callable[[Request], Response]


@define(kw_only=True)
class FakeAdapter:
    """Responds from a script, in order, and keeps the requests. One request too many fails the test."""

    script: Iterable[Step]
    requests: list[Request] = field(factory=list[Request])
    closed: bool = False
    _steps: Iterator[Step] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._steps = iter(self.script)

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        step = next(self._steps, None)
        assert step is not None, f"request {len(self.requests)} was not expected"
        if isinstance(step, Exception):
            # A fresh one each time, as a real adapter's: the pipeline writes into what it catches.
            raise copy(step) from step.__cause__
        return step if isinstance(step, Response) else step(request)

    async def aclose(self) -> None:
        self.closed = True


class PatientCondition(threading.Condition):
    """Nobody who waits looks again by himself: a notification that is missing hangs its test."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(30)

    def wait_for_waiting(self, count: int) -> None:
        """Go on when so many threads wait."""
        while len(self._waiters) < count:  # type: ignore[attr-defined]  # nothing public tells who waits
            time.sleep(0.001)


@define
class FakeObserver:
    """Keeps what it is told."""

    attempts: list[Attempt] = field(factory=list[Attempt])

    def attempt_ended(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)


def response(status: int = 200, content: bytes = b"{}", **headers: str) -> Response:
    """A response; header names in keyword form, as in `retry_after="3"`."""
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Response(status=status, headers=Headers(pairs), content=content)


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end without any event loop; one that suspends fails the test."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    coroutine.close()
    raise AssertionError("the coroutine suspended")


@frozen(kw_only=True)
class Seen:
    """One request as it came over a socket."""

    target: str
    headers: dict[str, str]
    body: bytes


Handler = Callable[[ByteStream, Seen], Awaitable[None]]
"""Responds to one request in raw bytes; closing the stream ends the connection."""


@define(kw_only=True)
class Server:
    """A server on a loopback port."""

    url: str
    seen: list[Seen] = field(factory=list[Seen])
    connections: int = 0


def http_response(status: str = "200 OK", body: bytes = b"{}", *headers: str) -> bytes:
    """The bytes of a whole response."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def always(data: bytes) -> Handler:
    """A handler that sends the same response every time."""

    async def handle(stream: ByteStream, _seen: Seen) -> None:
        await stream.send(data)

    return handle


@asynccontextmanager
async def serve(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Run a server whose responses are raw bytes, so that it can also send what no HTTP server would."""
    tcp = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = tcp.extra(SocketAttribute.local_port)
    listener = TLSListener(tcp, tls, standard_compatible=False) if tls else tcp
    server = Server(url=f"{'https' if tls else 'http'}://127.0.0.1:{port}")

    async def connection(stream: ByteStream) -> None:
        server.connections += 1
        async with stream:
            reader = BufferedByteReceiveStream(stream)
            try:
                while True:
                    seen = await _read(reader)
                    server.seen.append(seen)
                    await handler(stream, seen)
            except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, connection)
        yield server
        group.cancel_scope.cancel()


async def _read(reader: BufferedByteReceiveStream) -> Seen:
    head = (await reader.receive_until(b"\r\n\r\n", 65536)).decode("latin-1")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.receive_exactly(int(headers.get("content-length", "0")))
    return Seen(target=first.split(" ")[1], headers=headers, body=body)
