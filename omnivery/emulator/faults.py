"""Faults: single ones on demand, and standing ones at a rate. They befall API routes only, never the control API."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Literal

from attrs import Attribute, define, field, frozen
from attrs.validators import in_, instance_of, optional
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from omnivery.codec import dumps
from omnivery.errors import ConfigError

ANY = "*"
"""In place of a route's name: whichever comes next."""


def _check_headers(_fault: Fault, _attribute: object, headers: Any) -> None:
    if not isinstance(headers, Mapping):
        raise TypeError("headers must be a mapping")


@frozen(kw_only=True)
class Fault:
    """What goes wrong with one request; the options are those of `Emulator.fail_next`."""

    # An order with a slip in it would otherwise fail inside the server, when nobody looks.
    status: int | None = field(default=None, validator=in_([None, *range(200, 600)]))
    retry_after: float | str | None = field(default=None, validator=optional(instance_of((int, float, str))))
    delay: float | None = field(default=None, validator=optional(instance_of((int, float))))
    after: Literal["received", "accepted"] | None = field(default=None, validator=in_([None, "received", "accepted"]))
    body: bytes | str | None = field(default=None, repr=False, validator=optional(instance_of((bytes, str))))
    headers: Mapping[str, str] | None = field(default=None, repr=False, validator=optional(_check_headers))

    @property
    def only_slow(self) -> bool:
        """Whether the request is served as ever once the delay is over."""
        rest = (self.status, self.retry_after, self.after, self.body, self.headers)
        return self.delay is not None and all(option is None for option in rest)

    @property
    def cuts(self) -> bool:
        """Whether the connection ends without an answer."""
        return self.after is not None and self.status is None

    def answer(self) -> Response:
        """The answer that takes the place of the true one."""
        status = 500 if self.status is None else self.status
        body = self._content(status)
        headers = {"content-type": _media_type(body), **{k.lower(): v for k, v in (self.headers or {}).items()}}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return Response(body, status_code=status, headers=headers)

    def _content(self, status: int) -> bytes:
        if self.body is not None:
            return self.body.encode() if isinstance(self.body, str) else self.body
        phrases = {known.value: known.phrase for known in HTTPStatus}
        # RFC 9110, section 6.4.1: these two have no content.
        return b"" if status in {204, 304} else dumps({"message": phrases.get(status, "")})


def _check_share(_chaos: Chaos, attribute: Attribute[float], value: float) -> None:
    if not 0 <= value <= 1:
        raise ConfigError(f"{attribute.name} is a share of all requests: from 0 to 1")


def _media_type(body: bytes) -> str:
    start = body.lstrip()[:1]
    return "text/html" if start == b"<" else "application/json" if start in {b"{", b"["} else "text/plain"


@frozen(kw_only=True)
class Chaos:
    """Standing faults: what share of all API requests goes wrong, and how.

    The shares exclude each other, so their sum is at most 1. With a seed, the same order of requests meets the same
    faults at every run.

    Raises:
        ConfigError: a share is not within 0 and 1, or they sum up to more than 1.
    """

    throttle: float = field(default=0.0, validator=_check_share)
    """Share answered 429 with a `Retry-After`."""
    error: float = field(default=0.0, validator=_check_share)
    """Share answered 500."""
    cut_before: float = field(default=0.0, validator=_check_share)
    """Share whose connection is cut before the request is acted upon."""
    cut_after: float = field(default=0.0, validator=_check_share)
    """Share whose connection is cut after the request was acted upon."""
    delay: float = field(default=0.0, validator=instance_of((int, float)))
    """Seconds that every request waits before it is acted upon."""
    retry_after: float | str = field(default=1, validator=instance_of((int, float, str)))
    """What a throttled request is told, verbatim: seconds or a date."""
    seed: int | None = None
    """Makes runs repeat; another run each time when left out."""
    _random: random.Random = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.throttle + self.error + self.cut_before + self.cut_after > 1:
            raise ConfigError("throttle, error, cut_before and cut_after are shares: their sum may not pass 1")
        object.__setattr__(self, "_random", random.Random(self.seed))  # noqa: S311  # dice, not a secret

    def draw(self) -> Fault | None:
        """Throw the dice for one request."""
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
class _Order:
    where: str
    fault: Fault
    times: int


class Faults:
    """The faults in waiting. Orders may come from any thread.

    Args:
        routes: names of the routes that can fail.
    """

    def __init__(self, routes: Iterable[str], *, standing: Chaos | None = None) -> None:
        self.standing = standing
        self._names = frozenset(routes) | {ANY}
        self._orders: list[_Order] = []
        self._lock = threading.Lock()

    def order(self, where: str, fault: Fault, *, times: int = 1) -> None:
        """Let the next requests of one route, or of any (`*`), meet a fault; orders are met in their order.

        Raises:
            ConfigError: no route has that name, so the fault would never come; or `times` is below 1.
        """
        if where not in self._names:
            raise ConfigError(f"where={where!r} names no route: take one of {', '.join(sorted(self._names))}")
        if times < 1:
            raise ConfigError("times must be at least 1")
        with self._lock:
            self._orders.append(_Order(where, fault, times))

    def take(self, route: str) -> Fault | None:
        """The fault that this request of a route meets, if any: ordered ones first."""
        with self._lock:
            for order in self._orders:
                if order.where in {route, ANY}:
                    order.times -= 1
                    if not order.times:
                        self._orders.remove(order)
                    return order.fault
        standing = self.standing
        return standing.draw() if standing else None

    def reset(self) -> None:
        """Forget the orders that are still open; the standing faults stay."""
        with self._lock:
            self._orders.clear()


class Cut(Response):
    """Not an answer: the connection ends, as when a server or a proxy dies."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        """Cut the connection."""
        transport: asyncio.Transport = scope["state"]["transport"]
        transport.abort()
        # uvicorn takes an application that returns without an answer for a broken one, unless the client is gone.
        while (await receive())["type"] != "http.disconnect":
            continue


async def misbehave(
    fault: Fault | None, act: Callable[[], Awaitable[Response]], *, stopping: asyncio.Event
) -> Response:
    """Serve one request as its fault, if it has one, wants it.

    Args:
        fault: what goes wrong.
        act: does what was asked, and says what to answer.
        stopping: ends a delay early.
    """
    # 1. Nothing goes wrong.
    if fault is None:
        return await act()
    # 2. Late; later than the emulator's end is never.
    if fault.delay and await _happens_within(stopping, fault.delay):
        return Cut()
    # 3. Late and otherwise well.
    if fault.only_slow:
        return await act()
    # 4. Acted upon, but the client does not learn of it.
    if fault.after == "accepted":
        await act()
    # 5. Otherwise not acted upon.
    return Cut() if fault.cuts else fault.answer()


async def _happens_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
