"""An example webhook call of each kind: for `omnivery trigger`, the API's samples, the control API and test data."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Mapping
from typing import Any, cast

from omnivery.emulator.domain import Domain
from omnivery.emulator.happening import (
    ACCEPTED,
    CLICKED,
    COMPLAINED,
    DELIVERED,
    HARD,
    OPENED,
    REJECTED,
    SOFT,
    UNSUBSCRIBED,
    Happening,
)
from omnivery.emulator.message import StoredMessage
from omnivery.emulator.payload import CLIENT, READER_IP, event_data
from omnivery.errors import ConfigError

DOMAIN = "mail.example.com"
"""The sending domain, where none is given."""
RECIPIENT = "ann@example.com"
"""The recipient, where none is given."""
HAPPENINGS: Mapping[str, Happening] = {
    "accepted": ACCEPTED,
    "delivered": DELIVERED,
    "opened": OPENED,
    "clicked": CLICKED,
    "softbounced": SOFT,
    "temporary_fail": SOFT,
    "hardbounced": HARD,
    "permanent_fail": HARD,
    "failed": HARD,
    "complained": COMPLAINED,
    "unsubscribed": UNSUBSCRIBED,
    "rejected": REJECTED,
}
"""What the webhook types of Omnivery's and of Mailgun's page tell of a message."""
VERDICTS: Mapping[str, tuple[bool, ...]] = {"bot": (True,), "human": (False,), "verdicts": (True, False)}
"""Kinds of calls that bring verdicts, with the verdicts that they bring."""
KINDS: tuple[str, ...] = (*HAPPENINGS, *VERDICTS)
"""Every kind."""
ALIASES: Mapping[str, str] = {
    "accept": "accepted",
    "deliver": "delivered",
    "open": "opened",
    "click": "clicked",
    "bounce": "hardbounced",
    "bounced": "hardbounced",
    "hardbounce": "hardbounced",
    "softbounce": "softbounced",
    "fail": "failed",
    "complain": "complained",
    "complaint": "complained",
    "unsubscribe": "unsubscribed",
    "reject": "rejected",
    "verdict": "verdicts",
}
"""Other names of kinds."""
BOT_AGENT = "Mozilla/5.0 (compatible; ExampleScanner/1.0; +https://example.com/scanner)"
"""User agent of the example's bot."""
BOT_IP = "192.0.2.7"
"""Its IP address, from the network that the emulator always judges to be a bot's."""


def find_kind(name: str) -> str:
    """Return the kind of that name or alias.

    Raises:
        ConfigError: no kind has that name; the message lists the kinds.
    """
    wanted = name.strip().lower().replace("-", "_")
    kind = ALIASES.get(wanted, wanted)
    if kind not in KINDS:
        raise ConfigError(f"no webhook call is of the kind {name!r}; there are {', '.join(KINDS)}")
    return kind


def example_call(
    kind: str, *, domain: str = DOMAIN, fields: Mapping[str, Any] | None = None, flags: Mapping[str, bool] | None = None
) -> dict[str, Any]:
    """Return the body of a webhook call, without its signature.

    Args:
        kind: one of `KINDS`, or an alias of it.
        domain: the sending domain.
        fields: values to set: of `event-data`, or of every event that has a verdict. Dots lead into nested objects, as
            in `message.headers.subject`. A `recipient` is also put where else the call names the recipient.
        flags: what Mailgun's `flags` say of the event.

    Raises:
        ConfigError: no kind has that name, or a path leads through a value that is not an object.
    """
    chosen, values = find_kind(kind), fields or {}
    if chosen in VERDICTS:
        events = [_judged(verdict) for verdict in VERDICTS[chosen]]
        for event in events:
            _set_all(event, values)
        return verdicts_call(events)
    recipient = values.get("recipient")
    happened = HAPPENINGS[chosen]
    data = example_event(happened, Domain(name=domain, id=1), recipient if isinstance(recipient, str) else RECIPIENT)
    _set_all(data, {**({"flags": dict(flags)} if flags else {}), **values})
    return {"event-data": data}


def verdicts_call(judged: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the body of a webhook call that brings verdicts, without its signature.

    Args:
        judged: the fields of each event, with its verdict in `is_bot`.
    """
    return {"batch": {"id": str(uuid.uuid4()), "size": len(judged)}, "events": judged}


def example_event(happening: Happening, domain: Domain, recipient: str = RECIPIENT) -> dict[str, Any]:
    """Return the `event-data` of a made-up message from a domain."""
    message = StoredMessage(
        id=f"<00000000-0000-1000-8000-000000000001@{domain.name}>",
        domain=domain.name,
        surface="automations",
        fields=(("from", f"News <news@{domain.name}>"), ("to", recipient), ("o:tag", "sample")),
        sender=f"news@{domain.name}",
        to=(recipient,),
        subject="A sample",
        text="https://example.com/",
    )
    return event_data(happening, message, recipient, domain)


def _judged(is_bot: bool) -> dict[str, Any]:  # noqa: FBT001  # the verdict is the one value that there is
    now = int(time.time())
    return {
        "event_id": secrets.token_hex(16),
        "ip": BOT_IP if is_bot else READER_IP,
        "uas": BOT_AGENT if is_bot else CLIENT["user-agent"],
        "action": "click",
        "domain": RECIPIENT.rpartition("@")[2],
        "message_id": "00000000-0000-1000-8000-000000000001",
        "ts": now,
        "message_ts": now - (1 if is_bot else 600),
        "is_bot": is_bot,
    }


def _set_all(target: dict[str, Any], values: Mapping[str, Any]) -> None:
    for path, value in values.items():
        *parents, last = path.split(".")
        place = target
        for index, name in enumerate(parents):
            below = place.setdefault(name, {})
            if not isinstance(below, dict):
                raise ConfigError(f"{'.'.join(parents[: index + 1])} is not an object, so {path!r} cannot be set")
            place = cast("dict[str, Any]", below)
        place[last] = value
