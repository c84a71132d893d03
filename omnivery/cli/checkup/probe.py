"""One request to see how a server responds to it: never retried, soon over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from attrs import define, field, frozen

from omnivery.errors import ConfigError, DeadlineError, DecodeError, TransportError
from omnivery.transport import body as encoding
from omnivery.transport.client_config import user_agent
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Request, Response

if TYPE_CHECKING:
    from omnivery.transport.credentials import Credential
    from omnivery.transport.http import Adapter
    from omnivery.transport.operation import Operation

T = TypeVar("T")

TIMEOUTS = Timeouts(connect=5, read=10, write=5)
LONGEST = 15.0
"""Seconds that one request may take in all."""


@frozen(kw_only=True)
class Probe:
    """How a server responded, or why it did not."""

    response: Response | None = None
    error: TransportError | ConfigError | None = None
    """That of a setting, such as SSL_CERT_FILE, shows where the adapter needs it."""
    elapsed: float
    """Seconds."""

    @property
    def status(self) -> int | None:
        """The status of the response."""
        return self.response.status if self.response else None

    def read(self, operation: Operation[T]) -> T | None:
        """The value that an operation's response holds; None if it is not such a response."""
        if self.response is None:
            return None
        try:
            return operation.read(self.response)
        except (DecodeError, ValueError):
            return None


@frozen(kw_only=True)
class ClockSample:
    """A server's time, and this machine's at that moment."""

    skew: float
    """Seconds by which this machine's clock is ahead."""
    uncertainty: float
    """Seconds by which that may be wrong: the header has whole seconds, and the response took its time."""


@define(kw_only=True)
class Prober:
    """Sends requests, and keeps what their responses say of the time."""

    adapter: Adapter
    clock: Callable[[], float] = time.time
    samples: list[ClockSample] = field(init=False, factory=list[ClockSample])

    async def call(
        self,
        base_url: str,
        operation: Operation[Any],
        credential: Credential,
        *,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        **path: str,
    ) -> Probe:
        """Send the request of an operation; the keyword arguments fill its path."""
        url = base_url + encoding.fill_path(operation.path, path) + encoding.query((query or {}).items())
        kind = (("content-type", "application/json"),) if content else ()
        return await self.send(operation.method, url, headers=(credential.header, *kind), content=content)

    async def send(
        self, method: str, url: str, *, headers: tuple[tuple[str, str], ...] = (), content: bytes = b""
    ) -> Probe:
        """Send a request."""
        fields = (("user-agent", user_agent("doctor")), ("accept", "application/json"), *headers)
        request = Request(method=method, url=url, headers=fields, content=content, timeouts=TIMEOUTS)
        begun, started = self.clock(), time.perf_counter()
        try:
            with anyio.fail_after(LONGEST):
                response = await self.adapter.send(request)
        except TimeoutError:
            return Probe(error=DeadlineError(f"there was no response within {LONGEST:.0f} s"), elapsed=LONGEST)
        except (TransportError, ConfigError) as error:
            return Probe(error=error, elapsed=time.perf_counter() - started)
        elapsed = time.perf_counter() - started
        self._note_time(response, begun, elapsed)
        return Probe(response=response, elapsed=elapsed)

    def _note_time(self, response: Response, begun: float, elapsed: float) -> None:
        try:
            stated = parsedate_to_datetime(response.headers.get("date", ""))
        except ValueError:
            return
        # The header is cut to whole seconds, and was written at some time between request and response.
        server = stated.replace(tzinfo=stated.tzinfo or UTC).timestamp() + 0.5
        self.samples.append(ClockSample(skew=begun + elapsed / 2 - server, uncertainty=0.5 + elapsed / 2))
