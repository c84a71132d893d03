"""Addresses: validated by fixed rules, and parsed."""

# https://docs.omnivery.com/api-ref/automations-api  (Validation)
from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.address_rules import LONGEST_ADDRESS, LONGEST_LIST, judge, parsed, plain
from omnivery.emulator.forms import query_text
from omnivery.emulator.routes import automations, json_response
from omnivery.emulator.state import State

SENDEX = {"deliverable": 1.0, "risky": 0.5, "unknown": 0.5, "undeliverable": 0.0}
"""Kickbox's score of an address; here it follows from the result."""


async def validate(request: Request, state: State) -> Response:
    """Say what is known about an address, in Kickbox's form."""
    state.account.find(request.path_params["domain"])
    found = judge(query_text(request, "address", LONGEST_ADDRESS))
    content = {
        "result": found.result,
        "reason": found.reason,
        "role": found.role,
        "free": found.free,
        "disposable": found.disposable,
        "accept_all": False,
        "did_you_mean": found.did_you_mean,
        "sendex": SENDEX[found.result],
        "email": found.address.lower(),
        "user": found.user.lower(),
        "domain": found.domain.lower(),
        "success": True,
        "message": None,
        "timeLogged": int(time.time()),
    }
    return json_response(content)


async def parse(request: Request, _state: State) -> Response:
    """Read a comma list of addresses; names are left out here."""
    return json_response(parsed(query_text(request, "addresses", LONGEST_LIST), show=plain))


ROUTES = (
    automations("automations.addresses.validate", "GET", "/{domain}/validate", validate),
    automations("automations.addresses.parse", "GET", "/address/parse", parse),
)
