"""The routes of the Automations API."""

from __future__ import annotations

from omnivery.emulator.automations import account, addresses, bots, domains, messages, suppressions, webhooks

ROWS = (
    *account.ROWS,
    *addresses.ROWS,
    *domains.ROWS,
    *webhooks.ROWS,
    *messages.ROWS,
    *suppressions.ROWS,
    *bots.ROWS,
)
