"""Webhook deliveries: the list, and one delivery with every attempt, its request and its response."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import dumps, loads
from omnivery.emulator.examples import KINDS
from omnivery.emulator.page import delivery_rows, snippets
from omnivery.emulator.page.counts import counts
from omnivery.emulator.page.listing import listing, url_with
from omnivery.emulator.page.missing import missing
from omnivery.emulator.page.sections import DELIVERIES, EVENTS, MESSAGES
from omnivery.emulator.page.template import render
from omnivery.emulator.records.deliveries import DeliveryAttempt, DeliveryQuery, DeliveryRecord, DeliveryState
from omnivery.emulator.records.messages import MessageQuery
from omnivery.emulator.records.window import Window
from omnivery.emulator.state import State

STATES: tuple[DeliveryState, ...] = ("waiting", "delivered", "rejected", "given up")
BODY_SHOWN = 100_000
"""Characters of a body that are shown."""


def show_list(request: Request, state: State) -> Response:
    """Show the deliveries that match."""
    chosen = request.query_params.get("state", "")
    query = DeliveryQuery(
        url=request.query_params.get("q", "").strip() or None,
        state=next((name for name in STATES if name == chosen), None),
        kind=request.query_params.get("kind") or None,
        batch_id=request.query_params.get("batch") or None,
    )
    records = state.store.deliveries
    found = listing(request, lambda window: records.find(query, window), total=records.count(query), noun="webhooks")
    return render(
        "deliveries.html",
        DELIVERIES,
        counts=counts(state),
        found=found,
        rows=delivery_rows.rows(found.records),
        query=query,
        states=_states(request, state, query),
        kinds=KINDS,
        snippets=snippets.snippets(request, state),
    )


def show_one(request: Request, state: State) -> Response:
    """Show one delivery."""
    number = request.path_params["id"]
    record = state.store.deliveries.get(int(number)) if number.isdecimal() and len(number) < 19 else None  # noqa: PLR2004
    if record is None:
        return missing(DELIVERIES, state, "webhook")
    body = state.store.deliveries.body(record.id)
    return render(
        "delivery.html",
        DELIVERIES,
        counts=counts(state),
        record=record,
        at=datetime.fromtimestamp(record.at, UTC),
        due_at=datetime.fromtimestamp(record.due_at, UTC) if record.due_at else None,
        label=delivery_rows.status(record),
        tone=delivery_rows.TONES[record.state],
        about=_about(record, state),
        attempts=[_attempt(attempt, body) for attempt in reversed(record.attempts)],
        body=None if body is None else _indented(body),
        resend_path=f"/_/deliveries/{record.id}/resend",
        path=DELIVERIES.path,
    )


def _states(request: Request, state: State, query: DeliveryQuery) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "count": state.store.deliveries.count(DeliveryQuery(state=name)),
            "on": query.state == name,
            "url": url_with(request, state=None if query.state == name else name, before=None, after=None),
        }
        for name in STATES
    ]


def _about(record: DeliveryRecord, state: State) -> tuple[str, str | None]:
    """What the webhook is about: text and URL."""
    if record.kind == "bot":
        return f"batch {record.batch_id}", f"{EVENTS.path}?{urlencode({'batch': record.batch_id})}"
    query = MessageQuery(uuid=record.batch_id)
    found = state.store.messages.find(query, Window(limit=1)).records
    return f"message {record.batch_id}", f"{MESSAGES.path}/{found[0].id}" if found else None


def _attempt(attempt: DeliveryAttempt, body: bytes | None) -> dict[str, Any]:
    good = attempt.status is not None and 200 <= attempt.status < 300  # noqa: PLR2004  # success
    return {
        "number": attempt.number,
        "at": datetime.fromtimestamp(attempt.at, UTC),
        "milliseconds": attempt.duration * 1000,
        "status": attempt.status,
        "tone": "good" if good else "bad",
        "error": attempt.error,
        "headers": attempt.headers,
        "excerpt": attempt.excerpt.decode("utf-8", "replace"),
        "signature": None if attempt.signature is None else _indented(dumps({"signature": attempt.signature})),
        "has_body": body is not None,
    }


def _indented(body: bytes) -> str:
    """Return JSON with one value in a line; other text as it is."""
    try:
        text = json.dumps(loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        text = body.decode("utf-8", "replace")
    return text if len(text) <= BODY_SHOWN else f"{text[:BODY_SHOWN]}\n…"
