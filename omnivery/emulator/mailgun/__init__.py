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

ROWS = (
    # What begins with a fixed segment comes first: `{domain}` would take that for a name.
    *domains.ROWS,
    *credentials.ROWS,
    *webhooks.ROWS,
    *addresses.ROWS,
    *messages.ROWS,
    *stats.ROWS,
    *suppressions.ROWS,
    *whitelists.ROWS,
)
