"""Factories for this surface's operations, one for each kind of key."""

from __future__ import annotations

from omnivery.transport.operation import KeyKind, OperationFactory

DOCS = "https://docs.omnivery.com/api-ref/mailgun-api"

primary: OperationFactory = OperationFactory("mailgun", KeyKind.PRIMARY, DOCS)
sending: OperationFactory = OperationFactory("mailgun", KeyKind.SENDING, DOCS)
either: OperationFactory = OperationFactory("mailgun", KeyKind.EITHER, DOCS)
any_key: OperationFactory = OperationFactory("mailgun", KeyKind.ANY, DOCS)
