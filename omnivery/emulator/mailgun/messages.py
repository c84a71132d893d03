"""Messages: sent as fields and files, or as one MIME text."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Messages)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.acceptance import take_in, take_in_mime
from omnivery.emulator.routes import Route
from omnivery.emulator.state import State
from omnivery.transport.operation import KeyKind


async def send(request: Request, site: State) -> Response:
    """Accept a message made of fields and files."""
    return await take_in(request, site, surface="mailgun")


ROWS = (
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
        take_in_mime,
        operations=("mailgun.messages.send_mime",),
        key=KeyKind.EITHER,
    ),
)
