"""Reset in the control API, and whether the emulator is up."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State


async def reset(_request: Request, state: State) -> Response:
    """Delete all records and everything that was created, webhooks in progress, and the faults that were requested."""
    await state.webhook_sender.drop()
    state.reset()
    state.account_file.plan()
    state.store.changes.tell("account")
    state.store.changes.tell("faults")
    return json_response({"message": "Everything is deleted"})


async def health(_request: Request, _state: State) -> Response:
    """Say that the emulator is up."""
    return json_response({"status": "ok"})


ROUTES = (
    Route("reset", "POST", "/_/reset", reset),
    Route("reset", "DELETE", "/_/", reset),
    Route("health", "GET", "/healthz", health),
)
