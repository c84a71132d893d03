"""The emulator's web page: rendered here, kept up to date by a small script, changed through the control API."""

from __future__ import annotations

from collections.abc import Callable

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.page import (
    deliveries,
    domains,
    events,
    faults,
    live,
    messages,
    overview,
    requests,
    static_files,
    suppressions,
)
from omnivery.emulator.page.sections import (
    DELIVERIES,
    DOMAINS,
    EVENTS,
    FAULTS,
    MESSAGES,
    OVERVIEW,
    REQUESTS,
    SUPPRESSIONS,
)
from omnivery.emulator.page.template import LIVE
from omnivery.emulator.routes import Handler, Route
from omnivery.emulator.state import State


def _in_thread(show: Callable[[Request, State], Response]) -> Handler:
    """Let a page be made beside the event loop: reading and rendering many records must not hold up the APIs."""

    async def handler(request: Request, state: State) -> Response:
        return await to_thread.run_sync(show, request, state)

    return handler


def _on_loop(show: Callable[[Request, State], Response]) -> Handler:
    """Let a page be made on the event loop, which alone may look at the account while requests change it."""

    async def handler(request: Request, state: State) -> Response:
        return show(request, state)

    return handler


def _page(path: str, handler: Handler) -> Route:
    return Route("page", "GET", path, handler)


ROUTES = (
    _page(OVERVIEW.path, _in_thread(overview.show)),
    _page(MESSAGES.path, _in_thread(messages.show_list)),
    _page(f"{MESSAGES.path}/{{id}}", _in_thread(messages.show_one)),
    _page(f"{MESSAGES.path}/{{id}}/preview", _in_thread(messages.show_preview)),
    _page(f"{MESSAGES.path}/{{id}}/source", _in_thread(messages.download_source)),
    _page(f"{MESSAGES.path}/{{id}}/files/{{position}}", _in_thread(messages.download_file)),
    _page(EVENTS.path, _in_thread(events.show_list)),
    _page(f"{EVENTS.path}/{{id}}", _in_thread(events.show_one)),
    _page(DELIVERIES.path, _in_thread(deliveries.show_list)),
    _page(f"{DELIVERIES.path}/{{id}}", _in_thread(deliveries.show_one)),
    _page(SUPPRESSIONS.path, _on_loop(suppressions.show_list)),
    _page(DOMAINS.path, _on_loop(domains.show_list)),
    _page(f"{DOMAINS.path}/{{name}}", _on_loop(domains.show_one)),
    _page(FAULTS.path, _on_loop(faults.show)),
    _page(REQUESTS.path, _in_thread(requests.show_list)),
    _page(LIVE, live.live),
    _page(f"{static_files.PATH}/{{digest}}/{{name}}", static_files.static),
)
