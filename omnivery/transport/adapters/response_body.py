"""The body of a response while it is received: decoded, bounded, and either whole or refused."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from attrs import define, field

from omnivery.errors import AmbiguousError
from omnivery.transport.adapters.failures import CODING_DAMAGED
from omnivery.transport.http import SUCCESS, Headers, Response

GZIP = ("gzip", "x-gzip")
MAX_CODINGS = 3
"""Most content codings of a response that are decoded. Two are rare already, and each takes memory."""
BLOCK = 65536
"""Bytes that a decoder produces at a time."""


@define(eq=False)
class ResponseBody:
    """The body of a response while it is received: decoded, and never larger than the limit."""

    headers: Headers
    limit: int
    problem: str | None = field(init=False, default=None)
    """Why the body is not complete."""
    _decoders: list[_Decoder] = field(init=False)
    _pieces: list[bytes] = field(init=False, factory=list[bytes])
    _size: int = field(init=False, default=0)
    _exceeded: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        named = self.headers.get("content-encoding")
        self._decoders = self._decoders_of(named) if named else []

    def _decoders_of(self, named: str) -> list[_Decoder]:
        codings = [coding.strip().lower() for coding in named.split(",")]
        codings = [coding for coding in codings if coding not in {"", "identity"}]
        if len(codings) > MAX_CODINGS or not {*GZIP, "deflate"}.issuperset(codings):
            self.problem = "the response has a content coding that was not requested"
            return []
        # The coding that was applied last stands last.
        return [_Decoder(coding) for coding in reversed(codings)]

    def feed(self, data: bytes) -> bool:
        """Take the next bytes as received. Return False if the rest of the body is not needed."""
        if self.problem is None:
            try:
                self._take(data, 0)
            except zlib.error:
                self.problem = CODING_DAMAGED
        return self.problem is None

    def is_enough(self, status: int) -> bool:
        """Whether the rest of the body may be lost: an error status says by itself that the request was refused."""
        return self.problem is not None or status not in SUCCESS

    def response(self, status: int) -> Response:
        """Return the response.

        Raises:
            AmbiguousError: it is a success whose body is not complete. An error status needs no complete body.
        """
        if self._decoders and any(decoder.unfinished for decoder in self._decoders):
            self.problem = self.problem or "the response's content coding is cut short"
        if self.problem is not None and status in SUCCESS:
            raise AmbiguousError(self.problem, permanent=self._exceeded)
        return Response(status=status, headers=self.headers, content=b"".join(self._pieces)[: self.limit])

    def _take(self, data: bytes, stage: int) -> None:
        if stage < len(self._decoders):
            for piece in self._decoders[stage].decode(data):
                self._take(piece, stage + 1)
                if self.problem is not None:
                    return
            data = b""
        self._pieces.append(data)
        self._size += len(data)
        self._exceeded = max([self._size, *[decoder.size for decoder in self._decoders]]) > self.limit
        if self._exceeded:
            self.problem = f"the response is larger than Limits.max_response_bytes ({self.limit:,})"


@define(eq=False)
class _Decoder:
    """Decodes one of zlib's content codings in blocks: the output can be a thousand times as large as the input."""

    coding: str
    size: int = field(init=False, default=0)
    unfinished: bool = field(init=False, default=False)
    """Whether the end of the coded data has not come yet."""
    _zlib: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | (16 if self.coding in GZIP else 0))

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Decode the next bytes, block by block."""
        pending = bool(data)
        while pending:
            block = self._decompress(data)
            self.size += len(block)
            data = self._zlib.unconsumed_tail
            if self._zlib.eof:
                data = self._next_member()
            self.unfinished = not self._zlib.eof
            # A full block may leave output inside of zlib although the input is consumed.
            pending = bool(data) or len(block) == BLOCK
            yield block

    def _decompress(self, data: bytes) -> bytes:
        try:
            return bytes(self._zlib.decompress(data, BLOCK))
        except zlib.error:
            if self.coding != "deflate" or self.size:
                raise
            # "deflate" is zlib's format (RFC 9110, section 8.4.1.2), but some servers send it without zlib's header.
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
            return bytes(self._zlib.decompress(data, BLOCK))

    def _next_member(self) -> bytes:
        """Return the bytes after the end of the data if they are another gzip member, else none."""
        rest: bytes = self._zlib.unused_data
        if self.coding not in GZIP or not rest.startswith(b"\x1f"):
            return b""
        self.__attrs_post_init__()
        return rest
