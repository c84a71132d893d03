"""The application: the route tables of each surface, who may come in, and the faults in front of them."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from logging import Logger
from typing import TypeAlias
from urllib.parse import unquote

from attrs import frozen
from starlette import routing
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omnivery._logging import get_logger
from omnivery.emulator import automations, control, mailgun
from omnivery.emulator.auth import needs_key, needs_token
from omnivery.emulator.faults import Cut, misbehave
from omnivery.emulator.page import page
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import Route, aliases, json_response
from omnivery.emulator.state import Settings, State
from omnivery.emulator.store import SeenRequest

logger: Logger = get_logger("omnivery.emulator")

Guard: TypeAlias = Callable[[Request, Route, Settings], Response | None]
"""Returns the refusal of a request without the right key, None for one that may come in."""


@frozen(kw_only=True)
class RouteTable:
    """One API: where it lives, who may come in, and its endpoints."""

    prefix: str
    guard: Guard
    rows: tuple[Route, ...]


ROUTE_TABLES = (
    RouteTable(prefix="/v3", guard=needs_key, rows=mailgun.ROWS),
    # Mailgun's newer clients ask for domains here.
    RouteTable(prefix="/v4", guard=needs_key, rows=aliases(mailgun.domains.ROWS)),
    RouteTable(prefix="", guard=needs_token, rows=automations.ROWS),
)
"""The APIs, in the order in which their routes are tried."""


def route_names() -> frozenset[str]:
    """Names of the API's routes, as `fail_next` takes them."""
    return frozenset(row.name for table in ROUTE_TABLES for row in table.rows)


def build_app(site: State) -> Starlette:
    """Make the application of one running emulator."""
    routes: list[BaseRoute] = [_open_route(row, site) for row in (*page.ROWS, *control.ROWS)]
    routes += [_mount(table, site) for table in ROUTE_TABLES]
    app = Starlette(
        routes=routes, exception_handlers={HTTPException: _say_in_json}, middleware=[Middleware(EncodedPaths)]
    )
    app.router.redirect_slashes = False
    return app


class EncodedPaths:
    """Lets routes match the path as it was sent, so that `%2F` within a segment does not split it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        await self._app(scope, receive, send)


def _open_route(row: Route, site: State) -> routing.Route:
    async def endpoint(request: Request) -> Response:
        return await _answered(row, row.handler(request, site))

    return routing.Route(row.path, endpoint, methods=[row.method])


def _mount(table: RouteTable, site: State) -> Mount:
    # Mounted, not merely prefixed: what one surface does not have must not be looked for on the next.
    routes = [_api_route(table, row, site) for row in table.rows]
    return Mount(table.prefix, app=Router(routes, redirect_slashes=False))


def _api_route(table: RouteTable, row: Route, site: State) -> routing.Route:
    async def endpoint(request: Request) -> Response:
        response = await _serve(request, table, row, site)
        status = None if isinstance(response, Cut) else response.status_code
        site.store.add_request(SeenRequest(request.method, row.name, status))
        return response

    return routing.Route(row.path, endpoint, methods=[row.method])


async def _serve(arrived: Request, table: RouteTable, row: Route, site: State) -> Response:
    request = Request(arrived.scope, _limited(arrived.receive, site.settings.max_body))
    request.path_params.update({name: unquote(value) for name, value in request.path_params.items()})

    async def act() -> Response:
        return await _answered(row, _admitted(request, table, row, site))

    try:
        # All of it before anything else: a connection that is cut while the client writes is another fault.
        await request.body()
    except HTTPException as refusal:
        return _say_in_json(request, refusal)
    except ClientDisconnect:
        return Cut()
    return await misbehave(site.faults.take(row.name), act, stopping=site.stopping)


async def _admitted(request: Request, table: RouteTable, row: Route, site: State) -> Response:
    return table.guard(request, row, site.settings) or await row.handler(request, site)


async def _answered(row: Route, handling: Awaitable[Response]) -> Response:
    try:
        return await handling
    except Refusal as refusal:
        return json_response(refusal.content, status=refusal.status)
    except Exception as error:  # noqa: BLE001  # a slip of ours: the server would drop the connection under the client
        logger.error("the route %s raised %s, by way of %s", row.name, type(error).__name__, _way(error))  # noqa: TRY400  # a traceback ends with the exception's text
        response = json_response({"message": "Internal Server Error"}, status=500)
        response.headers["connection"] = "close"
        return response


def _way(error: Exception) -> str:
    """The lines that an exception came through, outermost first: places only, no content."""
    steps = traceback.walk_tb(error.__traceback__)
    return " > ".join(f"{frame.f_code.co_filename}:{line}" for frame, line in steps)


def _limited(receive: Receive, limit: int) -> Receive:
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise HTTPException(413)
        return message

    return limited


def _say_in_json(_request: Request, error: Exception) -> Response:
    """No such path or method, or too large a body: in JSON, as a client of a JSON API expects."""
    if not isinstance(error, HTTPException):  # starlette's type for handlers is wider than what this one is given
        raise error
    response = json_response({"message": HTTPStatus(error.status_code).phrase}, status=error.status_code)
    response.headers.update(error.headers or {})
    return response
