"""Messages: sent as fields and files, or as one MIME text."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Messages)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.acceptance import accept_message, accept_mime
from omnivery.emulator.routes import Route
from omnivery.emulator.state import State
from omnivery.transport.operation import KeyKind


async def send(request: Request, state: State) -> Response:
    """Accept a message made of fields and files."""
    return await accept_message(request, state, surface="mailgun")


ROUTES = (
    Route(
        "messages",
        "POST",
        "/{domain}/messages",
        send,
        operations=("mailgun.messages.send",),
        key=KeyKind.EITHER,
    ),
    Route(
        "messages.mime",
        "POST",
        "/{domain}/messages.mime",
        accept_mime,
        operations=("mailgun.messages.send_mime",),
        key=KeyKind.EITHER,
    ),
)
