"""Domains: list, create, verify, disable, delete."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Domains)
from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.auth import kind_of_key
from omnivery.emulator.domain import Domain
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
    """Create a domain; the response is 200, not 201.

    A new domain is `pending` until the service's staff have vetted it, which here takes as long as the response. The
    domain is `unverified` from then on. Mailgun vets nothing: in its dialect the response says `unverified`.
    """
    form = await read_form(request, state)
    domain = state.account.create(form.need("name"), wildcard=form.says_yes("wildcard"))
    if state.settings.like_mailgun:
        return _of_mailgun(domain, message="Domain has been created")
    vetted = domain.state
    domain.move("pending")
    response = json_response(domain.detail())
    domain.move(vetted)
    return response


async def get(request: Request, state: State) -> Response:
    """One domain with its DNS records."""
    return _shown(state.account.find(request.path_params["domain"]), state)


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
    if state.settings.like_mailgun:
        return _of_mailgun(domain, message="Domain DNS records have been updated")
    return json_response(domain.detail())


async def tracking(request: Request, state: State) -> Response:
    """Return the tracking settings, which are fixed."""
    state.account.find(request.path_params["domain"])
    footers = {"html_footer": "", "text_footer": ""} if state.settings.like_mailgun else {}
    tracked = {"click": {"active": True}, "open": {"active": True}, "unsubscribe": {"active": False, **footers}}
    return json_response({"tracking": tracked})


async def disable(request: Request, state: State) -> Response:
    """Disable a domain for good."""
    domain = state.account.find(request.path_params["domain"])
    domain.move("disabled")
    return _shown(domain, state)


def _shown(domain: Domain, state: State) -> Response:
    return _of_mailgun(domain) if state.settings.like_mailgun else json_response(domain.detail())


def _of_mailgun(domain: Domain, **more: str) -> Response:
    """In Mailgun's documents, `valid` and `priority` of a DNS record are texts."""
    shown = domain.detail()
    for name in ("receiving_dns_records", "sending_dns_records"):
        shown[name] = [_dns_of_mailgun(record) for record in shown[name]]
    return json_response({**shown, **more})


def _dns_of_mailgun(record: dict[str, Any]) -> dict[str, Any]:
    texts = {"priority": str(record["priority"])} if "priority" in record else {}
    return {**record, "valid": "valid" if record["valid"] else "unknown", **texts}


ROUTES = (
    mailgun("domains.list", "GET", "/domains", list_domains, KeyKind.ANY),
    mailgun("domains.create", "POST", "/domains", create),
    mailgun("domains.get", "GET", "/domains/{domain}", get, KeyKind.ANY),
    mailgun("domains.delete", "DELETE", "/domains/{domain}", delete),
    mailgun("domains.verify", "PUT", "/domains/{domain}/verify", verify),
    mailgun("domains.tracking", "GET", "/domains/{domain}/tracking", tracking),
    mailgun("domains.disable", "PATCH", "/{domain}/disable", disable),
)
