"""Webhook deliveries in the control API: one with its body, and sending it once more."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import loads
from omnivery.emulator.control import shapes
from omnivery.emulator.control.parameters import read_object
from omnivery.emulator.forms import is_web_url
from omnivery.emulator.records.deliveries import DeliveryRecord
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State

LARGEST_ID = 18
"""Most digits of a record's id."""


async def show(request: Request, state: State) -> Response:
    """Return one delivery, with the body that is signed anew for each attempt; null if it is no longer kept."""
    record = _found(request, state)
    body = state.store.deliveries.body(record.id)
    return json_response({**shapes.delivery(record), "body": None if body is None else loads(body)})


async def resend(request: Request, state: State) -> Response:
    """Deliver the same body once more, with a new signature, to the same URL or to the `url` of the JSON body."""
    record, options = _found(request, state), await read_object(request, "url")
    url = options.get("url") or record.url
    if not is_web_url(url):
        raise Refusal("url must be an http or https URL")
    number = state.webhook_sender.send_again(record.id, url=url)
    if number is None:
        raise Refusal("The body of this delivery is no longer kept", status=410)
    return json_response({"message": "The webhook is sent again", "id": number}, status=202)


def _found(request: Request, state: State) -> DeliveryRecord:
    """Return the delivery of a path.

    Raises:
        Refusal: there is none.
    """
    name = request.path_params["id"]
    known = name.isascii() and name.isdecimal() and len(name) <= LARGEST_ID
    record = state.store.deliveries.get(int(name)) if known else None
    if record is None:
        raise Refusal("There is no such delivery, or it is no longer kept", status=404)
    return record


ROUTES = (
    Route("deliveries", "GET", "/_/deliveries/{id}", show),
    Route("deliveries", "POST", "/_/deliveries/{id}/resend", resend),
)
