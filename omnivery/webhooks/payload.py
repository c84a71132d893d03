"""Payloads of webhook calls: told apart by their keys, and read by the reader of their kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from omnivery.errors import PayloadError
from omnivery.webhooks import delivery, verdicts
from omnivery.webhooks.delivery import DeliveryEvent
from omnivery.webhooks.signature import TOLERANCE, Payload, check, decode, encoded
from omnivery.webhooks.verdicts import BotVerdicts

WebhookEvent: TypeAlias = BotVerdicts | DeliveryEvent
"""What one webhook call brings: test with `isinstance` which it is."""

FORM_POST = (
    "a form post, as Mailgun's legacy webhooks send it, and only JSON is read: set the webhook to the format "
    "`mailgun`, which posts an object with `event-data` and `signature`"
)


def parse(body: Payload, *keys: str | bytes, tolerance: float = TOLERANCE, now: float | None = None) -> WebhookEvent:
    """Verify a webhook call, then read it.

    A call is read only if `verify` is true for it; what the signature proves is described there. Replays are not
    detected here: remember the result's `token`, or use `Receiver`.

    Form posts, the shape of Mailgun's legacy webhooks, are refused: set such a webhook to the format `mailgun`.

    Args:
        body: the request's body.
        keys: the account's signing key; several while it changes.
        tolerance: seconds by which the signature's timestamp may differ from the clock, either way.
        now: unix seconds to compare the timestamp with; the clock's when left out.

    Returns:
        `BotVerdicts` for bot results, a `DeliveryEvent` for an event of a message.

    Raises:
        ConfigError: no key was given, a key is empty, or the tolerance is not a number from 0 up.
        PayloadError: the body is not a JSON object, or neither bot results nor a delivery event.
        SignatureError: the signature is missing, wrong, too old or from the future; the message says which.
    """
    secrets = encoded(keys)
    payload = decode(body)
    if payload is None:
        raise PayloadError(FORM_POST if _is_form(body) else "the body is not a JSON object")
    signature = check(payload, secrets, tolerance=tolerance, now=now)
    if delivery.is_known(payload):
        return delivery.read(payload, signature)
    if verdicts.is_known(payload):
        return verdicts.read(payload, signature)
    raise PayloadError(_unknown(payload))


def _is_form(body: Payload) -> bool:
    """Whether a body is a form: url-encoded or multipart, with the fields of a signature in it."""
    if isinstance(body, Mapping):
        return False
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    if text.startswith("--"):
        return "form-data" in text
    names = {pair.partition("=")[0] for pair in text.split("&")}
    return {"timestamp", "token", "signature"} <= names


def _unknown(payload: Mapping[str, Any]) -> str:
    # In a form that a web framework has parsed already, all fields stand at the top, the digest included.
    if isinstance(payload.get("signature"), str):
        return FORM_POST
    return (
        "an unknown kind of payload: expected a delivery event, with `event-data`, or bot results, with `events`, "
        "or `is_bot` and `request`. If it is another service's format, set the webhook to the format `mailgun`"
    )
