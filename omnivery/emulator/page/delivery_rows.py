"""Rows of webhook deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from omnivery.emulator.page.sections import DELIVERIES
from omnivery.emulator.records.deliveries import DeliveryRecord

TONES = {"waiting": "warn", "delivered": "good", "rejected": "bad", "given up": "bad"}
"""The tone of each state."""


def rows(records: Iterable[DeliveryRecord]) -> list[dict[str, Any]]:
    """Return what the template of the rows shows."""
    return [
        {
            "id": record.id,
            "path": f"{DELIVERIES.path}/{record.id}",
            "at": datetime.fromtimestamp(record.at, UTC),
            "url": record.url,
            "kind": record.kind,
            "events": record.events,
            "attempts": len(record.attempts),
            "status": status(record),
            "error": record.attempts[-1].error if record.attempts else None,
            "tone": TONES[record.state],
        }
        for record in records
    ]


def status(record: DeliveryRecord) -> str:
    """Return the state of a delivery, with the last response's status."""
    last = record.attempts[-1].status if record.attempts else None
    return record.state if last is None else f"{record.state} · {last}"
