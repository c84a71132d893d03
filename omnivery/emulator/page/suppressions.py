"""Suppressions of each domain: bounces, complaints, unsubscribes, blocks; and the whitelist."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.domain import Domain
from omnivery.emulator.page import snippets
from omnivery.emulator.page.counts import counts
from omnivery.emulator.page.listing import url_with
from omnivery.emulator.page.sections import SUPPRESSIONS
from omnivery.emulator.page.template import render
from omnivery.emulator.page.texts import number
from omnivery.emulator.state import State

LISTS = ("bounces", "complaints", "unsubscribes", "blocks", "whitelists")
ROWS = 100
"""Rows of a page."""
SHOWN = ("created_at", "createdAt", "code", "error", "tags", "reason", "type")
"""Fields of a record that have a place of their own."""


def show_list(request: Request, state: State) -> Response:
    """Show one list of one domain."""
    domains = state.account.domains
    chosen = request.query_params.get("domain", "").lower()
    domain = next((item for item in domains if item.name == chosen), domains[0] if domains else None)
    name = request.query_params.get("list", "")
    name = name if name in LISTS else LISTS[0]
    search = request.query_params.get("q", "").strip()
    entries = _matching(domain, name, search.lower()) if domain else []
    skip = _skip(request, len(entries))
    return render(
        "suppressions.html",
        SUPPRESSIONS,
        counts=counts(state),
        domain=domain.name if domain else "",
        domains=[item.name for item in domains],
        chosen=name,
        lists=_lists(request, domain),
        query=search,
        rows=[_row(address, record) for address, record in entries[skip : skip + ROWS]],
        found=_found(request, skip, len(entries)),
        snippets=snippets.snippets(request, state),
    )


def _matching(domain: Domain, name: str, search: str) -> list[tuple[str, dict[str, Any]]]:
    return [entry for entry in getattr(domain, name).sorted() if search in entry[0]]


def _skip(request: Request, total: int) -> int:
    text = request.query_params.get("skip", "")
    wanted = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004
    return wanted if wanted < total else 0


def _lists(request: Request, domain: Domain | None) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "count": len(getattr(domain, name)) if domain else 0,
            "url": url_with(request, list=name, skip=None),
        }
        for name in LISTS
    ]


def _found(request: Request, skip: int, total: int) -> dict[str, Any]:
    last = min(total, skip + ROWS)
    return {
        "shown": f"{number(skip + 1 if total else 0)} to {number(last)} of {number(total)} addresses",
        "newer": url_with(request, skip=max(0, skip - ROWS) or None) if skip else None,
        "older": url_with(request, skip=last) if last < total else None,
    }


def _row(address: str, record: dict[str, Any]) -> dict[str, Any]:
    tags = record.get("tags")
    why = [record.get("code"), record.get("error") or record.get("reason"), record.get("type")]
    others = [f"{name}: {value}" for name, value in record.items() if name not in {*SHOWN, "address", "value"}]
    return {
        "address": address,
        "why": " ".join(str(part) for part in [*why, *others] if part),
        "tags": ", ".join(map(str, tags)) if isinstance(tags, list) else str(tags or ""),
        "created_at": _moment(str(record.get("created_at") or record.get("createdAt") or "")),
    }


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
