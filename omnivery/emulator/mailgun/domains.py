"""Domains: list, create, verify, disable, delete."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Domains)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.auth import kind_of_key
from omnivery.emulator.forms import read_form, window
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import json_response, mailgun
from omnivery.emulator.state import State
from omnivery.transport.operation import KeyKind


async def list_domains(request: Request, state: State) -> Response:
    """The account's domains; a sending key sees its own alone."""
    limit, skip = window(request)
    wanted = request.query_params.get("state")
    own = state.settings.domain.lower() if kind_of_key(request, state.settings) is KeyKind.SENDING else None
    found = [
        domain for domain in state.account.domains if wanted in {None, domain.state} and own in {None, domain.name}
    ]
    items = [domain.summary() for domain in found[skip : skip + limit]]
    return json_response({"items": items, "total_count": len(found)})


async def create(request: Request, state: State) -> Response:
    """Create a domain; the response is 200, not 201."""
    form = await read_form(request, state)
    domain = state.account.create(form.need("name"), wildcard=form.says_yes("wildcard"))
    return json_response({"message": "Domain has been created", **domain.detail()})


async def get(request: Request, state: State) -> Response:
    """One domain with its DNS records."""
    return json_response(state.account.find(request.path_params["domain"]).detail())


async def delete(request: Request, state: State) -> Response:
    """Delete a domain."""
    state.account.delete(request.path_params["domain"])
    return json_response({"message": "Domain has been deleted"})


async def verify(request: Request, state: State) -> Response:
    """Verify a domain: the DNS records are always found, so an `unverified` domain becomes `active`."""
    domain = state.account.find(request.path_params["domain"])
    if domain.state == "unverified":
        domain.move("active")
    if domain.state != "active":
        raise Refusal(f"Domain {domain.name} cannot be verified: its state is {domain.state}")
    return json_response({"message": "Domain DNS records have been updated", **domain.detail()})


async def tracking(request: Request, state: State) -> Response:
    """Return the tracking settings, which are fixed."""
    state.account.find(request.path_params["domain"])
    active = {"click": True, "open": True, "unsubscribe": False}
    return json_response({"tracking": {name: {"active": on} for name, on in active.items()}})


async def disable(request: Request, state: State) -> Response:
    """Disable a domain for good."""
    domain = state.account.find(request.path_params["domain"])
    domain.move("disabled")
    return json_response(domain.detail())


ROUTES = (
    mailgun("domains.list", "GET", "/domains", list_domains, KeyKind.ANY),
    mailgun("domains.create", "POST", "/domains", create),
    mailgun("domains.get", "GET", "/domains/{domain}", get, KeyKind.ANY),
    mailgun("domains.delete", "DELETE", "/domains/{domain}", delete),
    mailgun("domains.verify", "PUT", "/domains/{domain}/verify", verify),
    mailgun("domains.tracking", "GET", "/domains/{domain}/tracking", tracking),
    mailgun("domains.disable", "PATCH", "/{domain}/disable", disable),
)
