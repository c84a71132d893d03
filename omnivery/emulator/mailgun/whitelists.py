"""Whitelists: addresses and domains that are exempt from suppressions."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Whitelists)
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.forms import read_form, read_query
from omnivery.emulator.pages import Entry, page
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import json_response, mailgun
from omnivery.emulator.state import State

MISSING = "Address/Domain not found in whitelists table"


async def list_entries(request: Request, state: State) -> Response:
    """One page of the list."""
    domain = state.account.find(request.path_params["domain"])
    return json_response(page(request, state, domain.whitelists.sorted(), show=_shown(state)))


async def create(request: Request, state: State) -> Response:
    """Add an address or a domain: from the query, as Omnivery documents it, or from a form, as Mailgun does.

    In the dialect `mailgun` the query is ignored.
    """
    domain = state.account.find(request.path_params["domain"])
    if state.settings.strict and not state.settings.like_mailgun:
        read_query(request).need("address")
    queries = () if state.settings.like_mailgun else (read_query(request),)
    for form in (*queries, await read_form(request, state)):
        for kind in ("address", "domain"):
            if value := form.get(kind).strip():
                domain.whitelists.put(value, {"type": kind, "value": value, "reason": form.get("reason")})
                message = "Address/Domain has been added to the whitelists table"
                return json_response({"message": message, "type": kind, "value": value})
    raise Refusal("address or domain parameter is missing")


async def get(request: Request, state: State) -> Response:
    """One entry."""
    entry = state.account.find(request.path_params["domain"]).whitelists.get(request.path_params["address"])
    if entry is None:
        raise Refusal(MISSING, status=404)
    return json_response(_shown(state)(entry))


async def delete(request: Request, state: State) -> Response:
    """Take an address or a domain off the list."""
    value = request.path_params["address"]
    if state.account.find(request.path_params["domain"]).whitelists.remove(value) is None:
        raise Refusal(MISSING, status=404)
    return json_response({"message": "Whitelist address/domain has been removed", "value": value})


def _shown(state: State) -> Callable[[Entry], Entry]:
    """Return what shows an entry in the dialect.

    Omnivery's page has `created_at`, Mailgun's clients read `createdAt`: in the dialect `omnivery` there are both.
    """
    return _of_mailgun if state.settings.like_mailgun else _of_omnivery


def _of_omnivery(entry: Entry) -> dict[str, Any]:
    shown = {name: entry[name] for name in ("type", "value", "created_at")}
    return {**shown, "createdAt": _utc(entry)}


def _of_mailgun(entry: Entry) -> dict[str, Any]:
    shown = {name: entry[name] for name in ("type", "value", "reason")}
    return {**shown, "createdAt": _utc(entry)}


def _utc(entry: Entry) -> str:
    return f"{entry['created_at'].removesuffix('GMT')}UTC"


ROUTES = (
    mailgun("whitelists.list", "GET", "/{domain}/whitelists", list_entries),
    mailgun("whitelists.create", "POST", "/{domain}/whitelists", create),
    mailgun("whitelists.get", "GET", "/{domain}/whitelists/{address}", get),
    mailgun("whitelists.delete", "DELETE", "/{domain}/whitelists/{address}", delete),
)
