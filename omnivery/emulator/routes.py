"""Routes, one for each endpoint, and the two forms of response."""

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
"""Handles the requests of one endpoint, whose body is read and whose path parameters are decoded already."""


@frozen
class Route:
    """One endpoint."""

    name: str
    """The name for `fail_next` and `requests`."""
    method: str
    """HTTP method."""
    path: str
    """Path template below the surface's prefix."""
    handler: Handler
    """The handler."""
    operations: tuple[str, ...] = field(default=(), kw_only=True)
    """Names of the SDK's operations that use the endpoint; empty for the control API."""
    key: KeyKind = field(default=KeyKind.TOKEN, kw_only=True)
    """Kind of key that the endpoint requires."""
    alias: bool = field(default=False, kw_only=True)
    """Whether this is a second path of another route."""


def mailgun(name: str, method: str, path: str, handler: Handler, key: KeyKind = KeyKind.PRIMARY) -> Route:
    """Return a route of the Mailgun-compatible API whose operation has the same name."""
    return Route(name, method, path, handler, operations=(f"mailgun.{name}",), key=key)


def automations(name: str, method: str, path: str, handler: Handler) -> Route:
    """Return a route of the Automations API whose operation has the same name."""
    return Route(name, method, path, handler, operations=(f"automations.{name.removeprefix('automations.')}",))


def aliases(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Return the same routes, marked as second paths."""
    return tuple(evolve(route, alias=True) for route in routes)


def json_response(content: object, *, status: int = 200) -> Response:
    """Return a response with a JSON body."""
    return Response(dumps(content), status_code=status, media_type="application/json")


def empty_response(status: int) -> Response:
    """Return a response without a body, which is common on the Automations API."""
    return Response(status_code=status)
