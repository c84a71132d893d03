"""Webhooks: URLs are checked before they are stored."""

# https://docs.omnivery.com/api-ref/automations-api  (Webhooks)
from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.domain import Domain
from omnivery.emulator.examples import HAPPENINGS, example_event
from omnivery.emulator.forms import read_form, urls_of
from omnivery.emulator.happening import DELIVERED
from omnivery.emulator.payload import sample
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import automations, json_response
from omnivery.emulator.state import State
from omnivery.webhooks.signature import sign


async def create(request: Request, state: State) -> Response:
    """Set the URLs of a type, once each has accepted a signed example with the flag `is-system-test`.

    The call with which the real service checks a URL is not documented. The URLs replace those that the type has.
    """
    domain, form = state.account.find(request.path_params["domain"]), await read_form(request, state)
    kind, urls = form.need("id"), urls_of(form)
    content = {"event-data": {**_example(kind, domain), "flags": {"is-system-test": True}}}
    found = [await state.webhook_sender.probe(url, content) for url in urls]
    if errors := [f"URL endpoint failed with error {error}" for error in found if error]:
        raise Refusal({"errors": errors}, status=402)
    domain.webhooks[kind] = urls
    return json_response({"message": "Webhook has been updated", "webhook": {"urls": urls}})


async def delete(request: Request, state: State) -> Response:
    """Delete the URLs of a type; 402 if there are none."""
    domain = state.account.find(request.path_params["domain"])
    if domain.webhooks.pop(request.path_params["webhooktype"], None) is None:
        raise Refusal("No webhooks deleted", status=402)
    return json_response({"message": "Webhook has been deleted"})


async def show_sample(request: Request, state: State) -> Response:
    """Respond with an array of sample payloads, without some fields that real calls have."""
    domain = state.account.find(request.path_params["domain"])
    data = sample(_example(request.path_params["webhooktype"], domain))
    return json_response([{"event-data": data, "signature": sign(state.settings.signing_key)}])


def _example(kind: str, domain: Domain) -> dict[str, Any]:
    # Types are an open set: an unknown one gets an example, too.
    return example_event(HAPPENINGS.get(kind, DELIVERED), domain)


ROUTES = (
    automations("automations.webhooks.create", "POST", "/domains/{domain}/webhooks", create),
    automations("automations.webhooks.delete", "DELETE", "/domains/{domain}/webhooks/{webhooktype}", delete),
    automations("webhooks.sample", "GET", "/domains/{domain}/webhooks/{webhooktype}/sample", show_sample),
)
