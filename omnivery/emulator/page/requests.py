"""Requests to the APIs, as they came."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.page import snippets
from omnivery.emulator.page.counts import counts
from omnivery.emulator.page.listing import listing
from omnivery.emulator.page.sections import REQUESTS
from omnivery.emulator.page.template import render
from omnivery.emulator.records.requests import RequestQuery, RequestRecord
from omnivery.emulator.state import State

ERROR = 400
"""The lowest status of an error."""


def show_list(request: Request, state: State) -> Response:
    """Show the requests that match."""
    given = {name: value.strip() or None for name, value in request.query_params.items()}
    status = given.get("status") or ""
    query = RequestQuery(
        method=given.get("method"),
        route=given.get("route"),
        status=int(status) if status.isdecimal() and len(status) == 3 else None,  # noqa: PLR2004  # a status
    )
    records = state.store.requests
    found = listing(request, lambda window: records.find(query, window), total=records.count(query), noun="requests")
    return render(
        "requests.html",
        REQUESTS,
        counts=counts(state),
        found=found,
        rows=[_row(record) for record in found.records],
        query=query,
        routes=sorted(state.faults.names),
        snippets=snippets.snippets(request, state),
    )


def _row(record: RequestRecord) -> dict[str, Any]:
    bad = record.status is None or record.status >= ERROR
    return {
        "id": record.id,
        "at": datetime.fromtimestamp(record.at, UTC),
        "method": record.method,
        "path": record.path,
        "route": record.route,
        "status": "cut" if record.status is None else record.status,
        "tone": "bad" if bad else "good",
        "milliseconds": record.duration * 1000,
    }
