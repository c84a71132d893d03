"""How this surface declares its endpoints: one row each."""

from __future__ import annotations

from omnivery.transport.operation import KeyKind, OperationFactory

operation = OperationFactory("automations", KeyKind.TOKEN, "https://docs.omnivery.com/api-ref/automations-api")
