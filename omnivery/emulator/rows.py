"""Route tables: one row for each endpoint, and the two forms of answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import dumps
from omnivery.emulator.site import Site

Handler: TypeAlias = Callable[[Request, Site], Awaitable[Response]]
"""Serves one endpoint. It finds the body read already, and the path's parameters decoded."""


@frozen
class Row:
    """One endpoint."""

    name: str
    """What `fail_next` and `requests` call it."""
    method: str
    """HTTP method."""
    path: str
    """Path template below the surface's prefix."""
    handler: Handler
    """What serves it."""


def json_answer(content: object, *, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(dumps(content), status_code=status, media_type="application/json")


def empty_answer(status: int) -> Response:
    """An answer without a body, as this API likes to give them."""
    return Response(status_code=status)
