"""The SMTP relay in the control API: where messages are passed on to, and how many were."""

from __future__ import annotations

from typing import Any

from attrs import asdict
from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.smtp_statistics import SmtpStatistics
from omnivery.emulator.state import State


async def show(_request: Request, state: State) -> Response:
    """Return the SMTP server, which may be none, and the counts of the messages to pass on."""
    relay = state.relay
    shown: dict[str, Any] = {"server": None, **asdict(SmtpStatistics())}
    return json_response({"server": str(relay.server), **asdict(relay.statistics)} if relay else shown)


ROUTES = (Route("smtp", "GET", "/_/smtp", show),)
