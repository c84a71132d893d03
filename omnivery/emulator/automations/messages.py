"""Messages: sent as fields and files."""

# https://docs.omnivery.com/api-ref/automations-api  (Messages)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.acceptance import take_in
from omnivery.emulator.routes import Row
from omnivery.emulator.state import Site


async def send(request: Request, site: Site) -> Response:
    """Accept a message; the answer is not documented, and here the other surface's own."""
    return await take_in(request, site, surface="automations")


ROWS = (Row("messages", "POST", "/{domain}/messages", send, operations=("automations.messages.send",)),)
