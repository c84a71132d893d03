"""The factory for this surface's operations."""

from __future__ import annotations

from omnivery.transport.operation import KeyKind, OperationFactory

operation: OperationFactory = OperationFactory(
    "automations", KeyKind.TOKEN, "https://docs.omnivery.com/api-ref/automations-api"
)
