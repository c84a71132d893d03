"""Domains, to look at: they are made elsewhere."""

# https://docs.omnivery.com/api-ref/automations-api  (Domains)
from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.account import CUSTOMER
from omnivery.emulator.domain import Domain
from omnivery.emulator.forms import TRUE
from omnivery.emulator.routes import automations, json_response
from omnivery.emulator.state import State

LOCATION = "eu1"
"""Where the data of every domain is kept."""


async def list_domains(_request: Request, state: State) -> Response:
    """Every domain, in a bare array."""
    return json_response([_summary(domain) for domain in state.account.domains])


async def get(request: Request, state: State) -> Response:
    """One domain, with its DNS records if they are asked for."""
    domain = state.account.find(request.path_params["domain"])
    dns = domain.dns() if request.query_params.get("dns", "").lower() in TRUE else {}
    return json_response({"domain": _detail(domain), **dns})


def _summary(domain: Domain) -> dict[str, Any]:
    return {"id": domain.id, "cid": CUSTOMER, "data_location": LOCATION, **domain.summary()}


def _detail(domain: Domain) -> dict[str, Any]:
    shown = domain.detail()["domain"]
    del shown["force_dkim_authority"]
    return {
        **shown,
        "channel": "email",
        "data_location": LOCATION,
        "dkim_auth": domain.state == "active",
        "limit": "5000/86400",
        "seedmail": f"seed@{domain.name}",
        "transactional": False,
    }


ROUTES = (
    automations("automations.domains.list", "GET", "/domains", list_domains),
    automations("automations.domains.get", "GET", "/domains/{domain}", get),
)
