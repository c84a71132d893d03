"""Delivery of a message: counts, suppressions and webhooks for each recipient.

Mail is delivered, except to fixed test addresses, which are known by the local part before any `+`:

| address | what happens |
| --- | --- |
| `hardbounce@…` | fails for good, and lands on the bounce list |
| `softbounce@…` | fails for now |
| `complain@…` | delivered, then a complaint: lands on the complaint list |
| `unsubscribe@…` | delivered, then unsubscribed: lands on the unsubscribe list |
| `open@…`, `click@…` | delivered, then opened, or opened and clicked, unless tracking is off |

Mail to an address on a suppression list fails for good, unless the whitelist has the address or its domain. A test
message is only counted.
"""

from __future__ import annotations

from omnivery.codec import dumps
from omnivery.emulator.address_rules import fixed_part
from omnivery.emulator.domain import Domain
from omnivery.emulator.happening import (
    CLICKED,
    COMPLAINED,
    DELIVERED,
    HARD,
    OPENED,
    SOFT,
    UNSUBSCRIBED,
    Happening,
)
from omnivery.emulator.message import StoredMessage
from omnivery.emulator.payload import event_data
from omnivery.emulator.state import State
from omnivery.emulator.webhook_call import Delivery

SUPPRESSED = {
    "suppress-bounce": (605, "Not delivering to previously bounced address"),
    "suppress-unsubscribe": (606, "Not delivering to unsubscribed address"),
    "suppress-complaint": (607, "Not delivering to a user who marked your messages as spam"),
    "suppress-block": (608, "Not delivering to blocked address"),
}
"""Codes and texts of suppressed deliveries; the first three are Mailgun's, blocks are Omnivery's."""
FIXED: dict[str, tuple[Happening, ...]] = {
    "hardbounce": (HARD,),
    "softbounce": (SOFT,),
    "complain": (DELIVERED, COMPLAINED),
    "unsubscribe": (DELIVERED, UNSUBSCRIBED),
    "open": (DELIVERED, OPENED),
    "click": (DELIVERED, OPENED, CLICKED),
}
"""Events of the fixed test addresses."""
WEBHOOKS: dict[str, tuple[str, ...]] = {
    "failed permanent": ("hardbounced", "permanent_fail", "failed"),
    "failed temporary": ("softbounced", "temporary_fail", "failed"),
    "unsubscribed": ("unsubscribed", "unsubscribe"),
}
"""Webhook names of an event, if they differ from the event's own: Omnivery's, Mailgun's, the plugin's."""
OFF = frozenset({"no", "false", "0"})
"""Spellings of no."""


def carry_out(message: StoredMessage, domain: Domain, state: State) -> None:
    """Carry a message out. Webhooks of one recipient reach a URL in the order of their events."""
    for recipient in message.recipients:
        domain.stats.count("accepted", "outgoing")
        if message.test_mode:
            continue
        happenings = _foresee(message, recipient, domain)
        for happening in happenings:
            domain.stats.count(happening.event, happening.counted)
            _record(happening, message, recipient, domain)
        _tell(happenings, message, recipient, domain, state)


def _foresee(message: StoredMessage, recipient: str, domain: Domain) -> list[Happening]:
    # 1. The recipient is suppressed.
    if suppressed := _suppressed(message, recipient, domain):
        return [suppressed]
    # 2. A fixed test address has its own events.
    due = FIXED.get(fixed_part(recipient), (DELIVERED,))
    # 3. Without tracking there are no opens and clicks.
    unseen = {OPENED: not _tracked(message, "opens"), CLICKED: not _tracked(message, "clicks")}
    return [happening for happening in due if not unseen.get(happening)]


def _suppressed(message: StoredMessage, recipient: str, domain: Domain) -> Happening | None:
    # "Whitelisted addresses are exempt from suppressions": from all lists, not from bounces alone.
    if _whitelisted(recipient, domain):
        return None
    unsubscribed = (domain.unsubscribes.get(recipient) or {}).get("tags", [])
    reasons = {
        "suppress-bounce": domain.bounces.get(recipient),
        "suppress-unsubscribe": {"*", *message.options("o:tag")} & set(unsubscribed),
        "suppress-complaint": domain.complaints.get(recipient),
        "suppress-block": domain.blocks.get(recipient),
    }
    reason = next((name for name, record in reasons.items() if record), None)
    if reason is None:
        return None
    code, text = SUPPRESSED[reason]
    return Happening(
        event="failed", severity="permanent", reason=reason, code=code, text=text, counted=f"permanent.{reason}"
    )


def _whitelisted(recipient: str, domain: Domain) -> bool:
    return any(domain.whitelists.get(value) for value in (recipient, recipient.rpartition("@")[2]))


def _tracked(message: StoredMessage, what: str) -> bool:
    # A field of the request outweighs a header.
    chosen = (next(iter(message.options(name)), "yes") for name in ("o:tracking", f"o:tracking-{what}"))
    return all(value.lower() not in OFF for value in chosen)


def _record(happening: Happening, message: StoredMessage, recipient: str, domain: Domain) -> None:
    if happening is HARD and not _whitelisted(recipient, domain):
        domain.bounces.put(recipient, {"address": recipient, "code": str(HARD.code), "error": HARD.text})
    if happening is COMPLAINED:
        domain.complaints.put(recipient, {"address": recipient, "error": "marked as spam"})
    if happening is UNSUBSCRIBED:
        tags = message.options("o:tag") or ["*"]
        domain.unsubscribes.put(recipient, {"address": recipient, "error": "", "tags": tags})


def _tell(happenings: list[Happening], message: StoredMessage, recipient: str, domain: Domain, state: State) -> None:
    """Queue webhooks separately for each URL, so that one that does not respond delays no other."""
    runs: dict[str, list[Delivery]] = {}
    after = 0.0
    for happening in happenings:
        delay = state.latency.event(happening.event)
        after += delay
        if not (urls := _urls(happening, message, domain)):
            continue
        data = event_data(happening, message, recipient, domain, like_mailgun=state.settings.like_mailgun)
        body = dumps({"event-data": {**data, "timestamp": data["timestamp"] + after}})
        for url in urls:
            delivery = Delivery(url=url, batch_id=message.uuid, kind=happening.event, body=body, delay=delay)
            runs.setdefault(url, []).append(delivery)
    for run in runs.values():
        state.webhook_sender.dispatch(*run)


def _urls(happening: Happening, message: StoredMessage, domain: Domain) -> list[str]:
    # A message's own URL overrides the domain's.
    for own in (message.values("callback_url"), message.options("callback_url")):
        if urls := [url for url in own if url]:
            return urls
    return configured_urls(happening, domain)


def configured_urls(happening: Happening, domain: Domain) -> list[str]:
    """Return the URLs of a domain's webhooks that are told of an event."""
    names = WEBHOOKS.get(f"{happening.event} {happening.severity}".strip(), (happening.event,))
    return list(dict.fromkeys(url for name in names for url in domain.webhooks.get(name, [])))
