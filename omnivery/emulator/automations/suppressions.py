"""Suppressions: one endpoint for every kind."""

# https://docs.omnivery.com/api-ref/automations-api  (Suppressions)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.address_rules import is_mail_address
from omnivery.emulator.forms import read_form
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import automations, empty_response
from omnivery.emulator.state import State


async def add(request: Request, state: State) -> Response:
    """Add an address to a list; the response is empty.

    The page names only the type `complaint`, and says nothing of a request without a type. The other types follow from
    the kinds of suppression in the service's guide; without a type, the emulator blocks the address.
    """
    domain, form = state.account.find(request.path_params["domain"]), await read_form(request, state)
    lists = {
        "bounce": domain.bounces,
        "complaint": domain.complaints,
        "unsubscribe": domain.unsubscribes,
        "block": domain.blocks,
    }
    address, kind, error = form.need("address"), form.get("type").strip() or "block", form.get("error")
    if kind not in lists:
        raise Refusal(f"type parameter must be one of {', '.join(lists)}")
    if not is_mail_address(address):
        raise Refusal("address parameter is not a valid address")
    more: dict[str, dict[str, object]] = {"bounce": {"code": "550"}, "unsubscribe": {"tags": ["*"]}}
    lists[kind].put(address, {"address": address, "error": error, **more.get(kind, {})})
    return empty_response(200)


ROUTES = (automations("suppressions.add", "POST", "/{domain}/suppress", add),)
