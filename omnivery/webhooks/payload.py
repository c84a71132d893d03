"""Payloads of webhook calls: told apart by their keys, and read by the reader of their kind."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeAlias

from omnivery.codec import dumps
from omnivery.errors import PayloadError
from omnivery.webhooks import delivery, verdicts
from omnivery.webhooks.body import Decoded, Payload, decode
from omnivery.webhooks.delivery import DeliveryEvent
from omnivery.webhooks.reasons import RefusalReason
from omnivery.webhooks.signature import TOLERANCE, Signature, check, check_tolerance, encode_keys, find, unsigned
from omnivery.webhooks.verdicts import BotVerdicts

WebhookEvent: TypeAlias = BotVerdicts | DeliveryEvent
"""What one webhook call brings: test with `isinstance` which it is."""

FORM_POST = (
    "a form post, as Mailgun's legacy webhooks send it, and only JSON is read: set the webhook to the format "
    "`mailgun`, which posts an object with `event-data` and `signature`"
)


def parse(
    body: Payload, *keys: str | bytes, tolerance: float | None = TOLERANCE, now: float | None = None
) -> WebhookEvent:
    """Verify a webhook call, then read it.

    A call is read only if `verify` is true for it; what the signature proves is described there. Replays are not
    detected here: remember the result's `token`, or use `Receiver`.

    Entries of a batch that are not events are kept in `BotVerdicts.unreadable`, and cost none of the others.
    Form posts, the shape of Mailgun's legacy webhooks, are refused: set such a webhook to the format `mailgun`.

    Args:
        body: the request's body.
        keys: the account's signing key; several while it changes.
        tolerance: seconds by which the signature's timestamp may differ from the clock, either way; None for any
            timestamp.
        now: unix seconds to compare the timestamp with; the clock's when left out.

    Returns:
        `BotVerdicts` for bot results, a `DeliveryEvent` for an event of a message.

    Raises:
        ConfigError: no key was given; a key is empty, or holds blanks, line breaks or quotes; or the tolerance is not a
            number from 0 up.
        PayloadError: the body is not a JSON object, or neither bot results nor a delivery event.
        SignatureError: the signature is missing, wrong, too old or from the future; the message says which.
    """
    secrets, seconds = encode_keys(keys), check_tolerance(tolerance)
    decoded = decode(body)
    payload = need_object(decoded, body)
    signature = check(payload, secrets, tolerance=seconds, now=now)
    return read(decoded, signature, verified=True, now=time.time() if now is None else now)


def parse_unverified(body: Payload, *, now: float | None = None) -> WebhookEvent:
    """Read a webhook call **without asking who sent it**. Everyone who knows your URL can send what this reads.

    For calls whose sender was proved in another way: by a scheme of signatures that the SDK does not know, by a
    gateway in front, or because they come from your own store. `verified` of the result is False.

    Args:
        body: the request's body.
        now: unix seconds for the `timestamp` of unsigned verdicts; the clock's when left out.

    Returns:
        As `parse`. The `token` of a call without a signature is a digest of its body.

    Raises:
        PayloadError: the body is not a JSON object, or neither bot results nor a delivery event.
    """
    decoded = decode(body)
    signature = find(need_object(decoded, body)) or unsigned(content_of(body))
    return read(decoded, signature, verified=False, now=time.time() if now is None else now)


def need_object(decoded: Decoded, body: Payload) -> Mapping[str, Any]:
    """Return a body's JSON object.

    Raises:
        PayloadError: it has none.
    """
    if decoded.payload is not None:
        return decoded.payload
    if is_form(body):
        raise PayloadError(FORM_POST, reason=RefusalReason.FORM)
    raise PayloadError("the body is not a JSON object", reason=RefusalReason.NOT_JSON)


def content_of(body: Payload) -> bytes:
    """The bytes of a body; of one that was parsed already, an equal text."""
    if isinstance(body, Mapping):
        return dumps(body, default=str)
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)


def read(decoded: Decoded, signature: Signature, *, verified: bool, now: float) -> WebhookEvent:
    """Read a payload of either kind.

    Raises:
        PayloadError: it is neither bot results nor a delivery event.
    """
    payload = decoded.payload or {}
    if delivery.is_known(payload):
        return delivery.read(payload, signature, verified=verified)
    if verdicts.is_known(payload):
        return verdicts.read(payload, signature, verified=verified, now=now, repaired=decoded.repaired)
    raise _unknown(payload)


def is_form(body: Payload) -> bool:
    """Whether a body is a form: url-encoded or multipart, with the fields of a signature in it."""
    if not isinstance(body, bytes | bytearray | memoryview | str):
        return False  # a framework has parsed it: a mapping, or whatever JSON the caller sent
    start = body[:100_000]  # the fields of a signature are short, and stand among the first
    text = start if isinstance(start, str) else bytes(start).decode("utf-8", "replace")
    if text.startswith("--"):
        return "form-data" in text
    names = {pair.partition("=")[0] for pair in text.split("&")}
    return {"timestamp", "token", "signature"} <= names


def _unknown(payload: Mapping[str, Any]) -> PayloadError:
    # In a form that a web framework has parsed already, all fields stand at the top, the digest included.
    if isinstance(payload.get("signature"), str):
        return PayloadError(FORM_POST, reason=RefusalReason.FORM)
    return PayloadError(
        "an unknown kind of payload: expected a delivery event, with `event-data`, or bot results, with `events`, "
        "or `is_bot` and `request`. If it is another service's format, set the webhook to the format `mailgun`",
        reason=RefusalReason.UNKNOWN_PAYLOAD,
    )
