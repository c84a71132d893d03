"""The routes of the Mailgun-compatible API."""

from __future__ import annotations

from omnivery.emulator.mailgun import (
    addresses,
    credentials,
    domains,
    messages,
    stats,
    suppressions,
    webhooks,
    whitelists,
)

ROUTES = (
    # What begins with a fixed segment comes first: `{domain}` would take that for a name.
    *domains.ROUTES,
    *credentials.ROUTES,
    *webhooks.ROUTES,
    *addresses.ROUTES,
    *messages.ROUTES,
    *stats.ROUTES,
    *suppressions.ROUTES,
    *whitelists.ROUTES,
)
