"""The counts beside the names of the sections."""

from __future__ import annotations

from omnivery.emulator.page.texts import number
from omnivery.emulator.state import State


def counts(state: State) -> dict[str, str]:
    """Return the number of records of each section, as text."""
    seen, account = state.store.statistics, state.account.domains
    lists = ("bounces", "complaints", "unsubscribes", "blocks", "whitelists")
    suppressions = sum(len(getattr(domain, name)) for domain in account for name in lists)
    return {
        "messages": number(state.store.messages.count()),
        "events": number(seen.bot_events),
        "deliveries": number(state.store.deliveries.count()),
        "suppressions": number(suppressions),
        "domains": number(len(account)),
        "faults": number(len(state.faults.pending) + len(state.faults.spec.parts)),
        "requests": number(seen.requests),
    }
