"""Webhooks: up to three URLs for each type of event."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Webhooks)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.domain import Domain
from omnivery.emulator.forms import read_form, urls_of
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import json_response, mailgun
from omnivery.emulator.state import State
from omnivery.transport.operation import KeyKind


async def list_webhooks(request: Request, state: State) -> Response:
    """Return every type that has URLs."""
    hooks = state.account.find(request.path_params["domain"]).webhooks
    return json_response({"webhooks": {name: {"urls": urls} for name, urls in hooks.items()}})


async def create(request: Request, state: State) -> Response:
    """Set the URLs of a type that has none yet."""
    domain, form = state.account.find(request.path_params["domain"]), await read_form(request, state)
    name, urls = form.need("id"), urls_of(form)
    if name in domain.webhooks:
        raise Refusal("Webhook already exists")
    domain.webhooks[name] = urls
    return json_response({"message": "Webhook has been created", "webhook": {"urls": urls}})


async def get(request: Request, state: State) -> Response:
    """Return the URLs of one type."""
    domain, name = _find(request, state)
    return json_response({"webhook": {"urls": domain.webhooks[name]}})


async def update(request: Request, state: State) -> Response:
    """Replace the URLs of a type."""
    form = await read_form(request, state)
    domain, name = _find(request, state)
    urls = domain.webhooks[name] = urls_of(form)
    return json_response({"message": "Webhook has been updated", "webhook": {"urls": urls}})


async def delete(request: Request, state: State) -> Response:
    """Delete the URLs of a type; the response contains them."""
    domain, name = _find(request, state)
    return json_response({"message": "Webhook has been deleted", "webhook": {"urls": domain.webhooks.pop(name)}})


def _find(request: Request, state: State) -> tuple[Domain, str]:
    domain, name = state.account.find(request.path_params["domain"]), request.path_params["webhookname"]
    if name not in domain.webhooks:
        raise Refusal("Webhook not found", status=404)
    return domain, name


ROUTES = (
    mailgun("webhooks.list", "GET", "/domains/{domain}/webhooks", list_webhooks, KeyKind.ANY),
    mailgun("webhooks.create", "POST", "/domains/{domain}/webhooks", create),
    mailgun("webhooks.get", "GET", "/domains/{domain}/webhooks/{webhookname}", get),
    mailgun("webhooks.update", "PUT", "/domains/{domain}/webhooks/{webhookname}", update),
    mailgun("webhooks.delete", "DELETE", "/domains/{domain}/webhooks/{webhookname}", delete),
)
