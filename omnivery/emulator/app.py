"""The ASGI app: the routes of each surface, authentication, and faults."""

from __future__ import annotations

import time
import traceback
from collections.abc import Awaitable, Callable
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
from omnivery.emulator import automations, control, mailgun, page, receiver
from omnivery.emulator.auth import needs_key, needs_token
from omnivery.emulator.automations import honeypots
from omnivery.emulator.browser_guard import BrowserGuard
from omnivery.emulator.faults import Cut, misbehave
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.request_feed import FAULT, READING, RequestFeed
from omnivery.emulator.routes import Route, aliases, json_response
from omnivery.emulator.state import Settings, State
from omnivery.emulator.store import SeenRequest
from omnivery.errors import OmniveryError, phrase

logger: Logger = get_logger("omnivery.emulator")

Guard: TypeAlias = Callable[[Request, Route, Settings], Response | None]
"""Returns the response to a request without the right key, None if the request is authorized."""


@frozen(kw_only=True)
class RouteTable:
    """One API: its path prefix, its authentication, and its endpoints."""

    prefix: str
    guard: Guard
    routes: tuple[Route, ...]


ROUTE_TABLES = (
    RouteTable(prefix="/v3", guard=needs_key, routes=mailgun.ROUTES),
    # Mailgun's newer clients use this prefix for domains.
    RouteTable(prefix="/v4", guard=needs_key, routes=aliases(mailgun.domains.ROUTES)),
    RouteTable(prefix="", guard=needs_token, routes=automations.ROUTES),
)
"""The APIs, in the order in which their routes are matched."""


def route_names() -> frozenset[str]:
    """Return the names of the API routes, as `fail_next` takes them."""
    return frozenset(route.name for table in ROUTE_TABLES for route in table.routes)


def build_app(state: State) -> Starlette:
    """Create the app of one running emulator."""
    routes: list[BaseRoute] = [
        _open_route(route, state) for route in (*page.ROUTES, *control.ROUTES, *honeypots.ROUTES)
    ]
    routes.append(routing.Route(receiver.PATH, state.received))
    routes += [_mount(table, state) for table in ROUTE_TABLES]
    feed = Middleware(RequestFeed, feed=state.feed, receiver_path=receiver.PATH)
    guard = Middleware(BrowserGuard, hosts=state.settings.hosts, open_path=receiver.PATH)
    middleware = [feed, Middleware(EncodedPaths), guard]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _json_error}, middleware=middleware)
    app.router.redirect_slashes = False
    return app


class EncodedPaths:
    """Matches routes against the path as it was sent, so that `%2F` within a segment does not split the segment."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        await self._app(scope, receive, send)


def _open_route(route: Route, state: State) -> routing.Route:
    async def endpoint(arrived: Request) -> Response:
        request = _request(arrived, state)
        if refusal := await _refusal_of_body(request):
            return refusal
        return await _respond(route, route.handler(request, state))

    return routing.Route(route.path, endpoint, methods=[route.method])


def _mount(table: RouteTable, state: State) -> Mount:
    # Mounted, not only prefixed: a path that one surface lacks must not match a route of the next surface.
    routes = [_api_route(table, route, state) for route in table.routes]
    return Mount(table.prefix, app=Router(routes, redirect_slashes=False))


def _api_route(table: RouteTable, route: Route, state: State) -> routing.Route:
    async def endpoint(request: Request) -> Response:
        begun = time.perf_counter()
        response = await _handle(request, table, route, state)
        status = None if isinstance(response, Cut) else response.status_code
        seen, duration = SeenRequest(request.method, route.name, status), time.perf_counter() - begun
        try:
            state.store.add_request(seen, path=request.url.path, duration=duration)
        except OmniveryError as error:  # such as a full disk: what was done is done, and so is its response
            logger.error("a request was not recorded: %s", error)  # noqa: TRY400  # it is no fault of the code
        # Events change no domain, and are many.
        if request.method not in READING and route.name != "bot":
            state.account_file.plan()
            state.store.changes.tell("account")
        return response

    return routing.Route(route.path, endpoint, methods=[route.method])


async def _handle(arrived: Request, table: RouteTable, route: Route, state: State) -> Response:
    request = _request(arrived, state)

    async def act() -> Response:
        return await _respond(route, _authorized(request, table, route, state))

    # The whole body first: to cut a connection while the client writes would be another fault.
    if refusal := await _refusal_of_body(request):
        return refusal
    fault = state.faults.take(route.name)
    request.scope["state"][FAULT] = fault is not None
    return await misbehave(fault, act, stopping=state.stopping)


def _request(arrived: Request, state: State) -> Request:
    """The request with its path parameters decoded, and with a limit for its body."""
    request = Request(arrived.scope, _limited(arrived.receive, state.settings.max_body))
    request.path_params.update({name: unquote(value) for name, value in request.path_params.items()})
    return request


async def _refusal_of_body(request: Request) -> Response | None:
    """Read the whole body; return a response if that is not possible."""
    try:
        await request.body()
    except HTTPException as refusal:
        return _json_error(request, refusal)
    except ClientDisconnect:
        return Cut()
    return None


async def _authorized(request: Request, table: RouteTable, route: Route, state: State) -> Response:
    return table.guard(request, route, state.settings) or await route.handler(request, state)


async def _respond(route: Route, handling: Awaitable[Response]) -> Response:
    try:
        return await handling
    except Refusal as refusal:
        return json_response(refusal.content, status=refusal.status)
    except OmniveryError as error:  # the file of the records, whose errors hold none of its content
        logger.error("the route %s failed: %s", route.name, error)  # noqa: TRY400  # it is no fault of the code
        return json_response({"message": str(error)}, status=500)
    except Exception as error:  # noqa: BLE001  # a bug here: uvicorn would drop the connection without a response
        logger.error("the route %s raised %s, at %s", route.name, type(error).__name__, _trace(error))  # noqa: TRY400  # a traceback ends with the exception's text
        response = json_response({"message": "Internal Server Error"}, status=500)
        response.headers["connection"] = "close"
        return response


def _trace(error: Exception) -> str:
    """The lines of an exception's traceback, outermost first: file names and numbers only, no content."""
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


def _json_error(_request: Request, error: Exception) -> Response:
    """Respond in JSON, as clients of a JSON API expect, to an unknown path or method or to too large a body."""
    if not isinstance(error, HTTPException):  # starlette's type of handlers is wider than this handler needs
        raise error
    response = json_response({"message": phrase(error.status_code)}, status=error.status_code)
    response.headers.update(error.headers or {})
    return response
