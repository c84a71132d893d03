"""Messages: sent as fields and files."""

# https://docs.omnivery.com/api-ref/automations-api  (Messages)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.acceptance import accept_message
from omnivery.emulator.routes import Route
from omnivery.emulator.state import State


async def send(request: Request, state: State) -> Response:
    """Accept a message. The response is not documented; the emulator sends that of the other surface."""
    return await accept_message(request, state, surface="automations")


ROUTES = (Route("messages", "POST", "/{domain}/messages", send, operations=("automations.messages.send",)),)
