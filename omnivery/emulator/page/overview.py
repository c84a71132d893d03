"""The first page: what the emulator is, what arrived, and how to connect."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.page import delivery_rows, events, snippets
from omnivery.emulator.page.counts import counts
from omnivery.emulator.page.sections import DELIVERIES, EVENTS, FAULTS, MESSAGES, OVERVIEW
from omnivery.emulator.page.template import render
from omnivery.emulator.page.texts import number
from omnivery.emulator.records.window import Window
from omnivery.emulator.state import State

ROWS = 6


def show(request: Request, state: State) -> Response:
    """Show the page. It contains no secret."""
    seen = state.store.statistics
    messages = state.store.messages.find(window=Window(limit=ROWS)).records
    return render(
        "overview.html",
        OVERVIEW,
        counts=counts(state),
        seen=seen,
        messages=[
            {
                "id": item.id,
                "url": f"{MESSAGES.path}/{item.id}",
                "subject": item.subject,
                "recipients": ", ".join(item.recipients[:2]),
                "at": datetime.fromtimestamp(item.at, UTC),
            }
            for item in messages
        ],
        deliveries=delivery_rows.rows(state.store.deliveries.find(window=Window(limit=ROWS)).records),
        is_new=not (seen.messages or seen.bot_events or seen.requests),
        urls=_urls(request, state),
        snippets=snippets.snippets(request, state),
        spec=str(state.faults.spec),
        relay=_relay(state),
        paths={"messages": MESSAGES.path, "events": EVENTS.path, "deliveries": DELIVERIES.path, "faults": FAULTS.path},
        **events.timeline(request, state),
    )


def _relay(state: State) -> str | None:
    """What the SMTP relay did, in words; None if there is none."""
    if state.relay is None:
        return None
    seen = state.relay.statistics
    counts = {"passed on": seen.passed_on, "waiting": seen.waiting, "failed": seen.failed, "dropped": seen.dropped}
    said = ", ".join(f"{number(count)} {word}" for word, count in counts.items())
    return f"{said}; the last error: {seen.last_error}" if seen.last_error else said


def _urls(request: Request, state: State) -> list[tuple[str, Any]]:
    base = snippets.base_url(request)
    return [
        ("Automations API", base),
        ("Mailgun-compatible API", f"{base}/v3"),
        ("Own receiver of webhooks", f"{base}/_/webhook"),
        ("Control API, for tests", f"{base}/_/openapi.json"),
        ("Domain", state.settings.domain),
    ]
