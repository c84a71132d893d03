"""An Automations service that responds from a script; the service itself is that of the Mailgun tests."""

from __future__ import annotations

from typing import Any

from omnivery import AsyncAutomations
from tests.support.mailgun import (
    DOMAIN,
    Service,
    reply,
    service,
)
from tests.support.wire import Handler, respond_with

__all__ = ["DOMAIN", "Service", "client_of", "reply", "service"]


def client_of(service: Handler, **settings: Any) -> AsyncAutomations:
    """A client of it."""
    respond_with(service)
    return AsyncAutomations("t0k3n", **{"domain": DOMAIN, **settings})
