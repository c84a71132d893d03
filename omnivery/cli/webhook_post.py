"""Posting a webhook call to a URL, once."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import frozen

from omnivery.errors import TransportError
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Request

if TYPE_CHECKING:
    from omnivery.transport.http import Adapter

TIMEOUTS = Timeouts(connect=5, read=30, write=30)
JSON = (("content-type", "application/json"),)


@frozen(kw_only=True)
class Posted:
    """How a URL responded to a call."""

    status: int | None = None
    """None if there was no response."""
    error: str | None = None
    """Why there was none."""
    elapsed: float
    """Seconds."""

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver says that it has handled the call."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def words(self) -> str:
        """The same for people."""
        if self.status is None:
            return f"no response: {self.error}"
        return f"{self.status} in {1000 * self.elapsed:,.0f} ms"

    def to_fields(self) -> dict[str, Any]:
        """The same for programs."""
        return {"status": self.status, "error": self.error, "milliseconds": round(1000 * self.elapsed, 1)}


async def post(adapter: Adapter, url: str, body: bytes, headers: tuple[tuple[str, str], ...] = JSON) -> Posted:
    """Post a call. It is never retried, and no redirect is followed."""
    started = time.perf_counter()
    request = Request(method="POST", url=url, headers=headers, content=body, timeouts=TIMEOUTS)
    try:
        response = await adapter.send(request)
    except TransportError as error:
        return Posted(error=str(error.args[0]), elapsed=time.perf_counter() - started)
    return Posted(status=response.status, elapsed=time.perf_counter() - started)


def post_adapter() -> Adapter:
    """Make the adapter that posts; the caller closes it."""
    from omnivery.transport.adapters.factory import AdapterFactory
    from omnivery.transport.config import Limits

    return AdapterFactory(limits=Limits()).create_async()
