"""The newest records with counts: the first paths of the control API, which simple tests use."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from attrs import asdict
from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.control import shapes
from omnivery.emulator.control.parameters import WINDOW, check_names, filters_of, read_query, read_window
from omnivery.emulator.records.received import VerdictQuery
from omnivery.emulator.records.window import Window
from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State

SHOWN = 100
"""Number of the newest records that are returned."""


async def events(_request: Request, state: State) -> Response:
    """Return the number of events received, and the newest of them, as they were submitted."""
    newest = [record.event for record in reversed(state.store.bot_events.find().records)]
    return json_response({"count": state.store.statistics.bot_events, "events": newest})


async def webhooks(_request: Request, state: State) -> Response:
    """Return the number of attempts to deliver webhooks, and the newest of them."""
    newest = [asdict(attempt) for attempt in state.store.attempts[-SHOWN:]]
    return json_response({"count": state.store.statistics.webhook_attempts, "webhooks": newest})


async def verdicts(request: Request, state: State) -> Response:
    """Return counts of the verdicts that the emulator's own receiver received, and the newest of them."""
    values = request.query_params
    check_names(values, (*filters_of(VerdictQuery), *WINDOW))
    query, window = read_query(values, VerdictQuery), read_window(values)
    found = await to_thread.run_sync(_verdicts, state, query, window)
    return json_response({**state.received.counts, **found})


async def statistics(_request: Request, state: State) -> Response:
    """Return all counts since the start or the last reset, and the ids of the newest records."""
    store = state.store
    newest = {
        name: getattr(store, name).newest_id()
        for name in ("bot_events", "deliveries", "delivery_events", "messages", "requests", "verdicts")
    }
    return json_response({**asdict(store.statistics), "newest": newest})


def _verdicts(state: State, query: VerdictQuery, window: Window) -> dict[str, Any]:
    found = state.store.verdicts.find(query, window)
    return {"newest": [shapes.verdict(record) for record in reversed(found.records)], "more": found.more}


ROUTES = (
    Route("events", "GET", "/_/events", events),
    Route("webhooks", "GET", "/_/webhooks", webhooks),
    Route("verdicts", "GET", "/_/verdicts", verdicts),
    Route("statistics", "GET", "/_/statistics", statistics),
)
