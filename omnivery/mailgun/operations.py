"""How this surface declares its endpoints: one row each, by the kind of key that it takes."""

from __future__ import annotations

from omnivery.transport.operation import KeyKind, OperationFactory

DOCS = "https://docs.omnivery.com/api-ref/mailgun-api"

primary = OperationFactory("mailgun", KeyKind.PRIMARY, DOCS)
sending = OperationFactory("mailgun", KeyKind.SENDING, DOCS)
either = OperationFactory("mailgun", KeyKind.EITHER, DOCS)
any_key = OperationFactory("mailgun", KeyKind.ANY, DOCS)
