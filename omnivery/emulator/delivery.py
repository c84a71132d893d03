"""What becomes of a message: counts, suppressions, and webhooks, one recipient after another.

Everybody gets their mail, but for fixed test addresses, known by the local part in front of any `+`:

| address | what happens |
| --- | --- |
| `hardbounce@…` | fails for good, and lands on the bounce list |
| `softbounce@…` | fails for now |
| `complain@…` | delivered, then a complaint: lands on the complaint list |
| `unsubscribe@…` | delivered, then unsubscribed: lands on the unsubscribe list |
| `open@…`, `click@…` | delivered, then opened, or opened and clicked, unless tracking is off |

Whoever is on a suppression list fails for good; a white list helps against the bounce list, and against no other. A
test message is counted and nothing more.
"""

from __future__ import annotations

from omnivery.emulator.address_rules import fixed_part
from omnivery.emulator.domain import Domain
from omnivery.emulator.message import StoredMessage
from omnivery.emulator.payload import Happening, event_data
from omnivery.emulator.state import State
from omnivery.emulator.webhook_sender import Delivery

DELIVERED = Happening(event="delivered", code=250, text="250 2.0.0 Ok: queued", counted="smtp")
HARD = Happening(
    event="failed",
    severity="permanent",
    reason="bounce",
    code=550,
    text="550 5.1.1 User unknown",
    bounce_class="bad-mailbox",
    counted="permanent.bounce",
)
SOFT = Happening(
    event="failed",
    severity="temporary",
    reason="espblock",
    code=451,
    text="451 4.7.1 Please try again later",
    bounce_class="blocked",
    counted="temporary.espblock",
)
OPENED, CLICKED = Happening(event="opened"), Happening(event="clicked")
COMPLAINED, UNSUBSCRIBED = Happening(event="complained"), Happening(event="unsubscribed")

SUPPRESSED = {
    "suppress-bounce": (605, "Not delivering to previously bounced address"),
    "suppress-unsubscribe": (606, "Not delivering to unsubscribed address"),
    "suppress-complaint": (607, "Not delivering to a user who marked your messages as spam"),
    "suppress-block": (608, "Not delivering to blocked address"),
}
"""Codes and texts for those who get no mail any more; the first three are Mailgun's, blocks are Omnivery's."""
FIXED: dict[str, tuple[Happening, ...]] = {
    "hardbounce": (HARD,),
    "softbounce": (SOFT,),
    "complain": (DELIVERED, COMPLAINED),
    "unsubscribe": (DELIVERED, UNSUBSCRIBED),
    "open": (DELIVERED, OPENED),
    "click": (DELIVERED, OPENED, CLICKED),
}
"""What happens to the fixed test addresses."""
WEBHOOKS: dict[str, tuple[str, ...]] = {
    "failed permanent": ("hardbounced", "permanent_fail", "failed"),
    "failed temporary": ("softbounced", "temporary_fail", "failed"),
    "unsubscribed": ("unsubscribed", "unsubscribe"),
}
"""Names under which a webhook for an event may be registered: Omnivery's, Mailgun's, the plugin's; else its own."""
OFF = frozenset({"no", "false", "0"})
"""Spellings of no."""


def carry_out(message: StoredMessage, domain: Domain, site: State) -> None:
    """Let a message have its effects. Webhooks of one recipient reach one address in the order of their events."""
    for recipient in message.recipients:
        domain.stats.count("accepted", "outgoing")
        if message.test_mode:
            continue
        happenings = _foresee(message, recipient, domain)
        for happening in happenings:
            domain.stats.count(happening.event, happening.counted)
            _record(happening, message, recipient, domain)
        _tell(happenings, message, recipient, domain, site)


def _foresee(message: StoredMessage, recipient: str, domain: Domain) -> list[Happening]:
    # 1. Suppressed.
    if suppressed := _suppressed(message, recipient, domain):
        return [suppressed]
    # 2. As its address says.
    due = FIXED.get(fixed_part(recipient), (DELIVERED,))
    # 3. What is not tracked is not noticed.
    unseen = {OPENED: not _tracked(message, "opens"), CLICKED: not _tracked(message, "clicks")}
    return [happening for happening in due if not unseen.get(happening)]


def _suppressed(message: StoredMessage, recipient: str, domain: Domain) -> Happening | None:
    unsubscribed = (domain.unsubscribes.get(recipient) or {}).get("tags", [])
    reasons = {
        "suppress-bounce": not _whitelisted(recipient, domain) and domain.bounces.get(recipient),
        "suppress-unsubscribe": {"*", *message.values("o:tag")} & set(unsubscribed),
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
    return all((message.value(name) or "yes").lower() not in OFF for name in ("o:tracking", f"o:tracking-{what}"))


def _record(happening: Happening, message: StoredMessage, recipient: str, domain: Domain) -> None:
    if happening is HARD and not _whitelisted(recipient, domain):
        domain.bounces.put(recipient, {"address": recipient, "code": str(HARD.code), "error": HARD.text})
    if happening is COMPLAINED:
        domain.complaints.put(recipient, {"address": recipient, "error": "marked as spam"})
    if happening is UNSUBSCRIBED:
        tags = message.values("o:tag") or ["*"]
        domain.unsubscribes.put(recipient, {"address": recipient, "error": "", "tags": tags})


def _tell(happenings: list[Happening], message: StoredMessage, recipient: str, domain: Domain, site: State) -> None:
    """One run of webhooks for each address, so that one that does not answer holds up no other."""
    runs: dict[str, list[Delivery]] = {}
    for happening in happenings:
        if not (urls := _urls(happening, message, domain)):
            continue
        content = {"event-data": event_data(happening, message, recipient, domain)}
        for url in urls:
            delivery = Delivery(url=url, batch_id=message.uuid, kind=happening.event, content=content)
            runs.setdefault(url, []).append(delivery)
    for run in runs.values():
        site.courier.dispatch(*run)


def _urls(happening: Happening, message: StoredMessage, domain: Domain) -> list[str]:
    # A message's own address takes the place of the domain's.
    if own := [url for url in message.values("callback_url") if url]:
        return own
    names = WEBHOOKS.get(f"{happening.event} {happening.severity}".strip(), (happening.event,))
    return list(dict.fromkeys(url for name in names for url in domain.webhooks.get(name, [])))
