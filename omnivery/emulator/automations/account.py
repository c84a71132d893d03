"""The account: whose token is this?"""

# https://docs.omnivery.com/api-ref/automations-api  (Test)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.account import CUSTOMER
from omnivery.emulator.routes import automations, json_response
from omnivery.emulator.state import State


async def test(_request: Request, state: State) -> Response:
    """Describe the token as the page's example has it: a domain's. Here it opens every other domain too."""
    auth = {"cid": CUSTOMER, "did": 1, "tid": 1, "domain": state.settings.domain, "role": "sending"}
    return json_response({"auth": auth})


ROUTES = (automations("account.test", "GET", "/test", test),)
