"""Webhook calls without a signature that could be read: what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from omnivery._json import loads
from omnivery.webhooks.body import Payload
from omnivery.webhooks.payload import is_form
from omnivery.webhooks.reasons import Explanation, SignatureCause, refused

FIELDS = ("timestamp", "token", "signature")
"""The parts of a signature."""


def explain_unreadable(payload: Payload, body: bytes | None, fields: Mapping[str, Any] | None) -> Explanation:
    """Say what is wrong with a call in which no signature was found.

    Args:
        payload: the call, as it was given.
        body: its bytes, if it was given as such.
        fields: its JSON object, if it is one.
    """
    # 1. Not a JSON object.
    if fields is None:
        return _no_object(payload, body or b"")
    inner: object = fields.get("signature")
    parts = cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else fields
    # 2. Nothing of a signature in it.
    if not isinstance(inner, Mapping) and not any(name in fields for name in FIELDS):
        return refused(SignatureCause.MISSING, f"The call is not signed: {_names(fields)}.", _unsigned_hint(fields))
    # 3. `signature` is something else than an object, in a call.
    if not isinstance(inner, Mapping | str) and "signature" in fields:
        message = f"`signature` is {_kind(inner)}, and must be an object of timestamp, token and signature."
        return refused(SignatureCause.FIELD_WRONG, message, "Post the body as it was received.")
    # 4. A part of it is missing. 5. Or it is of another type.
    if missing := [name for name in FIELDS if parts.get(name) in (None, "")]:
        message = f"The signature lacks {' and '.join(f'`{name}`' for name in missing)}: {_names(parts)}."
        return refused(SignatureCause.FIELD_MISSING, message, "Post the body as it was received, with all three.")
    return _mistyped(parts)


def _no_object(payload: Payload, body: bytes) -> Explanation:
    if is_form(payload):
        hint = "Set the webhook to the format `mailgun`, which posts JSON."
        return refused(SignatureCause.FORM, "The body is a form, as Mailgun's legacy webhooks send it.", hint)
    try:
        whole = loads(body)
    except ValueError:
        message = f"The body is not JSON; it has {len(body):,} bytes." if body else "The body is empty."
        return refused(SignatureCause.NOT_JSON, message, "Give the request's body, as it was received.")
    if isinstance(whole, list):
        count = len(cast("list[object]", whole))
        message = f"The body is a list of {count:,}, and a call is one object."
        return refused(SignatureCause.LIST, message, "Give one of the list, as it stands there.")
    return refused(SignatureCause.NOT_JSON, f"The body is {_kind(whole)}, and a call is an object.", "Give the body.")


def _mistyped(parts: Mapping[str, Any]) -> Explanation:
    timestamp = parts["timestamp"]
    if isinstance(timestamp, float):
        message = "`timestamp` is a number with a fraction: the digits that were signed are lost."
        return refused(
            SignatureCause.FIELD_WRONG, message, "Keep the body as it was received: a JSON writer changed it."
        )
    for name in ("token", "signature"):
        if not isinstance(parts[name], str):
            message = f"`{name}` is {_kind(parts[name])}, and must be text."
            return refused(SignatureCause.FIELD_WRONG, message, "Keep the body as it was received.")
    message = "`timestamp` is not a whole number of unix seconds."
    hint = "A date in words or a negative number is nothing that the service signs: keep the body as it was received."
    return refused(SignatureCause.FIELD_WRONG, message, hint)


def _unsigned_hint(fields: Mapping[str, Any]) -> str:
    if {"event-data", "event_data", "events", "is_bot"} & set(fields):
        return (
            "If the service sent it so, it does not sign such calls: `Receiver(verifier=…)` takes your own check, and "
            "`unsigned='accept'` takes calls of everyone who knows the URL."
        )
    return "It may be another service's call, or another format: set the webhook to the format `mailgun`."


def _names(fields: Mapping[str, Any]) -> str:
    # Names alone: values are personal data.
    shown = [f"`{name[:40]}`" for name in [*fields][:8] if name.isprintable()]
    return f"it has {', '.join(shown)}{' …' if len(fields) > len(shown) else ''}" if shown else "it is empty"


def _kind(value: object) -> str:
    kinds: tuple[tuple[Any, str], ...] = (
        (type(None), "null"),
        (bool, "true or false"),
        (int | float, "a number"),
        (str, "a text"),
        (list, "a list"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), "an object")
