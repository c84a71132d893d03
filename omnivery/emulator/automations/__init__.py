"""The routes of the Automations API."""

from __future__ import annotations

from omnivery.emulator.automations import account, addresses, bots, domains, messages, suppressions, webhooks

ROUTES = (
    *account.ROUTES,
    *addresses.ROUTES,
    *domains.ROUTES,
    *webhooks.ROUTES,
    *messages.ROUTES,
    *suppressions.ROUTES,
    *bots.ROUTES,
)
