"""Signed bodies of webhook calls, as the service would post them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from omnivery.emulator.examples import DOMAIN, example_call, verdicts_call
from omnivery.events.event import BotEvent
from omnivery.events.verdict import Verdict
from omnivery.mail.vocabulary import WebhookName
from omnivery.transport.config import from_environment, required
from omnivery.webhooks.signature import sign


def delivery_payload(
    kind: WebhookName = "delivered",
    *,
    fields: Mapping[str, Any] | None = None,
    domain: str = DOMAIN,
    signing_key: str | None = None,
    timestamp: int | None = None,
) -> dict[str, Any]:
    """Return the body of a webhook call about a message, signed: post it to your receiver as JSON.

        client.post("/webhooks", json=delivery_payload("hardbounced", fields={"recipient": "ann@example.com"}))

    Args:
        kind: type of the webhook; Mailgun's `permanent_fail` and `temporary_fail` are known, too.
        fields: values of `event-data` to set, by name; dots lead into nested objects, as in
            `message.headers.message-id` or `user-variables.order`.
        domain: the sending domain.
        signing_key: the account's signing key; `OMNIVERY_SIGNING_KEY` if left out.
        timestamp: when it is signed, in unix seconds; now if left out. Receivers refuse what is too old.

    Raises:
        ConfigError: there is no signing key, or no webhook of that type.
    """
    return _signed(example_call(kind, domain=domain, fields=fields), signing_key, timestamp)


def verdicts_payload(
    verdicts: Iterable[Verdict | BotEvent | Mapping[str, Any]] | None = None,
    *,
    is_bot: bool = True,
    signing_key: str | None = None,
    timestamp: int | None = None,
) -> dict[str, Any]:
    """Return the body of a webhook call with verdicts, signed: post it to your receiver as JSON.

        client.post("/verdicts", json=verdicts_payload([bot_event(event_id="click-1")], is_bot=False))

    Args:
        verdicts: verdicts, or events that all get the verdict `is_bot`. If left out, a bot's click and a human's.
        is_bot: the verdict of what is not a `Verdict`.
        signing_key: the account's signing key; `OMNIVERY_SIGNING_KEY` if left out.
        timestamp: when it is signed, in unix seconds; now if left out. Receivers refuse what is too old.

    Raises:
        ConfigError: there is no signing key.
    """
    if verdicts is None:
        return _signed(example_call("verdicts"), signing_key, timestamp)
    return _signed(verdicts_call([_judged(each, default=is_bot) for each in verdicts]), signing_key, timestamp)


def _judged(given: Verdict | BotEvent | Mapping[str, Any], *, default: bool | None) -> dict[str, Any]:
    if isinstance(given, Verdict):
        return _judged(given.request, default=given.is_bot)
    event = given if isinstance(given, BotEvent) else BotEvent.from_fields(given)
    return {**event.to_fields(), **({} if default is None else {"is_bot": default})}


def _signed(content: dict[str, Any], signing_key: str | None, timestamp: int | None) -> dict[str, Any]:
    key = required(
        from_environment(signing_key, "OMNIVERY_SIGNING_KEY"),
        argument="signing_key",
        variable="OMNIVERY_SIGNING_KEY",
        purpose="signing key",
    )
    return {"signature": sign(key, timestamp=timestamp), **content}
