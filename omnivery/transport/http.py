"""What crosses the border between the pipeline and an adapter: our own values, no HTTP library's types."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, TypeAlias, TypeVar

from attrs import define, field, frozen

from omnivery.transport.config import Timeouts

T = TypeVar("T")


class Headers(Mapping[str, str]):
    """Header fields of an answer, looked up without regard to case (RFC 9110, section 5.1).

    A field that came more than once holds its values joined by a comma.
    """

    __slots__ = ("_fields",)

    def __init__(self, pairs: Mapping[str, str] | list[tuple[str, str]] | None = None) -> None:
        self._fields: dict[str, str] = {}
        items = pairs.items() if isinstance(pairs, Mapping) else pairs or ()
        for name, value in items:
            key = name.lower()
            self._fields[key] = f"{self._fields[key]}, {value}" if key in self._fields else value

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        # Values may carry cookies or addresses; names are enough to find one's way.
        return f"Headers({sorted(self._fields)})"


class Streamed(Protocol):
    """Content that is read while it is sent, so that a large file is never in memory as a whole."""

    @property
    def length(self) -> int:
        """Bytes in all, known before any is read."""
        ...

    def blocks(self) -> Iterator[bytes]:
        """The content from its start, as often as it is asked for: every attempt sends the same bytes.

        Raises:
            ConfigError: it cannot be read, or has another length by now.
        """
        ...


Content: TypeAlias = bytes | Streamed
"""What a request carries."""


@define
class Departure:
    """Whether a request has left: a gate clears it while the request waits, and sets it when the request goes out."""

    happened: bool = True


@frozen(kw_only=True)
class Request:
    """One attempt, ready to go out. Everything in it is already encoded."""

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    content: Content = field(default=b"", repr=False)
    timeouts: Timeouts = field(factory=Timeouts)
    expires_at: float = math.inf
    """When it must be done, on the runtime's clock: for whoever cannot be cancelled, and has to look for himself."""
    departure: Departure = field(factory=Departure, eq=False, repr=False)


@frozen(kw_only=True)
class Response:
    """An answer as it came, its body read to the end and any content coding undone."""

    status: int
    headers: Headers = field(factory=Headers)
    content: bytes = field(default=b"", repr=False)

    @property
    def text(self) -> str:
        """The body as text, wrong bytes replaced: for messages, never for parsing."""
        return self.content.decode("utf-8", "replace")


@frozen(kw_only=True)
class ApiResponse(Generic[T]):
    """A decoded answer with what surrounds it; returned by `client.call()`."""

    data: T
    """The decoded answer."""
    status: int
    """HTTP status code."""
    headers: Headers
    """Header fields of the answer."""
    request_id: str | None
    """The server's identifier of this request, where it sent one."""
    elapsed: float
    """Seconds from the start of the call to its end: attempts, waiting and queueing together."""
    attempts: int
    """How many times the request was tried."""


class Adapter(Protocol):
    """What carries a request to the server and brings its answer: the one door to an HTTP library.

    `send` raises `NotSentError` or `AmbiguousError` and nothing of its library's own.
    """

    async def send(self, request: Request) -> Response:
        """Carry one request, and return its whole answer whatever its status."""
        ...

    async def aclose(self) -> None:
        """Close every connection. A closed adapter does not open again."""
        ...
