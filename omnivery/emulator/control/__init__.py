"""The control API under `/_/`, for tests in any language. It requires no key: keep it on a loopback address."""

from __future__ import annotations

from omnivery.emulator.control import deliveries, faults, lists, messages, newest, openapi, reset, smtp, trigger, wait

ROUTES = (
    *messages.ROUTES,
    *newest.ROUTES,
    *lists.ROUTES,
    *deliveries.ROUTES,
    *wait.ROUTES,
    *faults.ROUTES,
    *trigger.ROUTES,
    *smtp.ROUTES,
    *reset.ROUTES,
    *openapi.ROUTES,
)
