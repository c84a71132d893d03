"""Route tables: one row for each endpoint, and the two forms of answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from attrs import evolve, field, frozen
from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import dumps
from omnivery.emulator.state import State
from omnivery.transport.operation import KeyKind

Handler: TypeAlias = Callable[[Request, State], Awaitable[Response]]
"""Serves one endpoint. It finds the body read already, and the path's parameters decoded."""


@frozen
class Route:
    """One endpoint."""

    name: str
    """What `fail_next` and `requests` call it."""
    method: str
    """HTTP method."""
    path: str
    """Path template below the surface's prefix."""
    handler: Handler
    """What serves it."""
    operations: tuple[str, ...] = field(default=(), kw_only=True)
    """Names of the SDK's operations that it serves; none on the control API."""
    key: KeyKind = field(default=KeyKind.TOKEN, kw_only=True)
    """Kind of key that it takes."""
    alias: bool = field(default=False, kw_only=True)
    """Whether it repeats another row under a second path."""


def mailgun(name: str, method: str, path: str, handler: Handler, key: KeyKind = KeyKind.PRIMARY) -> Route:
    """A row of the Mailgun-compatible API that serves the operation of its own name."""
    return Route(name, method, path, handler, operations=(f"mailgun.{name}",), key=key)


def automations(name: str, method: str, path: str, handler: Handler) -> Route:
    """A row of the Automations API, likewise."""
    return Route(name, method, path, handler, operations=(f"automations.{name.removeprefix('automations.')}",))


def aliases(rows: tuple[Route, ...]) -> tuple[Route, ...]:
    """The same rows, marked as repetitions: for a second path."""
    return tuple(evolve(row, alias=True) for row in rows)


def json_response(content: object, *, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(dumps(content), status_code=status, media_type="application/json")


def empty_response(status: int) -> Response:
    """An answer without a body, as this API likes to give them."""
    return Response(status_code=status)
