"""Waiting for records, in one request: until enough of them match, or the time is up."""

from __future__ import annotations

from anyio import CancelScope, create_task_group, to_thread
from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.control.lists import LISTS, list_of
from omnivery.emulator.control.parameters import (
    MOST,
    WINDOW,
    check_names,
    filters_of,
    read_number,
    read_query,
    read_seconds,
    read_window,
)
from omnivery.emulator.faults import Cut
from omnivery.emulator.records.wait import RecordWait
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State

TIMEOUT = 10.0
"""Seconds to wait if the request names none."""
LONGEST = 600.0
"""Most seconds to wait."""


async def wait(request: Request, state: State) -> Response:
    """Respond once `count` records match, and at the latest after `timeout` seconds: `enough` says which it was.

    Records that are there already count, unless they are not `after` an id.
    """
    chosen = list_of(request.path_params["kind"])
    if chosen is None:
        names = ", ".join(each.name for each in LISTS)
        raise Refusal(f"There is nothing of that name to wait for; there are {names}", status=404)
    values = request.query_params
    check_names(values, (*filters_of(chosen.query), *WINDOW, "count", "timeout"))
    query, window = read_query(values, chosen.query), read_window(values)
    wanted = read_number(values, "count", least=1, most=MOST * MOST, default=1) or 1
    timeout = read_seconds(values, "timeout", default=TIMEOUT, most=LONGEST)
    records = chosen.records(state)
    waiting = RecordWait(
        changes=state.store.changes,
        kind=chosen.kind,
        count=lambda: records.count(query, after=window.after or 0),
        wanted=wanted,
        timeout=timeout,
    )
    enough = await _result(waiting, request)
    if enough is None:
        return Cut()
    return json_response({"enough": enough, **await to_thread.run_sync(chosen.page, state, query, window)})


async def _result(waiting: RecordWait, request: Request) -> bool | None:
    """Return whether enough match; None once the client is gone: its wait must not count on for minutes."""
    result: bool | None = None

    async def watch(scope: CancelScope) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            continue
        scope.cancel()

    async with create_task_group() as group:
        group.start_soon(watch, group.cancel_scope)
        result = await waiting.result()
        group.cancel_scope.cancel()
    return result


ROUTES = (Route("wait", "GET", "/_/wait/{kind}", wait),)
