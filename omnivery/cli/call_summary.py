"""What a webhook call brings, in a few words and as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omnivery.display.counts import counted
from omnivery.errors import WebhookError
from omnivery.webhooks.delivery import DeliveryEvent
from omnivery.webhooks.payload import WebhookEvent, parse_unverified


def summary_of(body: bytes) -> dict[str, Any]:
    """Say what a call brings, from any sender; `kind` is None if it cannot be read."""
    try:
        return summary(parse_unverified(body))
    except WebhookError:
        return {"kind": None}


def summary(event: WebhookEvent) -> dict[str, Any]:
    """Return a call's kind, and what programs want to know of it."""
    if isinstance(event, DeliveryEvent):
        fields = {"event": event.event, "severity": event.severity, "recipient": event.recipient, "id": event.id}
        return {"kind": "delivery", **fields, "message_id": event.message_id}
    counts = {"bots": True, "humans": False, "unknown": None}
    found = {name: sum(verdict.is_bot is value for verdict in event) for name, value in counts.items()}
    return {"kind": "verdicts", "verdicts": len(event), **found, "unreadable": len(event.unreadable)}


def words(fields: Mapping[str, Any]) -> str:
    """Say a summary in words."""
    if fields["kind"] is None:
        return "no call that can be read"
    if fields["kind"] == "delivery":
        severity = f" ({fields['severity']})" if fields["severity"] else ""
        return f"{fields['event'] or 'event'}{severity} {fields['recipient'] or ''}".rstrip()
    parts = [counted(fields[name], name[:-1]) for name in ("bots", "humans") if fields[name]]
    parts += [f"{fields[name]:,} {name}" for name in ("unknown", "unreadable") if fields[name]]
    return f"{counted(fields['verdicts'], 'verdict')}: {', '.join(parts) or 'none'}"
