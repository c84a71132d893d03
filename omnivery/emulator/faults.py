"""Faults: for the next requests on demand, or by chance. They never affect the control API."""

from __future__ import annotations

import asyncio
import math
import random
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping

from attrs import define, frozen
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from omnivery.emulator.fault import Fault
from omnivery.emulator.fault_spec import ANY, FaultPart, FaultSpec
from omnivery.emulator.fault_values import Duration, Rate, Share
from omnivery.emulator.rate_limit import RateLimit
from omnivery.errors import ConfigError

COME_BACK = {"429", "503"}
"""Statuses whose response has a `Retry-After`."""


class StandingFaults:
    """A specification at work, with its random numbers and rate limits.

    With a seed, the n-th request of a route has the same fault in every run, whatever other routes are called.

    Args:
        spec: the specification.
        seed: seed of the random numbers if the specification has none; None for other faults in every run.
    """

    def __init__(self, spec: FaultSpec, *, seed: int | None = None) -> None:
        self.spec = spec
        chosen = seed if spec.seed is None else spec.seed
        self._seed = secrets.randbits(64) if chosen is None else chosen
        self._streams: dict[str, random.Random] = {}
        self._limits = {part: RateLimit(part.value) for part in spec.parts if isinstance(part.value, Rate)}

    def draw(self, route: str) -> Fault | None:
        """Choose the fault of a request at random."""
        if not (parts := self.spec.for_route(route)):
            return None
        # Always as many numbers, so that the other faults of a run stay the same when one part of it changes.
        drawn, side, position = self._numbers(f"route {route}")
        if wait := self._wait(parts.get("limit")):
            return Fault(status=429, retry_after=max(1, math.ceil(wait)))
        delay = _seconds(parts.get("delay"), position) or None
        for part in parts.values():
            if drawn < part.share:
                return _chosen(part, parts, side=side, delay=delay)
            drawn -= part.share
        return Fault(delay=delay) if delay else None

    def draw_webhook(self) -> WebhookFault:
        """Choose the fault of a webhook at random."""
        if not (parts := self.spec.for_route(ANY)):
            return WebhookFault()
        drawn, _, position = self._numbers("webhooks")
        dup = parts.get("dup")
        twice = dup is not None and isinstance(dup.value, Share) and drawn < dup.value.share
        return WebhookFault(late=_seconds(parts.get("late"), position), copies=2 if twice else 1)

    def _numbers(self, stream: str) -> tuple[float, float, float]:
        source = self._streams.get(stream)
        if source is None:
            source = self._streams[stream] = random.Random(f"{self._seed} {stream}")  # noqa: S311  # not a secret
        return source.random(), source.random(), source.random()

    def _wait(self, part: FaultPart | None) -> float:
        return 0.0 if part is None else self._limits[part].take()


def _seconds(part: FaultPart | None, position: float) -> float:
    return part.value.at(position) if part is not None and isinstance(part.value, Duration) else 0.0


def _chosen(part: FaultPart, parts: Mapping[str, FaultPart], *, side: float, delay: float | None) -> Fault:
    # 1. A cut connection; a plain `cut` is either kind.
    if not part.name.isdecimal():
        before = part.name == "cut-before" or (part.name == "cut" and side < 0.5)  # noqa: PLR2004  # one in two
        return Fault(after="received" if before else "accepted", delay=delay)
    # 2. A status that asks to come back later.
    if part.name in COME_BACK:
        given = parts.get("retry-after")
        return Fault(status=int(part.name), retry_after=_whole(_seconds(given, side)) if given else 1, delay=delay)
    # 3. Any other status.
    return Fault(status=int(part.name), delay=delay)


def _whole(seconds: float) -> float:
    return int(seconds) if seconds.is_integer() else round(seconds, 3)


@frozen(kw_only=True)
class WebhookFault:
    """The fault of one webhook; by default none."""

    late: float = 0.0
    """Seconds that it comes later."""
    copies: int = 1
    """How often it is delivered."""


@define
class _Pending:
    where: str
    fault: Fault
    times: int


class Faults:
    """The faults of the next requests, and those by chance. Any thread may change both.

    Args:
        routes: names of the routes that can fail.
        spec: the faults by chance.
        seed: seed of their random numbers if the specification has none.

    Raises:
        ConfigError: the specification is not valid, or names an unknown route.
    """

    def __init__(self, routes: Iterable[str], *, spec: FaultSpec | str | None = None, seed: int | None = None) -> None:
        self._names = frozenset(routes) | {ANY}
        self._seed = seed
        self._pending: list[_Pending] = []
        self._lock = threading.Lock()
        self.spec = spec

    @property
    def spec(self) -> FaultSpec:
        """The faults by chance. Setting them starts their random numbers and rate limits anew.

        Raises:
            ConfigError: the specification is not valid, or names an unknown route.
        """
        return self._standing.spec

    @spec.setter
    def spec(self, spec: FaultSpec | str | None) -> None:
        wanted = FaultSpec.of(spec)
        for part in wanted.parts:
            self._check_route(part.route, f"fault {str(part)!r}: ")
        self._standing = StandingFaults(wanted, seed=self._seed)

    def add(self, where: str, fault: Fault, *, times: int = 1) -> None:
        """Add a fault for the next requests of one route, or of any route (`*`). Faults keep their order.

        Raises:
            ConfigError: no route has that name, or `times` is no whole number or below 1.
        """
        self._check_route(where, f"where={where!r}: ")
        if type(times) is not int or times < 1:  # not 1.5, which would never be used up
            raise ConfigError("times must be a whole number, and at least 1")
        with self._lock:
            self._pending.append(_Pending(where, fault, times))

    @property
    def pending(self) -> list[tuple[str, Fault, int]]:
        """The faults that were added and not taken yet, in their order: route, fault, and number of requests."""
        with self._lock:
            return [(item.where, item.fault, item.times) for item in self._pending]

    @property
    def names(self) -> frozenset[str]:
        """What `where` can be."""
        return self._names

    def take(self, route: str) -> Fault | None:
        """Take the fault of a request of that route, if it has one."""
        with self._lock:
            for pending in self._pending:
                if pending.where in {route, ANY}:
                    pending.times -= 1
                    if not pending.times:
                        self._pending.remove(pending)
                    return pending.fault
            return self._standing.draw(route)

    def take_webhook(self) -> WebhookFault:
        """Take the fault of a webhook, which may be none."""
        with self._lock:
            return self._standing.draw_webhook()

    def reset(self) -> None:
        """Remove the faults that were added. Those by chance remain, and start anew."""
        with self._lock:
            self._pending.clear()
        self.spec = self.spec

    def _check_route(self, route: str, text: str) -> None:
        if route not in self._names:
            raise ConfigError(f"{text}no route is named {route!r}: use one of {', '.join(sorted(self._names))}")


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
