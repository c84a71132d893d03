"""Faults: for the next requests on demand, or for a share of all requests. They never affect the control API."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Literal

from attrs import Attribute, define, field, frozen
from attrs.validators import in_, instance_of, optional
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from omnivery.codec import dumps
from omnivery.errors import ConfigError, phrase

ANY = "*"
"""Matches every route."""


def _check_headers(_fault: Fault, _attribute: object, headers: Any) -> None:
    if not isinstance(headers, Mapping):
        raise TypeError("headers must be a mapping")


@frozen(kw_only=True)
class Fault:
    """The fault of one request; the options are those of `Emulator.fail_next`."""

    # Validated here, because an invalid fault would otherwise raise inside the server.
    status: int | None = field(default=None, validator=in_([None, *range(200, 600)]))
    retry_after: float | str | None = field(default=None, validator=optional(instance_of((int, float, str))))
    delay: float | None = field(default=None, validator=optional(instance_of((int, float))))
    after: Literal["received", "accepted"] | None = field(default=None, validator=in_([None, "received", "accepted"]))
    body: bytes | str | None = field(default=None, repr=False, validator=optional(instance_of((bytes, str))))
    headers: Mapping[str, str] | None = field(default=None, repr=False, validator=optional(_check_headers))

    @property
    def only_slow(self) -> bool:
        """Whether the request is handled normally after the delay."""
        rest = (self.status, self.retry_after, self.after, self.body, self.headers)
        return self.delay is not None and all(option is None for option in rest)

    @property
    def cuts(self) -> bool:
        """Whether the connection is closed without a response."""
        return self.after is not None and self.status is None

    def response(self) -> Response:
        """Return the response that replaces the normal one."""
        status = 500 if self.status is None else self.status
        body = self._content(status)
        headers = {"content-type": _media_type(body), **{k.lower(): v for k, v in (self.headers or {}).items()}}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return Response(body, status_code=status, headers=headers)

    def _content(self, status: int) -> bytes:
        if self.body is not None:
            return self.body.encode() if isinstance(self.body, str) else self.body
        # RFC 9110, section 6.4.1: these two have no content.
        return b"" if status in {204, 304} else dumps({"message": phrase(status)})


def _check_share(_chaos: Chaos, attribute: Attribute[float], value: float) -> None:
    if not 0 <= value <= 1:
        raise ConfigError(f"{attribute.name} is a share of all requests, from 0 to 1")


def _media_type(body: bytes) -> str:
    start = body.lstrip()[:1]
    return "text/html" if start == b"<" else "application/json" if start in {b"{", b"["} else "text/plain"


@frozen(kw_only=True)
class Chaos:
    """Faults for a share of all API requests.

    A request has one of them at most, so the sum of the shares is at most 1. With a seed, the same sequence of requests
    gets the same faults in every run.

    Raises:
        ConfigError: a share is not between 0 and 1, or their sum is greater than 1.
    """

    throttle: float = field(default=0.0, validator=_check_share)
    """Share that gets 429 with a `Retry-After`."""
    error: float = field(default=0.0, validator=_check_share)
    """Share that gets 500."""
    cut_before: float = field(default=0.0, validator=_check_share)
    """Share whose connection is closed before the request is carried out."""
    cut_after: float = field(default=0.0, validator=_check_share)
    """Share whose connection is closed after the request was carried out."""
    delay: float = field(default=0.0, validator=instance_of((int, float)))
    """Seconds that every request waits before it is carried out."""
    retry_after: float | str = field(default=1, validator=instance_of((int, float, str)))
    """The `Retry-After` of a 429, verbatim: seconds or a date."""
    seed: int | None = None
    """Seed of the random numbers; None for other faults in every run."""
    _random: random.Random = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.throttle + self.error + self.cut_before + self.cut_after > 1:
            raise ConfigError("throttle, error, cut_before and cut_after are shares: their sum must not exceed 1")
        object.__setattr__(self, "_random", random.Random(self.seed))  # noqa: S311  # not a secret

    def draw(self) -> Fault | None:
        """Choose the fault of one request at random."""
        delay = self.delay or None
        drawn = self._random.random()
        for share, fault in (
            (self.throttle, Fault(status=429, retry_after=self.retry_after, delay=delay)),
            (self.error, Fault(status=500, delay=delay)),
            (self.cut_before, Fault(after="received", delay=delay)),
            (self.cut_after, Fault(after="accepted", delay=delay)),
        ):
            if drawn < share:
                return fault
            drawn -= share
        return Fault(delay=delay) if delay else None


@define
class _Pending:
    where: str
    fault: Fault
    times: int


class Faults:
    """The faults of the next requests. Any thread may add some.

    Args:
        routes: names of the routes that can fail.
        standing: faults for a share of all requests.
    """

    def __init__(self, routes: Iterable[str], *, standing: Chaos | None = None) -> None:
        self.standing = standing
        self._names = frozenset(routes) | {ANY}
        self._pending: list[_Pending] = []
        self._lock = threading.Lock()

    def add(self, where: str, fault: Fault, *, times: int = 1) -> None:
        """Add a fault for the next requests of one route, or of any route (`*`). Faults keep their order.

        Raises:
            ConfigError: no route has that name, or `times` is below 1.
        """
        if where not in self._names:
            raise ConfigError(f"where={where!r} is not a route: use one of {', '.join(sorted(self._names))}")
        if times < 1:
            raise ConfigError("times must be at least 1")
        with self._lock:
            self._pending.append(_Pending(where, fault, times))

    def take(self, route: str) -> Fault | None:
        """Take the fault of a request of that route, if it has one."""
        with self._lock:
            for pending in self._pending:
                if pending.where in {route, ANY}:
                    pending.times -= 1
                    if not pending.times:
                        self._pending.remove(pending)
                    return pending.fault
        standing = self.standing
        return standing.draw() if standing else None

    def reset(self) -> None:
        """Remove the faults that were added; the standing ones remain."""
        with self._lock:
            self._pending.clear()


class Cut(Response):
    """Closes the connection without a response, as when a server or a proxy dies."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        """Close the connection."""
        transport: asyncio.Transport = scope["state"]["transport"]
        transport.abort()
        # uvicorn logs an error if an app returns without a response while the client is still connected.
        while (await receive())["type"] != "http.disconnect":
            continue


async def misbehave(
    fault: Fault | None, act: Callable[[], Awaitable[Response]], *, stopping: asyncio.Event
) -> Response:
    """Handle a request that may have a fault.

    Args:
        fault: the fault, if any.
        act: carries out the request, and returns the response.
        stopping: ends a delay early.
    """
    # 1. No fault.
    if fault is None:
        return await act()
    # 2. Delayed beyond the end of the emulator: no response.
    if fault.delay and await _happens_within(stopping, fault.delay):
        return Cut()
    # 3. Delayed, and then handled normally.
    if fault.only_slow:
        return await act()
    # 4. Carried out, but the client gets no response, or another one.
    if fault.after == "accepted":
        await act()
    # 5. Not carried out.
    return Cut() if fault.cuts else fault.response()


async def _happens_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
