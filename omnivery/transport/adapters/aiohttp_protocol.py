"""aiohttp's protocol, which finds the end of each response."""

from __future__ import annotations

import asyncio
import math
import re
import time
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from aiohttp import StreamReader
    from aiohttp.http import RawResponseMessage

LONGEST_HEAD = 65_536
"""Most bytes of a response's head."""
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_WITH_BODY = re.compile(rb"HTTP/1\.1 (?!1|204|304)")
_FRAMING = re.compile(
    rb"\n(?:content-length:[ \t]*(\d+)[ \t]*\r?(?=\n)|content-length|transfer-encoding)", re.IGNORECASE
)
_END_OF_CHUNKS = b"\r\n\r\n"


class NotHttp(Exception):  # noqa: N818  # it never leaves the adapters
    """What the server sent is no response to the request."""


class HeadTooLong(NotHttp):
    """The head of the response is longer than any server's."""


class ProtocolSwitched(NotHttp):
    """The server goes on in another protocol, which nobody asked for."""


class _Stage(Enum):
    OPENING = auto()
    """A proxy may respond to the request for a tunnel."""
    HEAD = auto()
    BODY = auto()


class TooLong(Exception):  # noqa: N818  # it never leaves the adapters
    """Bytes of a response still come, and its time is over."""


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
        self._is_refused = False
        self._ends_by = math.inf
        """When the response must be complete, on the monotonic clock: each byte starts the read timeout anew."""
        self._more: asyncio.Future[bool] | None = None
        """Done when it is known whether more of the request can be sent."""

    def expect(self, method: str, *, read_timeout: float, ends_by: float) -> None:
        """Make ready for the response to a request that is about to be sent."""
        self._ends_by = ends_by
        self._stage, self._content, self._last, self._is_refused = _Stage.HEAD, None, b"", False
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

    def more(self) -> asyncio.Future[bool]:
        """Return a future: True once more of the request can be sent, False if nothing more needs to be.

        A response may refuse the request before all of it was sent, or the connection may be lost.
        """
        more: asyncio.Future[bool] = self._loop.create_future()
        if self._is_refused or not self.is_connected():
            more.set_result(False)
        self._more = more
        return more

    def resume_writing(self) -> None:
        """Take note that the server has taken most of what was written."""
        super().resume_writing()
        self._tell(more=True)

    def data_received(self, data: bytes) -> None:
        """Take what was received."""
        # 1. A tunnel is being opened. 2. After a pause, aiohttp calls this without data.
        if self._stage is _Stage.OPENING or not data:
            super().data_received(data)
            return
        if time.monotonic() >= self._ends_by:
            self._fail(TooLong())
            self._end_body()
            return
        while data and self._stage is _Stage.HEAD:
            data = self._take_head(data)
        if data:
            self._take_body(data)
            self._end_body()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take the end of the connection."""
        if exc is not None and self._content is not None and not self._content.is_eof():
            # aiohttp takes it for the end of a body that ends with the connection, although it broke.
            self._content.set_exception(exc)
        super().connection_lost(exc)
        self._tell(more=False)
        self._end_body()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Take a head from the parser."""
        message, content = data
        if self._stage is not _Stage.HEAD:
            super().feed_data(data, size)
            return
        if message.code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._fail(ProtocolSwitched())
            return
        if message.code < HTTPStatus.OK:
            return  # an interim response: the final one follows
        self._stage, self._content = _Stage.BODY, content
        length = message.headers.get("content-length")
        if content.is_eof():  # there is none, or it came with the head
            self._left = 0
        else:
            self._left = None if message.chunked or length is None else int(length)
        super().feed_data(data, size)
        if message.code >= HTTPStatus.BAD_REQUEST:
            self._is_refused = True
            self._tell(more=False)

    def _tell(self, *, more: bool) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(more)

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
        if not self._is_head and _is_whole(received, size):
            size = len(received)
            self.read_timeout = None  # aiohttp would set a timer for more
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


def _is_whole(received: bytes, head: int) -> bool:
    """Whether a head is followed by a body of the one length that it states, and by nothing else."""
    if not _WITH_BODY.match(received):
        return False
    found = _FRAMING.findall(received, 0, head)
    return len(found) == 1 and found[0].isdigit() and int(found[0]) == len(received) - head
