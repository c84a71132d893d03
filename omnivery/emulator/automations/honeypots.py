"""The honeypot's link, which mail scanners request and clients never do.

In mail it is `https://email.{domain}/{message_id}/hclick`. Here its path is enough, and the domain may come before it.
"""

# https://docs.omnivery.com/api-ref/automations-api  (Bot detection, honeypot)
from __future__ import annotations

from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import Route, empty_response
from omnivery.emulator.state import State
from omnivery.events.ip_address import client_address


async def visit(request: Request, state: State) -> Response:
    """Remember the visitor. The response is not documented; the emulator's is 200 with an empty body.

    On a loopback address all visitors have one IP address, so that `X-Forwarded-For` may name another for a test.
    """
    domain = unquote(request.path_params.get("domain", "")).lower().removeprefix("email.")
    if domain and domain not in state.settings.bot_domains:
        raise Refusal("Bot detection is not enabled for this domain", status=404)
    peer = request.client.host if request.client else ""
    ip = client_address(request.headers.get("x-forwarded-for", "").partition(",")[0].strip()) or peer
    message_id = unquote(request.path_params["message_id"])
    state.detector.honeypot.add(message_id, ip=ip, agent=request.headers.get("user-agent", ""))
    return empty_response(200)


ROUTES = (
    Route("honeypot", "GET", "/{message_id}/hclick", visit),
    Route("honeypot", "GET", "/{domain}/{message_id}/hclick", visit),
)
"""No operations, and no key: every reader of the mail may request them."""
