"""Domains: states, DNS records, webhooks, and logins."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.domain import Domain
from omnivery.emulator.page import snippets
from omnivery.emulator.page.counts import counts
from omnivery.emulator.page.missing import missing
from omnivery.emulator.page.sections import DOMAINS, SUPPRESSIONS
from omnivery.emulator.page.suppressions import LISTS
from omnivery.emulator.page.template import render
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.state import State

TONES = {"active": "good", "unverified": "warn", "pending": "warn", "rejected": "bad", "disabled": "bad"}
NEXT = {
    "active": "It can send.",
    "unverified": "Publish the records below, then verify it: PUT /v3/domains/{name}/verify. The emulator looks up "
    "nothing, and approves.",
    "pending": "It is being vetted, and cannot send. A new domain named pending.… stays so.",
    "rejected": "It was refused, and cannot send. A new domain named rejected.… stays so.",
    "disabled": "It was disabled for good.",
}
"""What a state means, and what to do."""


def show_list(request: Request, state: State) -> Response:
    """Show the domains."""
    rows = [_row(domain, state) for domain in state.account.domains]
    return render("domains.html", DOMAINS, counts=counts(state), rows=rows, snippets=snippets.snippets(request, state))


def show_one(request: Request, state: State) -> Response:
    """Show one domain."""
    try:
        domain = state.account.find(request.path_params["name"])
    except Refusal:
        return missing(DOMAINS, state, "domain")
    dns = domain.dns()
    return render(
        "domain.html",
        DOMAINS,
        counts=counts(state),
        row=_row(domain, state),
        advice=NEXT[domain.state].format(name=domain.name),
        records=[
            *(("Sending", record) for record in dns["sending_dns_records"]),
            *(("Receiving", record) for record in dns["receiving_dns_records"]),
        ],
        webhooks=[(kind, url) for kind, urls in sorted(domain.webhooks.items()) for url in urls],
        logins=[(item.login, item.created_at) for item in domain.credentials.values()],
        lists=[
            (
                name,
                len(domain_list(domain, name)),
                f"{SUPPRESSIONS.path}?{urlencode({'domain': domain.name, 'list': name})}",
            )
            for name in LISTS
        ],
    )


def domain_list(domain: Domain, name: str) -> Any:
    """Return a suppression list of a domain."""
    return getattr(domain, name)


def _row(domain: Domain, state: State) -> dict[str, Any]:
    return {
        "name": domain.name,
        "url": f"{DOMAINS.path}/{quote(domain.name, safe='')}",
        "state": domain.state,
        "tone": TONES[domain.state],
        "created_at": domain.created_at,
        "webhooks": sum(len(urls) for urls in domain.webhooks.values()),
        "wildcard": domain.wildcard,
        "bots": domain.name in state.settings.bot_domains,
        "suppressed": sum(len(domain_list(domain, name)) for name in LISTS),
    }
