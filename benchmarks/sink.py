"""A server in a process of its own that takes anything, counts it, and responds with an empty 200.

It reads into one buffer and keeps no body, so that it is never what a client waits for, unless a delay is asked for. A
request for Elasticsearch gets the response that its client looks for.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import ProxyHandler, build_opener

from attrs import define, field, frozen

from benchmarks.events import BATCH, Traffic

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
_EMPTY = _HEAD % 0
_ITEMS = json.dumps({"errors": False, "items": [{"index": {"_id": "1", "status": 201}}] * BATCH}).encode()
_INDEXED = (
    b"HTTP/1.1 200 OK\r\nX-Elastic-Product: Elasticsearch\r\n"
    b"Content-Type: application/vnd.elasticsearch+json;compatible-with=9\r\nContent-Length: %d\r\n\r\n" % len(_ITEMS)
) + _ITEMS


@frozen
class Sink:
    """A sink that is running."""

    url: str

    def traffic(self) -> Traffic:
        """What it has received since it started."""
        # Without proxies from the environment: this must not leave the machine.
        with build_opener(ProxyHandler({})).open(self.url, timeout=10) as response:
            counts = json.load(response)
        return Traffic(counts["requests"], counts["bytes"])


@contextmanager
def running(*, delay: float = 0.0) -> Iterator[Sink]:
    """Start a sink on a free port of the loopback interface, and end it with the block.

    Args:
        delay: seconds between a request's last byte and its response.
    """
    command = [sys.executable, "-m", "benchmarks.sink", str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise SystemExit("the sink did not start")
        # Leaving the block closes its standard input, which ends it; so does the end of this process, however it comes.
        yield Sink(f"http://127.0.0.1:{port}")


@define(eq=False)
class _State:
    """What all connections share."""

    delay: float
    requests: int = 0
    bytes: int = 0
    buffer: memoryview = field(factory=lambda: memoryview(bytearray(1 << 18)))


class _Connection(asyncio.BufferedProtocol):
    def __init__(self, state: _State) -> None:
        self._state = state
        self._head = b""
        self._left = 0
        self._response = _EMPTY

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # the signature is asyncio's
        # asyncio fills it and calls buffer_updated at once: connections never need it at the same time.
        return self._state.buffer

    def buffer_updated(self, nbytes: int) -> None:
        start = 0
        while start < nbytes:
            if self._left:
                taken = min(self._left, nbytes - start)
                start += taken
                self._left -= taken
                if not self._left:
                    self._finish()
            else:
                start = self._read_head(start, nbytes)

    def _read_head(self, start: int, nbytes: int) -> int:
        """Look for the end of a request's head, and return where its body starts."""
        known = len(self._head)
        self._head += self._state.buffer[start:nbytes]
        end = self._head.find(_END)
        if end < 0:
            return nbytes
        head, self._head = self._head[: end + len(_END)], b""
        found = _LENGTH.search(head)
        if head.startswith(b"GET "):
            counts = json.dumps({"requests": self._state.requests, "bytes": self._state.bytes}).encode()
            self._transport.write(_HEAD % len(counts) + counts)
        elif found is None or not int(found[1]):
            # A body of unknown length, or none: no benchmark sends that.
            self._transport.abort()
            return nbytes
        else:
            self._left = int(found[1])
            self._response = _INDEXED if b"/_bulk " in head.split(b"\r\n", 1)[0] else _EMPTY
            self._state.bytes += self._left
        return start + len(head) - known

    def _finish(self) -> None:
        self._state.requests += 1
        if self._state.delay:
            asyncio.get_running_loop().call_later(self._state.delay, self._transport.write, self._response)
        else:
            self._transport.write(self._response)


async def _serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    state = _State(delay=delay)
    server = await loop.create_server(lambda: _Connection(state), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The standard input ends with the process that started us.
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
