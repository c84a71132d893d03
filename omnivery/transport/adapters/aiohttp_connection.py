"""A connection of aiohttp, and one exchange over it: each step is known, and has a timeout of its own.

`aiohttp.ClientSession` does not say whether a request was sent, sends some requests twice, and has no timeout for
sending. Below it, aiohttp's connector, protocol and parser are used as the session uses them, at half the CPU.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from attrs import define

from omnivery.errors import NotSentError
from omnivery.transport.adapters.response_body import ResponseBody
from omnivery.transport.adapters.sockets import has_input
from omnivery.transport.http import Headers, Phase, Response

if TYPE_CHECKING:
    from aiohttp import StreamReader
    from aiohttp.connector import Connection as Inner
    from aiohttp.http import RawResponseMessage

    from omnivery.transport.adapters.aiohttp_protocol import ResponseProtocol
    from omnivery.transport.http import Content, Request

PIECE = 262_144
"""Bytes that are written at a time. The timeout for writing starts anew with each."""


class WriteTimeout(Exception):  # noqa: N818  # it never leaves the adapters
    """The server took no more of the request within the write timeout."""


@define(eq=False)
class Connection:
    """An open connection. It carries one exchange at a time."""

    inner: Inner
    protocol: ResponseProtocol
    used_at: float = 0.0
    """When its last exchange ended."""

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
        protocol.expect(request.method, read_timeout=request.timeouts.read, ends_by=request.progress.ends_by)
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
        more = self.protocol.more()
        await asyncio.wait((more,), timeout=timeout)
        if not more.done():
            raise WriteTimeout
        if not more.result():
            # The server has responded, such as 413, and may read no more. If the connection was lost, it may have, too.
            self.protocol.force_close()
        return more.result()


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
    try:
        while data := await content.readany():
            if not body.feed(data):
                break
    except Exception:
        if not body.is_enough(message.code):
            raise
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
