"""Payloads of webhook calls: told apart by their keys, and handed to the reader of their kind."""

from __future__ import annotations

from typing import TypeAlias

from omnivery.errors import PayloadError
from omnivery.webhooks import verdicts
from omnivery.webhooks.signature import TOLERANCE, Payload, check, decode, encoded
from omnivery.webhooks.verdicts import BotVerdicts

WebhookEvent: TypeAlias = BotVerdicts
"""What one webhook call may bring."""


def parse(body: Payload, *keys: str | bytes, tolerance: float = TOLERANCE, now: float | None = None) -> WebhookEvent:
    """Verify a webhook call, then read it.

    A call is read only when `verify` would be true for it; what the signature does and does not prove is said there.
    Whether the call was handled before is not asked here: remember the result's `token`, or let `Receiver` do it.

    Args:
        body: the request's body.
        keys: the account's signing key; several while it changes.
        tolerance: seconds that the signature may be old, or ahead of the clock.
        now: unix seconds to compare the signature's timestamp with; the clock's when left out.

    Raises:
        ConfigError: no key was given, a key is empty, or the tolerance is not a number from 0.
        PayloadError: the body is not a JSON object, or not one that we know.
        SignatureError: the signature is missing, wrong, too old or from the future; the message says which.
    """
    secrets = encoded(keys)
    payload = decode(body)
    if payload is None:
        raise PayloadError("the body is not a JSON object")
    signature = check(payload, secrets, tolerance=tolerance, now=now)
    if verdicts.is_known(payload):
        return verdicts.read(payload, signature)
    raise PayloadError("not a payload that we know: expected bot results, with `events`, or `is_bot` and `request`")
