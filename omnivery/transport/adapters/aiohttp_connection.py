"""A connection of aiohttp, and one exchange over it: each step is known, and has a timeout of its own.

`aiohttp.ClientSession` does not say whether a request was sent, sends some requests twice, and has no timeout for
sending. Below it, aiohttp's connector, protocol and parser are used as the session uses them, at half the CPU.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp.client_proto import ResponseHandler
from aiohttp.http import StreamWriter
from attrs import define, field

from omnivery.errors import NotSentError
from omnivery.transport.adapters.response_body import ResponseBody
from omnivery.transport.adapters.sockets import has_input
from omnivery.transport.http import Headers, Phase, Response

if TYPE_CHECKING:
    from aiohttp import StreamReader
    from aiohttp.connector import Connection as Inner
    from aiohttp.http import RawResponseMessage

    from omnivery.transport.http import Content, Request

LONGEST_HEAD = 65_536
"""Most bytes of a response's head."""
PIECE = 262_144
"""Bytes that are written at a time. The timeout for writing starts anew with each."""
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_WITH_BODY = re.compile(rb"HTTP/1\.1 (?!1|204|304)")
_FRAMING = re.compile(
    rb"\n(?:content-length:[ \t]*(\d+)[ \t]*\r?(?=\n)|content-length|transfer-encoding)", re.IGNORECASE
)
_END_OF_CHUNKS = b"\r\n\r\n"


class WriteTimeout(Exception):  # noqa: N818  # it never leaves the adapters
    """The server took no more of the request within the write timeout."""


class HeadTooLong(Exception):  # noqa: N818  # it never leaves the adapters
    """The head of the response is longer than any server's."""


class _Stage(Enum):
    OPENING = auto()
    """A proxy may respond to the request for a tunnel."""
    HEAD = auto()
    BODY = auto()


class ResponseProtocol(ResponseHandler):
    """aiohttp's protocol, which is told where each response ends.

    Bytes beyond a response never reach the parser: it would fail, or take them for the next response (RFC 9112, section
    6.3). The connection is closed after such a response.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._stage = _Stage.OPENING
        self._head = bytearray()
        self._is_head = False
        """Whether the response has no body, whatever it says."""
        self._left: int | None = 0
        """Bytes of the body that are still to come; None if they are not known beforehand."""
        self._last = b""
        """The last bytes of a body of chunks."""
        self._content: StreamReader | None = None
        self._refused: asyncio.Future[None] | None = None
        """Done when a response refuses the request, so that the rest of the request need not be sent."""

    def expect(self, method: str, *, read_timeout: float) -> None:
        """Make ready for the response to a request that is about to be sent."""
        self._stage, self._content, self._last = _Stage.HEAD, None, b""
        self._head.clear()
        self._is_head = method == "HEAD"
        self.set_response_params(
            skip_payload=self._is_head,
            read_until_eof=True,
            auto_decompress=False,
            read_timeout=read_timeout,
            max_line_size=LONGEST_HEAD,
            max_field_size=LONGEST_HEAD,
        )

    @property
    def is_reusable(self) -> bool:
        """Whether the response was received to its end, and nothing beyond it."""
        if self._content is None or not self._content.is_eof() or self.should_close or not self.is_connected():
            return False
        return self._last == _END_OF_CHUNKS if self._left is None else self._left == 0

    def refusal(self) -> asyncio.Future[None]:
        """Return a future that is done as soon as the response refuses the request."""
        self._refused = self._refused or self._loop.create_future()
        return self._refused

    def data_received(self, data: bytes) -> None:
        """Take what was received."""
        # 1. A tunnel is being opened. 2. After a pause, aiohttp calls this without data.
        if self._stage is _Stage.OPENING or not data:
            super().data_received(data)
            return
        while data and self._stage is _Stage.HEAD:
            data = self._take_head(data)
        if data:
            self._take_body(data)
            self._end_body()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take the end of the connection."""
        super().connection_lost(exc)
        self._end_body()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Take a head from the parser."""
        message, content = data
        if self._stage is not _Stage.HEAD:
            super().feed_data(data, size)
            return
        if message.code < HTTPStatus.OK and message.code != HTTPStatus.SWITCHING_PROTOCOLS:
            return  # an interim response: the final one follows
        self._stage, self._content = _Stage.BODY, content
        length = message.headers.get("content-length")
        if content.is_eof():  # there is none, or it came with the head
            self._left = 0
        else:
            self._left = None if message.chunked or length is None else int(length)
        super().feed_data(data, size)
        if self._refused is not None and message.code >= HTTPStatus.BAD_REQUEST and not self._refused.done():
            self._refused.set_result(None)

    def _take_head(self, data: bytes) -> bytes:
        """Give a head to the parser once it is complete, and return what follows."""
        seen = max(0, len(self._head) - 2)
        self._head += data
        end = _END_OF_HEAD.search(self._head, seen)
        if end is None:
            self.start_timeout()
            if len(self._head) > LONGEST_HEAD:
                self._fail(HeadTooLong())
            return b""
        received, size = bytes(self._head), end.end()
        self._head.clear()
        # The usual case, in one step: the whole response is there, and nothing else.
        if len(received) > size and not self._is_head and _is_whole(received, size):
            size = len(received)
        super().data_received(received[:size])
        if self.exception() is not None:
            return b""
        if self._stage is _Stage.HEAD:
            self.start_timeout()  # an interim response stops it
        return received[size:]

    def _take_body(self, data: bytes) -> None:
        """Give a body to the parser, and no more than the body."""
        if self._left is None:
            if self._content is not None and self._content.is_eof():
                self.force_close()
                return
            self._last = (self._last + data)[-len(_END_OF_CHUNKS) :]
        else:
            if len(data) > self._left:
                self.force_close()
                data = data[: self._left]
            self._left -= len(data)
        if data:
            super().data_received(data)

    def _end_body(self) -> None:
        """Tell the reader of a body that its end will not come. aiohttp does not where a chunk is not valid."""
        error, content = self.exception(), self._content
        if error is not None and content is not None and not content.is_eof() and content.exception() is None:
            content.set_exception(error)

    def _fail(self, error: Exception) -> None:
        if self.transport is not None:
            self.transport.close()
        self.set_exception(error)


@define(eq=False)
class Connection:
    """An open connection. It carries one exchange at a time."""

    inner: Inner
    protocol: ResponseProtocol
    used_at: float = 0.0
    """When its last exchange ended."""
    _writer: StreamWriter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._writer = StreamWriter(self.protocol, self.protocol._loop)

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent: the server has neither closed it nor sent anything unasked."""
        return self.protocol.is_reusable and not has_input(self.protocol.transport)

    async def exchange(self, head: bytes, request: Request, limit: int) -> Response:
        """Send a request and return its response. What was sent when it raises, `request.progress` says.

        Raises:
            AmbiguousError: the response is a success that is larger than the limit, or cannot be decoded.
            Exception: an exception of aiohttp, or `WriteTimeout`.
        """
        protocol = self.protocol
        protocol.expect(request.method, read_timeout=request.timeouts.read)
        await self._send(head, request)
        request.progress.phase = Phase.WAITING
        protocol.start_timeout()
        message, content = await protocol.read()
        request.progress.phase = Phase.READING
        return await _received(message, content, limit)

    def close(self) -> None:
        """Close it at once: what was written and not sent is dropped."""
        if (transport := self.protocol.transport) is not None:
            transport.abort()
        self.inner.close()

    async def _send(self, head: bytes, request: Request) -> None:
        transport = self.protocol.transport
        if transport is None or transport.is_closing():
            raise self.protocol.exception() or NotSentError("the connection was closed before the request was sent")
        request.progress.phase = Phase.SENDING
        for data in _pieces(head, request.content):
            if transport.is_closing():
                return  # there may be a response all the same
            transport.write(data)
            if self.protocol.writing_paused and not await self._drained(request.timeouts.write):
                return

    async def _drained(self, timeout: float) -> bool:  # noqa: ASYNC109  # it starts anew with each piece
        """Wait until more can be sent. Return False if nothing more needs to be sent.

        Raises:
            WriteTimeout: the server took nothing.
        """
        drain, refusal = asyncio.ensure_future(self._writer.drain()), self.protocol.refusal()
        try:
            done, _ = await asyncio.wait((drain, refusal), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            drain.cancel()
        if not done:
            raise WriteTimeout
        if drain in done and drain.exception() is None:
            return True
        # 1. The server has responded, such as 413, and may read no more. 2. The connection broke: it may have, too.
        self.protocol.force_close()
        return False


def _is_whole(received: bytes, head: int) -> bool:
    """Whether a head is followed by a body of the one length that it states, and by nothing else."""
    if not _WITH_BODY.match(received):
        return False
    found = _FRAMING.findall(received, 0, head)
    return len(found) == 1 and found[0].isdigit() and int(found[0]) == len(received) - head


def _pieces(head: bytes, content: Content) -> Iterable[bytes | memoryview]:
    if not isinstance(content, bytes):
        return _after(head, content.blocks())
    if len(content) <= PIECE:
        return (head + content,)  # in one segment, if it is small
    view = memoryview(content)
    return _after(head, (view[start : start + PIECE] for start in range(0, len(view), PIECE)))


def _after(head: bytes, blocks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    yield head
    yield from blocks


async def _received(message: RawResponseMessage, content: StreamReader, limit: int) -> Response:
    headers = Headers([(name, _readable(value)) for name, value in message.headers.items()])
    if content.is_eof() and content.total_bytes <= limit and "content-encoding" not in headers:
        return Response(status=message.code, headers=headers, content=content.read_nowait())
    body = ResponseBody(headers, limit)
    while data := await content.readany():
        if not body.feed(data):
            break
    return body.response(message.code)


def _readable(value: str) -> str:
    """Return a header field's value with bytes that are not UTF-8 as Latin-1, as old servers mean them."""
    if value.isascii():
        return value
    data = value.encode("utf-8", "surrogateescape")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
