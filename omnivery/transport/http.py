"""The values that the pipeline and an adapter exchange. They contain no HTTP library's types."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, overload

from attrs import define, field, frozen

from omnivery.transport.config import Timeouts

T = TypeVar("T")

SUCCESS = range(200, 300)
"""Statuses of a success."""
_WITH_CONTENT = frozenset({"PATCH", "POST", "PUT"})
"""Methods whose requests say that they have no content (RFC 9110, section 8.6)."""


class Headers(Mapping[str, str]):
    """Header fields of a response. Names are case-insensitive (RFC 9110, section 5.1).

    The values of a field that occurs more than once are joined by a comma.
    """

    __slots__ = ("_fields",)

    def __init__(self, pairs: Mapping[str, str] | list[tuple[str, str]] | None = None) -> None:
        self._fields: dict[str, str] = {}
        items = pairs if isinstance(pairs, list) else pairs.items() if pairs else ()
        for name, value in items:
            key = name.lower()
            self._fields[key] = f"{self._fields[key]}, {value}" if key in self._fields else value

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, name: str, default: str, /) -> str: ...
    @overload
    def get(self, name: str, default: T, /) -> str | T: ...
    def get(self, name: str, default: Any = None, /) -> Any:
        """Return a field's value. `Mapping.get` would take five times as long."""
        return self._fields.get(name.lower(), default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        # Names only: values may hold cookies or e-mail addresses.
        return f"Headers({sorted(self._fields)})"


class Streamed(Protocol):
    """Content that is read while it is sent, so that a large file is never in memory as a whole."""

    @property
    def length(self) -> int:
        """Total number of bytes, known before the content is read."""
        ...

    def blocks(self) -> Iterator[bytes]:
        """Iterate over the content from its start. Each attempt calls this again and sends the same bytes.

        Raises:
            ConfigError: it cannot be read, or its length has changed.
        """
        ...


Content: TypeAlias = bytes | Streamed
"""The content of a request."""


class Phase(Enum):
    """What an attempt is doing; the values complete the sentence "the deadline passed while …"."""

    QUEUED = "the request waited for a slot"
    CONNECTING = "the connection was being opened"
    SENDING = "the request was being sent"
    WAITING = "the response was awaited"
    READING = "the response was being received"


@define
class Progress:
    """How far an attempt has come. Limiters and adapters write it; the pipeline reads it when the attempt fails."""

    phase: Phase = Phase.WAITING
    """`WAITING` until proven otherwise: an adapter that reports nothing may have sent the request at any time."""
    ends_by: float = math.inf
    """When the exchange is given up though bytes still come, on the runtime's clock; for adapters that heed it."""


@frozen(kw_only=True)
class Request:
    """One attempt, ready to be sent. Everything in it is encoded."""

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    content: Content = field(default=b"", repr=False)
    timeouts: Timeouts = field(factory=Timeouts)
    expires_at: float = math.inf
    """Deadline on the runtime's clock, for adapters that cannot be cancelled and must check it themselves."""
    progress: Progress = field(factory=Progress, eq=False, repr=False)

    @property
    def content_length(self) -> int | None:
        """Value of the field Content-Length; None if there is no content, and no need to say so."""
        length = len(self.content) if isinstance(self.content, bytes) else self.content.length
        return length if length or self.method.upper() in _WITH_CONTENT else None

    @property
    def sent(self) -> bool:
        """Whether the server may have received the request."""
        return self.progress.phase not in {Phase.QUEUED, Phase.CONNECTING}


@frozen(kw_only=True)
class Response:
    """A response whose body was read to the end and decoded."""

    status: int
    headers: Headers = field(factory=Headers)
    content: bytes = field(default=b"", repr=False)

    @property
    def request_id(self) -> str | None:
        """The server's identifier of the request, if it sent one. The API documents no name for the header field."""
        return self.headers.get("x-request-id")

    @property
    def text(self) -> str:
        """The body as text, with undecodable bytes replaced: for messages, never for parsing."""
        return self.content.decode("utf-8", "replace")


@frozen(kw_only=True)
class ApiResponse(Generic[T]):
    """A decoded response with its status, header fields and timing; returned by `client.call()`."""

    data: T
    """The decoded response."""
    status: int
    """HTTP status code."""
    headers: Headers
    """Header fields of the response."""
    request_id: str | None
    """The server's identifier of this request, if it sent one."""
    elapsed: float
    """Seconds from the start of the call to its end: queueing, attempts and the waits between them."""
    attempts: int
    """How many times the request was tried."""
    content: bytes = field(default=b"", repr=False)
    """The body, after decoding its content coding."""


class Adapter(Protocol):
    """Sends a request and returns its response: the only place that talks to an HTTP library.

    `send` raises `NotSentError` or `AmbiguousError`, never an exception of the HTTP library.
    """

    async def send(self, request: Request) -> Response:
        """Send one request and return its complete response, whatever its status."""
        ...

    async def aclose(self) -> None:
        """Close every connection. A closed adapter cannot be opened again."""
        ...
