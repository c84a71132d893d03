"""A client that sends whatever it is told, byte for byte, and waits for a response no longer than a person would."""

from __future__ import annotations

import socket
from http.client import HTTPException, HTTPResponse
from typing import Self
from urllib.parse import urlsplit

from attrs import field, frozen

PATIENCE = 60.0
"""Seconds for a response: what takes longer is a hang."""


@frozen(kw_only=True)
class RawRequest:
    """A request as its bytes."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    framed: bool = True
    """Whether the length of the body is told; without it, the headers say whatever they say."""

    @property
    def content(self) -> bytes:
        """The bytes."""
        length = ((b"content-length", str(len(self.body)).encode()),) if self.framed else ()
        lines = b"".join(b"%s: %s\r\n" % header for header in (*self.headers, *length))
        return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (self.method.encode(), self.target, lines, self.body)

    def __repr__(self) -> str:
        shown = self.content
        return f"{shown[:2000]!r}{f'… {len(shown)} bytes' if len(shown) > 2000 else ''}"


@frozen
class RawResponse:
    """Status and body; status None for a connection that was closed without a response."""

    status: int | None
    body: bytes = field(default=b"", repr=False)
    media_type: str = ""


class Wire:
    """A connection to a server, opened anew where one was closed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._socket: socket.socket | None = None

    def exchange(self, request: RawRequest) -> RawResponse:
        """Send a request and return its response.

        Raises:
            TimeoutError: there was none in time.
        """
        connection, self._socket = self._socket or self._connected(), None
        try:
            connection.sendall(request.content)
        except ConnectionError:
            """It may have been refused while its body was sent: the response says so."""
        try:
            response = HTTPResponse(connection, method=request.method)
            response.begin()
            media_type = response.headers.get_content_type()
            # A stream of events has no end.
            body = b"" if media_type == "text/event-stream" else response.read()
        except (ConnectionError, HTTPException):
            connection.close()
            return RawResponse(None)
        if response.will_close or media_type == "text/event-stream" or not request.framed:
            response.close()
            connection.close()
        else:
            self._socket = connection
        return RawResponse(response.status, body, media_type)

    def speak(self, content: bytes) -> int:
        """Send bytes of any kind and no more, and return the status of the response; 0 if there is none."""
        with self._connected() as connection:
            try:
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                """The server has closed the connection already; what it said before that may still be read."""
            try:
                response = HTTPResponse(connection)
                response.begin()
            except (ConnectionError, HTTPException):
                return 0
            return response.status

    def close(self) -> None:
        """Close the connection."""
        if self._socket:
            self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(self._address, PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
