"""Whitelists: addresses and domains that are exempt from suppressions."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Whitelists)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.forms import read_form, read_query
from omnivery.emulator.pages import page
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import json_response, mailgun
from omnivery.emulator.state import State

MISSING = "Address/Domain not found in whitelists table"


async def list_entries(request: Request, state: State) -> Response:
    """One page of the list."""
    domain = state.account.find(request.path_params["domain"])
    return json_response(page(request, state, domain.whitelists.sorted()))


async def create(request: Request, state: State) -> Response:
    """Add an address or a domain: from the query, as Omnivery documents it, or from a form, as Mailgun does.

    In the dialect `mailgun` the query is ignored.
    """
    domain = state.account.find(request.path_params["domain"])
    queries = () if state.settings.dialect == "mailgun" else (read_query(request),)
    for form in (*queries, await read_form(request, state)):
        for kind in ("address", "domain"):
            if value := form.get(kind).strip():
                domain.whitelists.put(value, {"type": kind, "value": value})
                message = "Address/Domain has been added to the whitelists table"
                return json_response({"message": message, "type": kind, "value": value})
    raise Refusal("address or domain parameter is missing")


async def get(request: Request, state: State) -> Response:
    """One entry."""
    entry = state.account.find(request.path_params["domain"]).whitelists.get(request.path_params["address"])
    if entry is None:
        raise Refusal(MISSING, status=404)
    return json_response(entry)


async def delete(request: Request, state: State) -> Response:
    """Take an address or a domain off the list."""
    value = request.path_params["address"]
    if state.account.find(request.path_params["domain"]).whitelists.remove(value) is None:
        raise Refusal(MISSING, status=404)
    return json_response({"message": "Address/Domain has been removed from the whitelists table", "value": value})


ROUTES = (
    mailgun("whitelists.list", "GET", "/{domain}/whitelists", list_entries),
    mailgun("whitelists.create", "POST", "/{domain}/whitelists", create),
    mailgun("whitelists.get", "GET", "/{domain}/whitelists/{address}", get),
    mailgun("whitelists.delete", "DELETE", "/{domain}/whitelists/{address}", delete),
)
